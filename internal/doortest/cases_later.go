package doortest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// later returns rows with tokens that are presented again after a change: a
// remembered token must be refused when it is no longer valid.
func later(f *Fixture) []Case {
	// replaced publishes other keys instead of the token's.
	replaced := func(name string, code verifier.Code, reason verifier.Reason, others ...map[string]any) Case {
		var swapped atomic.Bool
		return Case{
			Name: name, LaterCode: code, LaterReason: reason,
			Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-time.Minute)},
			Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = func(ctx context.Context) ([]byte, error) {
					if swapped.Load() {
						return keySet(others...)(ctx)
					}
					return keySet(f.Foreign.JWK())(ctx)
				}
			},
			Then: func(t *testing.T, v *verifier.Verifier) {
				swapped.Store(true)
				if err := v.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		}
	}
	// after advances the verifier's clock. Its keys stay the same.
	after := func(name string, d time.Duration, reason verifier.Reason, token spec, issuer func(*verifier.Issuer)) Case {
		var passed atomic.Int64
		return Case{
			Name: name, LaterCode: verifier.InvalidToken, LaterReason: reason, Spec: token, Issuer: issuer,
			Config: func(c *verifier.Config) {
				c.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			},
			Then: func(*testing.T, *verifier.Verifier) { passed.Store(int64(d)) },
		}
	}
	same := *rsaKeys()[2]
	same.ID = f.Foreign.ID
	another := &m2mtest.Key{ID: "another", Algorithm: "RS256", Private: f.Foreign.Private}
	refused := new(atomic.Bool)
	return []Case{
		replaced("its key stays", 0, "", f.Weak.JWK(), f.Foreign.JWK()),
		replaced("its key is removed", verifier.InvalidToken, verifier.KeyRemoved, f.Weak.JWK()),
		replaced("another key takes its key's ID", verifier.InvalidToken, verifier.BadSignature, same.JWK()),
		replaced("its key gets another ID", verifier.InvalidToken, verifier.KeyRemoved, another.JWK()),
		replaced("a second key gets its key's ID", verifier.InvalidToken, verifier.KeyUnusable, same.JWK(), f.Foreign.JWK(), f.Weak.JWK()),
		after("it expires", 5*time.Minute, verifier.Expired, spec{TTL: time.Minute}, nil),
		after("it gets too old", 5*time.Minute, verifier.TooOld, spec{}, func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }),
		after("the clock is put back", -5*time.Minute, verifier.NotYetValid, spec{}, nil),
		{
			Name: "the client is revoked", LaterCode: verifier.InvalidToken, LaterReason: verifier.Revoked,
			Config: func(c *verifier.Config) {
				c.Check = func(context.Context, verifier.Client, verifier.Request) error {
					if refused.Load() {
						return verifier.Revoked
					}
					return nil
				}
			},
			Then: func(*testing.T, *verifier.Verifier) { refused.Store(true) },
		},
		{
			Name: "the verifier is closed", LaterCode: verifier.Unavailable, LaterReason: verifier.Closed,
			Then: func(_ *testing.T, v *verifier.Verifier) { v.Close() },
		},
	}
}
