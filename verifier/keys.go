package verifier

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
)

// maxSwaps bounds how often one call looks again because the key set was
// replaced under it.
const maxSwaps = 4

// wanted is the key that a token needs.
type wanted struct {
	issuer *issuer
	header jose.Header
	issued time.Time // the token's "iat", or zero
	now    time.Time // by the clock that the token is held against
}

// findKey finds a key in those of its issuer, and the set that it is in. Only
// for one that might be newer than the set does it wait, for a bounded time.
func (v *Verifier) findKey(ctx context.Context, w wanted) (key jwks.Key, set *jwks.Set, refused *Error) {
	var wait jwks.Wait
	for range maxSwaps {
		verdict := jwks.Unknown
		if set = w.issuer.source.Current(); set != nil {
			key, verdict = set.Lookup(w.header.KeyID, w.header.Algorithm)
		} else if w.header.KeyID == "" {
			// Which key a nameless token means can't be waited for: whatever
			// came, it would have to be tried.
			return key, nil, w.issuer.keysUnavailable(nil)
		}
		switch verdict {
		case jwks.Found:
			return key, set, nil
		case jwks.Mismatch:
			return key, nil, refuseWith(InvalidToken, Algorithm, untrusted("not that of key", w.header.KeyID))
		case jwks.Unusable:
			return key, nil, refuseWith(InvalidToken, KeyUnusable, untrusted("kid", w.header.KeyID))
		case jwks.Removed:
			return key, nil, refuseWith(InvalidToken, KeyRemoved, untrusted("kid", w.header.KeyID))
		case jwks.Ambiguous:
			return key, nil, refuseWith(InvalidToken, KeyID, errAmbiguous)
		}
		if wait == (jwks.Wait{}) {
			wait = jwks.NewWait(set)
		}
		if err := w.issuer.source.Next(ctx, set, wait); err != nil {
			return key, nil, v.keyMissing(ctx, w, set, wait.Since, err)
		}
	}
	return key, nil, w.issuer.keysUnavailable(errRestless)
}

var (
	errAmbiguous = errors.New(`"kid" is missing, and not exactly one key fits`)
	errRestless  = errors.New("the key set changes too often")
)

// keyMissing says what becomes of a token whose key is not in set, after err
// of Next. It is invalid only if the authority was asked after the token was
// issued: otherwise the key may be newer than what is known, and a good machine
// must not be told to throw its token away.
func (v *Verifier) keyMissing(ctx context.Context, w wanted, set *jwks.Set, arrived time.Time, err error) *Error {
	switch {
	case errors.Is(err, jwks.ErrClosed):
		return refuse(Unavailable, Closed)
	case ctx.Err() != nil:
		return refuseWith(Unavailable, Canceled, ctx.Err())
	case errors.Is(err, jwks.ErrBusy):
		return w.issuer.keysUnavailable(err)
	}
	if began, asked, ok := w.issuer.source.LastGood(set); ok {
		// On the token's clock there are two measures of when that was, and the
		// earlier counts: the wall clock may have been set since, and the
		// monotonic one stands still while a machine is suspended.
		if byMonotonic := w.now.Add(began.Sub(arrived)); byMonotonic.Before(asked) {
			asked = byMonotonic
		}
		if asked.After(w.issued.Add(v.cfg.Leeway)) {
			return refuseWith(InvalidToken, KeyUnknown, untrusted("kid", w.header.KeyID))
		}
	}
	return w.issuer.keysUnavailable(err)
}

const (
	minRetryAfter = 1 * time.Second
	maxRetryAfter = 30 * time.Second
)

// keysUnavailable is the refusal of a token that can't be judged. Callers are
// told different times to come back, or they would all come at once.
func (iss *issuer) keysUnavailable(cause error) *Error {
	next, lastError := iss.source.NextFetch()
	latest := min(max(time.Until(next), 2*minRetryAfter), maxRetryAfter)
	if lastError != nil {
		cause = errors.Join(cause, lastError)
	}
	e := refuseWith(Unavailable, KeysUnavailable, cause)
	e.RetryAfter = minRetryAfter + rand.N(latest-minRetryAfter)
	return e
}

// standing says whether a token that was once verified is still good: its
// issuer's keys can be used, its own is among them, and its time has not run
// out.
func (v *Verifier) standing(t *token) *Error {
	set := t.issuer.source.Current()
	switch {
	case v.isClosed():
		return refuse(Unavailable, Closed)
	case set == nil:
		return t.issuer.keysUnavailable(nil)
	case set != t.set && !set.Holds(t.key):
		return refuse(InvalidToken, KeyRemoved)
	}
	return t.lifetime.at(v.cfg.Now())
}
