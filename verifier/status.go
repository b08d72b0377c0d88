package verifier

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

// KeyState describes how fresh an issuer's keys are.
type KeyState string

const (
	KeysCold    KeyState = "cold"    // never fetched: its tokens are refused as Unavailable
	KeysFresh   KeyState = "fresh"   // confirmed on time
	KeysStale   KeyState = "stale"   // overdue or failing: the last good ones are used
	KeysExpired KeyState = "expired" // not confirmed within MaxStale: its tokens are refused as Unavailable
	KeysClosed  KeyState = "closed"  // after Close
)

// IssuerStatus describes an issuer's keys at one moment. An issuer with Introspect
// has no keys: State, Confirmed, LastError, NextAttempt and Fetches describe the
// questions that it was asked about tokens.
type IssuerStatus struct {
	Issuer      string
	JWKSURL     string // without its user, query and fragment; "" with FetchJWKS
	Introspects bool   // the authority is asked about tokens: Issuer.Introspect is set
	Optional    bool   // Ready does not wait for it
	State       KeyState
	Confirmed   time.Time // when the fetch began that last confirmed the keys; zero if none did
	LastError   error     // of the last fetch, if it failed
	NextAttempt time.Time // when the keys are fetched next; not in the future during a fetch
	Fetches     int       // how many fetches began
	UnknownKeys uint64    // how many tokens were refused for a key that is not among Keys
	Keys        []KeyStatus
	Problems    []KeyProblem // of the last key set that was fetched, even if none of its keys can be used
}

// KeyStatus describes a key in use.
type KeyStatus struct {
	ID         string // "kid", or ""
	Algorithm  string
	Thumbprint string // RFC 7638 with SHA-256, in base64url: revocation.Key takes it
}

// KeyProblem describes a problem with a published key: it can't be used, another
// key replaced it under the same ID, or it came back after it was removed.
type KeyProblem struct {
	KeyID string // quoted and cut if it is not short and plain
	Text  string
	// Compromised reports that the authority has published the secret part of
	// the key, in this entry or in another. Anyone who saw it can sign tokens.
	Compromised bool
}

// state returns the status of iss.
func (iss *issuer) state() IssuerStatus {
	if iss.source == nil {
		return iss.verifier.opaque.status()
	}
	return iss.status(iss.source.Status())
}

// status returns the exported form of s.
func (iss *issuer) status(s jwks.Status) IssuerStatus {
	st := IssuerStatus{
		Issuer:      iss.Name,
		JWKSURL:     jwks.Address(iss.JWKSURL),
		Optional:    iss.Optional,
		State:       keyState(s.State),
		Confirmed:   s.Confirmed,
		LastError:   s.LastError,
		NextAttempt: s.Next,
		Fetches:     s.Fetches,
		UnknownKeys: s.Unknown,
	}
	if s.Set != nil {
		for _, k := range s.Set.Keys() {
			st.Keys = append(st.Keys, KeyStatus{
				ID:         k.ID,
				Algorithm:  k.Algorithm,
				Thumbprint: base64.RawURLEncoding.EncodeToString(k.Thumbprint[:]),
			})
		}
	}
	for _, p := range s.Problems {
		st.Problems = append(st.Problems, KeyProblem{KeyID: quoted(p.KeyID), Text: p.Text, Compromised: p.Secret})
	}
	return st
}

func keyState(s jwks.State) KeyState {
	switch s {
	case jwks.Fresh:
		return KeysFresh
	case jwks.Stale:
		return KeysStale
	case jwks.Expired:
		return KeysExpired
	case jwks.Closed:
		return KeysClosed
	default:
		return KeysCold
	}
}

// Status returns the state of each issuer's keys, in the order of Config.Issuers.
// It is for probes and dashboards, and does no I/O. It returns nil for a Verifier
// that does not come from [New].
func (v *Verifier) Status() []IssuerStatus {
	if v.isUnmade() {
		return nil
	}
	list := make([]IssuerStatus, len(v.issuers))
	for i, iss := range v.issuers {
		list[i] = iss.state()
	}
	return list
}

// Issuers lists every "iss" that is trusted, each issuer's Name and then its
// aliases, in the order of Config.Issuers. It returns nil for a Verifier that
// does not come from [New].
func (v *Verifier) Issuers() (names []string) {
	if v.isUnmade() {
		return nil
	}
	for _, iss := range v.issuers {
		names = append(append(names, iss.Name), iss.Aliases...)
	}
	return names
}

// Ready waits until every issuer that is not Optional has keys, and Config.Revocations
// has a view, for servers that should not start without them. It does not wait for an
// issuer with Introspect, which is asked only about tokens. If ctx has ended it returns at once, so it can
// also serve as a readiness probe: docs/operating.md, "Readiness". The error names
// each issuer that is not ready, and why. After Close it is an [*Error] with the
// Reason Closed.
func (v *Verifier) Ready(ctx context.Context) error {
	err := v.each(ctx, (*jwks.Source).Ready, func(iss *issuer) bool { return !iss.Optional })
	if list := v.revocations(); list != nil {
		err = errors.Join(err, list.Ready(orBackground(ctx)))
	}
	return err
}

// Refresh fetches every issuer's keys now, for example after a key was
// compromised. Once it returns nil, only keys are accepted that the authorities
// published after the call. The error names each issuer whose fetch failed and
// keeps its keys, and each whose keys came from a cache. What an issuer with
// Introspect has answered is forgotten, and its tokens are asked about again. After
// Close the error is an [*Error] with the Reason Closed. See docs/operating.md,
// "Incidents".
func (v *Verifier) Refresh(ctx context.Context) error {
	if !v.isClosed() {
		v.opaque.forget()
	}
	return v.each(ctx, (*jwks.Source).Refresh, func(*issuer) bool { return true })
}

// each calls do for every wanted issuer, concurrently, and joins the errors.
func (v *Verifier) each(ctx context.Context, do func(*jwks.Source, context.Context) error, wanted func(*issuer) bool) error {
	if v.isClosed() {
		return refuse(Unavailable, Closed)
	}
	ctx = orBackground(ctx)
	results := make([]chan error, len(v.issuers))
	for i, iss := range v.issuers {
		results[i] = make(chan error, 1)
		if iss.source == nil || !wanted(iss) {
			results[i] <- nil
			continue
		}
		go func() { results[i] <- do(iss.source, ctx) }()
	}
	var errs []error
	for i, result := range results {
		if err := <-result; err != nil {
			errs = append(errs, fmt.Errorf("m2mauth: keys of %q: %w", v.issuers[i].Name, err))
		}
	}
	return errors.Join(errs...)
}
