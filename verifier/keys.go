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

// findKey finds the key that header names in the keys of t's issuer, and
// leaves it in t with the set that it is in. Only for a key that might be
// newer than the set does it wait, for a bounded time.
func (v *Verifier) findKey(ctx context.Context, t *token, header jose.Header) *Error {
	source := t.issuer.source
	bounded := ctx // by one wait, however often the keys change meanwhile
	for range maxSwaps {
		set := source.Current()
		verdict := jwks.Unknown
		if set != nil {
			t.key, verdict = set.Lookup(header.KeyID, header.Algorithm)
		} else if header.KeyID == "" {
			// Which key a nameless token means can't be waited for: whatever
			// came, it would have to be tried.
			return v.keysUnavailable(t.issuer, nil)
		}
		switch verdict {
		case jwks.Found:
			t.set = set
			return nil
		case jwks.Mismatch:
			return refuseWith(InvalidToken, Algorithm, untrusted("not that of key", header.KeyID))
		case jwks.Unusable:
			return refuseWith(InvalidToken, KeyUnusable, untrusted("kid", header.KeyID))
		case jwks.Removed:
			return refuseWith(InvalidToken, KeyRemoved, untrusted("kid", header.KeyID))
		case jwks.Ambiguous:
			return refuseWith(InvalidToken, KeyID, errAmbiguous)
		}
		if bounded == ctx {
			wait := jwks.WaitWarm
			if set == nil {
				wait = jwks.WaitCold
			}
			var cancel context.CancelFunc
			bounded, cancel = context.WithTimeout(ctx, wait)
			defer cancel()
		}
		if err := source.Next(bounded, set); err != nil {
			return v.keyMissing(ctx, t, header, set, err)
		}
	}
	return v.keysUnavailable(t.issuer, errRestless)
}

var (
	errAmbiguous = errors.New(`"kid" is missing, and not exactly one key fits`)
	errRestless  = errors.New("the key set changes too often")
)

// keyMissing says what becomes of a token whose key is not in set. It is invalid
// only if the authority was asked after the token was issued: otherwise the
// key may be newer than what is known, and a good machine must not be told to
// throw its token away.
func (v *Verifier) keyMissing(ctx context.Context, t *token, header jose.Header, set *jwks.Set, err error) *Error {
	switch {
	case errors.Is(err, jwks.ErrClosed):
		return refuse(Unavailable, Closed)
	case ctx.Err() != nil:
		return refuseWith(Unavailable, Canceled, ctx.Err())
	case errors.Is(err, jwks.ErrBusy):
		return v.keysUnavailable(t.issuer, err)
	}
	if began, ok := t.issuer.source.LastGood(set); ok {
		// On the token's clock, but by the monotonic one's measure: a jump of
		// the wall clock since the fetch must not make it look older or newer.
		asked := v.cfg.Now().Add(-time.Since(began))
		if asked.After(t.client.IssuedAt.Add(t.leeway)) {
			return refuseWith(InvalidToken, KeyUnknown, untrusted("kid", header.KeyID))
		}
	}
	return v.keysUnavailable(t.issuer, err)
}

const (
	minRetryAfter = 1 * time.Second
	maxRetryAfter = 30 * time.Second
)

// keysUnavailable is the refusal of a token that can't be judged. Callers are
// told different times to come back, or they would all come at once.
func (v *Verifier) keysUnavailable(iss *issuer, cause error) *Error {
	status := iss.source.Status()
	latest := min(max(time.Until(status.Next), 2*minRetryAfter), maxRetryAfter)
	e := refuseWith(Unavailable, KeysUnavailable, errors.Join(cause, status.LastError))
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
		return v.keysUnavailable(t.issuer, nil)
	case set != t.set && !set.Holds(t.key):
		return refuse(InvalidToken, KeyRemoved)
	}
	return t.timely(v.cfg.Now())
}
