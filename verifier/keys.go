package verifier

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

const (
	minRetryAfter = 1 * time.Second
	maxRetryAfter = 30 * time.Second
)

// keyError turns an error of the issuer's key source into a refusal. Only what
// is known of the key for certain is InvalidToken: a machine with a good token
// must not be told to throw it away.
func keyError(err error) *Error {
	if errors.Is(err, jwks.ErrClosed) {
		return refuse(Unavailable, Closed)
	}
	missing, ok := errors.AsType[*jwks.MissingError](err)
	if !ok { // the error of the caller's own context
		return refuseWith(Unavailable, Canceled, err)
	}
	switch missing.Why {
	case jwks.OtherAlgorithm:
		return refuseWith(InvalidToken, Algorithm, err)
	case jwks.Dropped:
		return refuseWith(InvalidToken, KeyUnusable, err)
	case jwks.NotOne:
		return refuseWith(InvalidToken, KeyID, err)
	case jwks.NotPublished:
		return refuseWith(InvalidToken, KeyUnknown, err)
	case jwks.NoLongerPublished:
		return refuseWith(InvalidToken, KeyRemoved, err)
	}
	e := refuseWith(Unavailable, KeysUnavailable, err)
	if missing.Why == jwks.TooMany {
		e = refuseWith(TooManyRequests, UnknownKeysFlood, err)
	}
	// Callers get different times to come back, or they would all come at once.
	latest := min(max(missing.Next.Sub(missing.At), 2*minRetryAfter), maxRetryAfter)
	e.RetryAfter = minRetryAfter + rand.N(latest-minRetryAfter)
	return e
}

// holds reports whether the issuer's keys can be used, and that of t, which was
// once verified, is among them.
func (iss *issuer) holds(t *token) bool {
	set := iss.source.Current()
	return set != nil && (set == t.set || set.Holds(t.key))
}

// standing reports why a token that was once verified no longer counts: its
// issuer's keys can't be used, its own is not among them, or its time has run
// out.
func (v *Verifier) standing(t *token) *Error {
	now := v.cfg.Now()
	switch {
	case v.isClosed():
		return refuse(Unavailable, Closed)
	case !t.issuer.holds(t):
		q := jwks.Query{KeyID: t.key.ID, Algorithm: t.key.Algorithm, IssuedAt: t.client.IssuedAt, Now: now}
		if err := t.issuer.source.Check(t.key, q); err != nil {
			return keyError(err)
		}
	}
	return t.lifetime.at(now)
}
