package verifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

// KeyState is how fresh an issuer's keys are.
type KeyState string

const (
	KeysCold    KeyState = "cold"    // there never were any: its tokens can't be judged
	KeysFresh   KeyState = "fresh"   // confirmed on time
	KeysStale   KeyState = "stale"   // overdue or failing: the last good ones serve
	KeysExpired KeyState = "expired" // not confirmed within MaxStale: its tokens can't be judged
	KeysClosed  KeyState = "closed"  // after Close
)

// IssuerStatus is the state of an issuer's keys at one moment.
type IssuerStatus struct {
	Issuer      string
	State       KeyState
	Confirmed   time.Time // when the authority was last asked with success; zero if never
	LastError   error     // of the last fetch, if it failed
	NextAttempt time.Time // when it will be asked again
	Fetches     int       // how often it was asked
	Keys        []KeyStatus
	Problems    []KeyProblem // of the last key set that was fetched, even if none of its keys can be used
}

// KeyStatus is a key in use.
type KeyStatus struct {
	ID        string // "kid", or ""
	Algorithm string
}

// KeyProblem is something amiss with a published key: it was dropped, or
// another took its place under the same ID.
type KeyProblem struct {
	KeyID string // quoted and cut if it is not short and plain
	Text  string
	// Compromised: the authority has published the secret part of the key, in
	// this entry or in another. Everybody who saw it can sign with it.
	Compromised bool
}

func issuerStatus(name string, s jwks.Status) IssuerStatus {
	st := IssuerStatus{
		Issuer:      name,
		State:       keyState(s.State),
		Confirmed:   s.Confirmed,
		LastError:   s.LastError,
		NextAttempt: s.Next,
		Fetches:     s.Fetches,
	}
	if s.Set != nil {
		for _, k := range s.Set.Keys() {
			st.Keys = append(st.Keys, KeyStatus{ID: k.ID, Algorithm: k.Algorithm})
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

// Status tells how each issuer's keys stand, in the order of Config.Issuers.
// It is for probes and dashboards, and does no I/O.
func (v *Verifier) Status() []IssuerStatus {
	if v.isUnmade() {
		return nil
	}
	list := make([]IssuerStatus, len(v.issuers))
	for i, iss := range v.issuers {
		list[i] = issuerStatus(iss.Name, iss.source.Status())
	}
	return list
}

// Issuers lists every "iss" that is trusted, each issuer's Name and then its
// aliases, in the order of Config.Issuers.
func (v *Verifier) Issuers() (names []string) {
	if v.isUnmade() {
		return nil
	}
	for _, iss := range v.issuers {
		names = append(append(names, iss.Name), iss.Aliases...)
	}
	return names
}

// Ready waits until every issuer has keys, for servers that would rather start
// late than answer 503. It answers at once if ctx has ended, so it serves as a
// probe, too. The error names each issuer that is not ready, and why.
func (v *Verifier) Ready(ctx context.Context) error {
	return v.each(ctx, (*jwks.Source).Ready)
}

// Refresh fetches every issuer's keys now, as after a key was revoked in a
// hurry. The error names each issuer whose fetch failed; its keys stay as they
// are.
func (v *Verifier) Refresh(ctx context.Context) error {
	return v.each(ctx, (*jwks.Source).Refresh)
}

// each calls do for every issuer at the same time.
func (v *Verifier) each(ctx context.Context, do func(*jwks.Source, context.Context) error) error {
	if v.isClosed() {
		return refuse(Unavailable, Closed)
	}
	ctx = orBackground(ctx)
	results := make([]chan error, len(v.issuers))
	for i, iss := range v.issuers {
		results[i] = make(chan error, 1)
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
