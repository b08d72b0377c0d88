package verifier

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// checkRevoked refuses a token that Config.Revocations shuts out. A token that has
// passed is looked for again only when the list has changed.
func (v *Verifier) checkRevoked(t *token, now time.Time) *Error {
	list := v.cfg.Revocations
	if list == nil {
		return nil
	}
	// The generation comes first: a cut-off that is added after Find changes it.
	generation, fresh := list.View(now)
	switch {
	case !fresh:
		return revocationsUnavailable(list)
	case t.passed.Load() == generation:
		return nil
	}
	issued := revocation.Issued{
		Issuer:   t.issuer.Name,
		Aliases:  t.issuer.Aliases,
		ClientID: t.client.ID,
		TokenID:  t.client.TokenID,
		IssuedAt: t.client.IssuedAt,
	}
	if t.asked == nil { // otherwise no key of the authority has signed it
		issued.KeyThumbprint = t.key.Thumbprint
	}
	if cutoff, found := list.Find(issued); found {
		return revokedBy(cutoff, t.client.IssuedAt, now)
	}
	t.passed.Store(generation)
	return nil
}

// revokedBy returns the refusal of a token that a cut-off selects. Its client can get
// another one in the second after the bound: RetryAfter says when that is.
func revokedBy(c revocation.Cutoff, issued, now time.Time) *Error {
	e := refuseWith(InvalidToken, Revoked, cause(func() string {
		text := "cut off by " + c.String()
		if issued.IsZero() {
			text += `; the token has no "iat"`
		}
		if c.Note != "" {
			text += "; note " + strconv.QuoteToASCII(c.Note)
		}
		return text
	}))
	if !c.IssuedUpTo.IsZero() {
		e.RetryAfter = max(c.IssuedUpTo.Add(time.Second).Sub(now), 0)
	}
	return e
}

// revocationsUnavailable returns the refusal while it is unknown which tokens are
// shut out.
func revocationsUnavailable(list *revocation.List) *Error {
	e := refuseWith(Unavailable, RevocationsUnavailable, cause(func() string {
		switch s := list.Status(); {
		case s.Fresh:
			// It may also have been confirmed since.
			return "the list of revoked tokens was too old by Config.Now: it has to be the same clock as revocation.Config.Now"
		case s.LastError == nil && s.Loaded:
			return "the list of revoked tokens is " + s.Age.Round(time.Second).String() + " old, want at most " + s.MaxAge.String()
		case s.Loaded:
			return "the list of revoked tokens is " + s.Age.Round(time.Second).String() + " old, want at most " + s.MaxAge.String() + ": " + s.LastError.Error()
		case s.LastError == nil:
			return "the list of revoked tokens is not loaded yet"
		default:
			return "the list of revoked tokens was never loaded: " + s.LastError.Error()
		}
	}))
	// A random delay spreads the retries of many callers.
	e.RetryAfter = minRetryAfter + rand.N(minRetryAfter)
	return e
}

// followRevocations examines the open work of v whenever a cut-off is added, until
// v is closed.
func (v *Verifier) followRevocations() {
	defer close(v.followed)
	for {
		changed := v.cfg.Revocations.Changed()
		v.watches.changed() // what was added before Changed, too
		select {
		case <-changed:
		case <-v.stop:
			return
		}
	}
}

// revocations returns Config.Revocations, or nil.
func (v *Verifier) revocations() *revocation.List {
	if v.isUnmade() {
		return nil
	}
	return v.cfg.Revocations
}
