package verifier

import (
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// token holds what one good signature, or one answer of the authority, proved. It is
// immutable but for passed and asked. Nothing else that can change between two calls
// is in it.
type token struct {
	client   Client // refers to this token
	issuer   *issuer
	set      *jwks.Set // the set that key was found in
	key      jwks.Key
	named    bool // the header has a key ID
	lifetime lifetime
	payload  string            // the signed bytes, or the answer
	members  strictjson.Object // of payload
	audience strictjson.Value
	bound    binding
	asked    *asked        // nil if a signature was verified: then set and key are known
	passed   atomic.Uint64 // the generation of Config.Revocations at which it was not shut out
}

// size estimates how many bytes a token occupies, apart from its text.
func (t *token) size() int {
	const fixed, member = 512, 48 // the structs; one claim, apart from its text
	if t.asked != nil {
		return fixed + len(t.payload) + len(t.asked.raw) + member*(len(t.members)+t.client.Scopes.Len())
	}
	return fixed + len(t.payload) + member*(len(t.members)+t.client.Scopes.Len())
}

// remembered returns a token that was verified before and is still valid at now, or
// nil. A token that is no longer valid is removed, and then verified again:
// the Reason of its refusal must not depend on the cache. began is when the decision
// began by time.Now, if that is known: it saves the second reading of the same clock.
func (v *Verifier) remembered(raw string, began time.Time) (t *token, now time.Time) {
	if len(raw) > v.cfg.MaxTokenBytes {
		return nil, now // and not hashed
	}
	t, ok := v.cache.Get(raw)
	if !ok {
		return nil, now
	}
	if now = began; now.IsZero() || !v.standardNow {
		now = v.cfg.Now()
	}
	if t.asked != nil {
		return v.opaque.remembered(t, now), now
	}
	// Without a key ID, exactly one key of the whole set must fit. A new set
	// may therefore change the result for every such token.
	if !t.isHeld() || t.lifetime.at(now) != nil || !t.named && t.issuer.source.Current() != t.set {
		v.cache.Remove(raw)
		return nil, now
	}
	return t, now
}

// isHeld reports whether the key of t is in the set in force. It is true without a
// key: see opaque.again.
func (t *token) isHeld() bool {
	if t.asked != nil {
		return true
	}
	set := t.issuer.source.Current()
	return set != nil && (set == t.set || set.Holds(t.key))
}

// standing returns why a verified token is no longer valid: its Verifier is
// closed, its key is no longer published, its lifetime is over, or it is shut out. It
// returns nil while the token is valid.
func (t *token) standing(now time.Time) *Error {
	switch {
	case t.issuer.verifier.isClosed():
		return refuse(Unavailable, Closed)
	case !t.isHeld():
		q := jwks.Query{KeyID: t.key.ID, Algorithm: t.key.Algorithm, IssuedAt: t.client.IssuedAt, Now: now}
		if err := t.issuer.source.Check(t.key, q); err != nil {
			return keyError(err)
		}
	}
	if err := t.lifetime.at(now); err != nil {
		return err
	}
	return t.issuer.verifier.checkRevoked(t, now)
}
