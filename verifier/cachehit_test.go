package verifier_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func thumbprint(cert *x509.Certificate) string {
	digest := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// TestHitIsTimely: the times of a remembered token are checked on every
// call, and the Reason of a refusal is that of a token that is not
// remembered.
func TestHitIsTimely(t *testing.T) {
	const leeway = 30 * time.Second
	for _, tt := range []struct {
		name   string
		maxAge time.Duration
		spec   func(now time.Time) spec
		jump   time.Duration // of the wall clock
		want   verifier.Reason
	}{
		{"a moment before exp", 0, nil, time.Hour + leeway - 1, ""},
		{"at exp", 0, nil, time.Hour + leeway, verifier.Expired},
		{"a year after exp", 0, nil, 365 * 24 * time.Hour, verifier.Expired},
		{"a moment before MaxTokenAge", time.Minute, nil, time.Minute + leeway - 1, ""},
		{"at MaxTokenAge", time.Minute, nil, time.Minute + leeway, verifier.TooOld},
		{"exp before MaxTokenAge", 2 * time.Hour, nil, time.Hour + leeway, verifier.Expired},
		{"the clock set back, within the leeway", 0, nil, -leeway, ""},
		{"the clock set back before nbf", 0, func(now time.Time) spec {
			return spec{IssuedAt: now.Add(-time.Hour), NotBefore: now, ExpiresAt: now.Add(time.Hour)}
		}, -leeway - 1, verifier.NotYetValid},
		{"the clock set back before iat", 0, func(now time.Time) spec {
			return spec{IssuedAt: now, NotBefore: now.Add(-time.Hour), ExpiresAt: now.Add(time.Hour)}
		}, -leeway - 1, verifier.IssuedInFuture},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var offset atomic.Int64
				var l lookout
				s := newKeyServer(t, healthy)
				clock := func(c *verifier.Config) {
					c.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
					c.Issuers[0].MaxTokenAge = tt.maxAge
				}
				v := s.warm(t, clock, l.watch)
				plain := s.warm(t, clock, l.watch, func(c *verifier.Config) { c.CacheSize = -1 })
				now := time.Now().Truncate(time.Second) // times in a token are whole seconds
				offset.Store(int64(time.Until(now)))
				sp := spec{IssuedAt: now}
				if tt.spec != nil {
					sp = tt.spec(now)
				}
				r := bearer(s.Token(sp))
				l.remember(t, v, r)
				offset.Add(int64(tt.jump))
				l.want(t, plain, r, scopes.Authenticated(), false, tt.want)
				for range 2 {
					if d := l.call(t, v, r, scopes.Authenticated()); reasonOfDecision(d) != tt.want || tt.want == "" && !d.Cached {
						t.Errorf("%v, cached %t; want %q", d.Err, d.Cached, tt.want)
					}
				}
				// Back where it was, it is good again: nothing was decided for ever.
				offset.Add(int64(-tt.jump))
				if d := l.call(t, v, r, scopes.Authenticated()); d.Err != nil {
					t.Errorf("with the clock put right: %v", d.Err)
				}
			})
		})
	}
}

// TestHitNeedsKeysInForce: once the keys have expired, the tokens that they
// verified are refused as Unavailable too.
func TestHitNeedsKeysInForce(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(*keyServer, *verifier.Verifier)
		want verifier.Reason
	}{
		{"an outage", func(s *keyServer, _ *verifier.Verifier) { s.Now(hangs); keytest.Pass(50 * time.Minute) }, ""},
		{"an outage longer than MaxStale", func(s *keyServer, _ *verifier.Verifier) { s.Now(hangs); keytest.Pass(time.Hour) }, verifier.KeysUnavailable},
		{"Close", func(_ *keyServer, v *verifier.Verifier) { v.Close() }, verifier.Closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l lookout
				s := newKeyServer(t, healthy)
				v := s.warm(t, l.watch, func(c *verifier.Config) { c.Issuers[0].JWKS.MaxStale = time.Hour })
				r := bearer(s.Token(spec{TTL: 24 * time.Hour}))
				l.remember(t, v, r)
				tt.then(s, v)
				for range 2 {
					d := l.call(t, v, r, scopes.Authenticated())
					if reasonOfDecision(d) != tt.want || d.Err != nil && verifier.AsError(d.Err).Code != verifier.Unavailable || d.Cached != (tt.want == "") {
						t.Errorf("%v, cached %t; want %q", d.Err, d.Cached, tt.want)
					}
				}
				if tt.want == verifier.KeysUnavailable { // the same keys, confirmed again
					s.Now(healthy)
					if err := v.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					if d := l.call(t, v, r, scopes.Authenticated()); d.Err != nil {
						t.Errorf("after the outage: %v", d.Err)
					}
				}
			})
		})
	}
}

// TestHitNeedsItsKey: after a swap, a remembered token is accepted only if
// the new set holds its key: by thumbprint, under the same ID and for the
// same algorithm.
func TestHitNeedsItsKey(t *testing.T) {
	type key = m2mtest.Key
	beside := func(s *keyServer, k *key) { s.PublishKey(m2mtest.NewKey(k.Algorithm)) }
	removed := func(s *keyServer, k *key) { beside(s, k); s.RemoveKey(k.ID) }
	instead := func(other func(k key) key) func(*keyServer, *key) {
		return func(s *keyServer, k *key) {
			next := other(*k)
			s.RemoveKey(k.ID)
			s.PublishKey(&next)
		}
	}
	nameless := spec{Header: map[string]any{"kid": m2mtest.Absent}}
	for _, tt := range []struct {
		name string
		alg  string
		spec spec
		swap func(s *keyServer, k *key) // k signs
		want verifier.Reason            // "" if it still is a hit
	}{
		{"the same document", "ES256", spec{}, func(*keyServer, *key) {}, ""},
		{"another key beside it", "ES256", spec{}, beside, ""},
		{"the same key twice", "ES256", spec{}, func(s *keyServer, k *key) { beside(s, k); s.PublishKey(k) }, ""},
		{"removed", "ES256", spec{}, removed, verifier.KeyRemoved},
		{"another key under its ID", "ES256", spec{}, instead(func(k key) key {
			k.Private = m2mtest.NewKey(k.Algorithm).Private
			return k
		}), verifier.BadSignature},
		{"a second key under its ID", "ES256", spec{}, func(s *keyServer, k *key) {
			second := m2mtest.NewKey(k.Algorithm)
			second.ID = k.ID
			s.PublishKey(second)
			beside(s, k)
		}, verifier.KeyUnusable},
		{"it has another ID", "ES256", spec{}, instead(func(k key) key { k.ID = "another"; return k }), verifier.KeyRemoved},
		{"it is for another algorithm", "RS256", spec{}, instead(func(k key) key { k.Algorithm = "PS256"; return k }), verifier.Algorithm},
		{"no key ID, and the same document", "ES256", nameless, func(*keyServer, *key) {}, ""},
		{"no key ID, and a second key fits", "ES256", nameless, beside, verifier.KeyID},
		{"no key ID, and another key fits", "ES256", nameless, removed, verifier.BadSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l lookout
				k := m2mtest.NewKey(tt.alg)
				s := &keyServer{Authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: k})}
				s.Now(healthy)
				defer s.Close()
				v := s.warm(t, l.watch, func(c *verifier.Config) { c.Issuers[0].Algorithms = []string{"ES256", "RS256", "PS256"} })
				r := bearer(s.Token(tt.spec))
				l.remember(t, v, r)
				tt.swap(s, k)
				l.want(t, v, r, scopes.Authenticated(), true, "") // until the swap is known
				if err := v.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					l.want(t, v, r, scopes.Authenticated(), tt.want == "", tt.want)
				}
			})
		})
	}
}

// TestSwapBeforeEntryOfAnotherKey is TestSwapBeforeEntry with another key
// under the ID of the removed one. A cache that bound the entry to the set
// in force at insertion would accept the old token under the new key.
func TestSwapBeforeEntryOfAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookout
		var v *verifier.Verifier
		s := newKeyServer(t, healthy)
		swapped := false
		v = s.warm(t, l.watch, func(c *verifier.Config) {
			c.Issuers[0].Accept = func(verifier.Client) error { // after the signature, before the entry
				if swapped {
					return nil
				}
				swapped = true
				other := m2mtest.NewKey("ES256")
				other.ID = s.Keys()[0]
				s.RemoveKey(other.ID)
				s.PublishKey(other)
				return v.Refresh(t.Context())
			}
		})
		r := bearer(s.Token(spec{}))
		l.want(t, v, r, scopes.Authenticated(), false, "") // when it came, its key was published
		for range 3 {
			l.want(t, v, r, scopes.Authenticated(), false, verifier.BadSignature)
		}
	})
}

// TestHitNeedsItsCertificate: a remembered token that is bound is compared
// with the certificate of each call (RFC 8705 §3).
func TestHitNeedsItsCertificate(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	token := a.Token(spec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": thumbprint(mine)}}})
	proved := func(chain ...*x509.Certificate) verifier.Request {
		return verifier.Request{Authorization: []string{"Bearer " + token}, PeerCertificates: chain}
	}
	l.remember(t, v, proved(mine))
	for range 2 {
		l.want(t, v, proved(), scopes.Authenticated(), true, verifier.Bound)
		l.want(t, v, proved(other), scopes.Authenticated(), true, verifier.Bound)
		l.want(t, v, proved(other, mine), scopes.Authenticated(), true, verifier.Bound) // only the leaf was proved
		l.want(t, v, proved(nil, mine), scopes.Authenticated(), true, verifier.Bound)
		if _, err := v.Verify(t.Context(), token); reasonOf(err) != verifier.Bound {
			t.Errorf("Verify: %v, want %s", err, verifier.Bound)
		}
		l.want(t, v, proved(mine, other), scopes.Authenticated(), true, "")
	}
}

// TestHitAsksCheck: Check is called on every call, with that call's context
// and Request, and its result applies to that call.
func TestHitAsksCheck(t *testing.T) {
	type key struct{}
	var l lookout
	var answer error
	asked := 0
	a, v := local(t, l.watch, func(c *verifier.Config) {
		c.Check = func(ctx context.Context, client verifier.Client, r verifier.Request) error {
			asked++
			if ctx.Value(key{}) != asked || client.ID != "c" || r.Operation != "op" || r.Authorization != nil {
				t.Errorf("call %d: Check received %v, %+v, in the context of call %v", asked, client, r, ctx.Value(key{}))
			}
			return answer
		}
	})
	r := bearer(a.Token(spec{ClientID: "c"}))
	for i, want := range []verifier.Reason{"", "", verifier.Revoked, verifier.Denied, verifier.Forbidden, verifier.CheckFailed, ""} {
		answer = map[verifier.Reason]error{
			verifier.Revoked:     verifier.Revoked,
			verifier.Denied:      &verifier.Error{Code: verifier.InvalidToken},
			verifier.Forbidden:   &verifier.Error{Code: verifier.InsufficientScope},
			verifier.CheckFailed: context.DeadlineExceeded,
		}[want]
		_, err := v.Authorize(context.WithValue(t.Context(), key{}, i+1), r, scopes.Authenticated())
		if reasonOf(err) != want || asked != i+1 || l.told[i].Cached != (i > 0) {
			t.Errorf("call %d: %v, want %q; Check was asked %d times; %+v", i+1, err, want, asked, l.told[i])
		}
	}
}

// TestHitAsksRequirement: a remembered token that met one requirement is
// checked against the requirement of the next operation.
func TestHitAsksRequirement(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	r := bearer(a.Token(spec{Scopes: []string{"read:*", "b"}}))
	l.remember(t, v, r)
	for _, tt := range []struct {
		need scopes.Requirement
		want verifier.Reason
	}{
		{scopes.All("b"), ""},
		{scopes.All("a"), verifier.ScopeMissing},
		{scopes.All("a", "b"), verifier.ScopeMissing},
		{scopes.Any("a", "b"), ""},
		{scopes.All("read:users"), verifier.ScopeMissing}, // wildcards are off
		{scopes.Requirement{}, verifier.NoRequirement},
		{scopes.Authenticated(), ""},
	} {
		l.want(t, v, r, tt.need, true, tt.want)
	}
}

// TestHitIsTheSameClient: a hit returns the whole Client that was verified.
func TestHitIsTheSameClient(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	r := bearer(a.Token(spec{ClientID: "c", Scopes: []string{"a", "b"}, Claims: map[string]any{"jti": "1", "role": "x"}}))
	first, again := l.call(t, v, r, scopes.Authenticated()), l.call(t, v, r, scopes.Authenticated())
	if first.Cached || !again.Cached || !reflect.DeepEqual(first.Client, again.Client) || first.Issuer != again.Issuer {
		t.Errorf("%+v\n%+v", first, again)
	}
	if c := again.Client; c.ID != "c" || c.TokenID != "1" || c.KeyID != a.Keys()[0] || c.Scopes.String() != "a b" || c.Subject != "c" {
		t.Errorf("%+v", c)
	}
}

// TestPlantedClientIsNoHit: a Client in the context is not read, and does
// not change which token is remembered.
func TestPlantedClientIsNoHit(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	planted := verifier.ContextWithClient(t.Context(), a.Client(spec{ClientID: "m2m-client-test-root", Scopes: []string{"admin"}}))
	r := bearer(a.Token(spec{ClientID: "c"}))
	l.remember(t, v, r)
	ctx, err := v.Authorize(planted, r, scopes.Authenticated())
	if c, _ := verifier.ClientFromContext(ctx); err != nil || c.ID != "c" || !l.told[len(l.told)-1].Cached {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := v.Authorize(planted, r, scopes.All("admin")); reasonOf(err) != verifier.ScopeMissing {
		t.Errorf("with the planted one's scope: %v", err)
	}
	if _, err := v.Authorize(planted, verifier.Request{}, scopes.Authenticated()); reasonOf(err) != verifier.CredentialsMissing {
		t.Errorf("without a token: %v", err)
	}
	if err := v.Recheck(planted); reasonOf(err) != verifier.NotVerified {
		t.Errorf("Recheck: %v, want %s", err, verifier.NotVerified)
	}
}
