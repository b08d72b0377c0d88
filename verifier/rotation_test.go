package verifier_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const trip = 200 * time.Millisecond // the round trip of a fetch

// TestOneBadKey: the other keys of the set are used, and a token that names
// the bad one is refused at once. A repaired key is fetched in a moment.
func TestOneBadKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := m2mtest.NewKey("ES256")
		repaired := false
		s := newKeyServer(t, eachKey(func(jwk map[string]any) {
			if jwk["kid"] == bad.ID && !repaired {
				jwk["use"] = "enc"
			}
		}))
		s.PublishKey(bad)
		v := s.warm(t)
		s.want(t, v, spec{}, outcome{})
		s.want(t, v, spec{Key: bad}, outcome{verifier.KeyUnusable, 0, 1})
		if p := v.Status()[0].Problems; len(p) != 1 || p[0].KeyID != bad.ID {
			t.Errorf("problems %v", p)
		}
		repaired = true
		keytest.Pass(15 * time.Second) // a refused call leaves one fetch in the budget
		s.want(t, v, spec{Key: bad}, outcome{verifier.KeyUnusable, 0, 1})
		s.want(t, v, spec{Key: bad}, outcome{})
	})
}

// TestNormalRotation: a key is published, seen by the timer, and then used.
func TestNormalRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		old := s.Token(spec{})
		next := m2mtest.NewKey("ES256")
		s.PublishKey(next)
		before := s.Fetches()
		keytest.Pass(time.Until(v.Status()[0].NextAttempt))
		if n := s.Fetches() - before; n != 1 {
			t.Errorf("the timer made %d fetches", n)
		}
		s.SignWith(next.ID)
		s.want(t, v, spec{}, outcome{})
		s.wantToken(t, v, old, outcome{})
	})
}

// TestAbruptRotation: a key signs before the timer has fetched it. The first
// call waits for a fetch, and concurrent calls wait for the same one.
func TestAbruptRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		s.Now(after(trip, healthy))
		for range 2 {
			s.RotateKeys()
			answers := make(chan outcome)
			for range 100 {
				go func() {
					o, _ := s.call(context.Background(), v, s.Token(spec{}))
					o.fetches = 0 // that of all of them
					answers <- o
				}()
			}
			for range 100 {
				if o := <-answers; o != (outcome{"", trip, 0}) {
					t.Errorf("%+v, want a wait of %v", o, trip)
				}
			}
			s.want(t, v, spec{}, outcome{})
		}
		s.RotateKeys()
		s.want(t, v, spec{}, outcome{verifier.KeysUnavailable, 0, 0}) // the third in a moment
		keytest.Pass(15 * time.Second)
		s.want(t, v, spec{}, outcome{"", trip, 1})
		if most := s.MostWithin(15 * time.Second); most > 2 {
			t.Errorf("%d fetches within 15 seconds", most)
		}
	})
}

// TestLastMoment: the new key arrives when the call's wait ends. The token
// is older than the fetch, so if the fetch counted as one without the key,
// the token would be refused as InvalidToken.
func TestLastMoment(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			s := newKeyServer(t, healthy)
			v := s.warm(t)
			s.RotateKeys()
			token := s.Token(spec{})
			keytest.Pass(time.Minute)
			s.Now(after(time.Second, healthy))
			o, err := s.call(t.Context(), v, token)
			if o.reason != "" && o.reason != verifier.KeysUnavailable || o.waited != time.Second || o.fetches != 1 {
				t.Fatalf("%+v: %v", o, err)
			}
			s.wantToken(t, v, token, outcome{})
		})
	}
}

// TestExpiresWhileWaiting: a token's times are checked again after the wait
// for its key. A token that has expired meanwhile is not remembered.
func TestExpiresWhileWaiting(t *testing.T) {
	for _, tt := range []struct {
		name string
		left time.Duration // when the call comes
		spec func(now time.Time) spec
		want verifier.Reason
	}{
		{"exp", trip - 1, func(now time.Time) spec { return spec{IssuedAt: now, ExpiresAt: now.Add(30 * time.Second)} }, verifier.Expired},
		{"exp, in the very moment", trip, func(now time.Time) spec { return spec{IssuedAt: now, ExpiresAt: now.Add(30 * time.Second)} }, verifier.Expired},
		{"exp, a moment later", trip + 1, func(now time.Time) spec { return spec{IssuedAt: now, ExpiresAt: now.Add(30 * time.Second)} }, ""},
		{"MaxTokenAge", trip - 1, func(now time.Time) spec { return spec{IssuedAt: now.Add(-30 * time.Second)} }, verifier.TooOld},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t, func(c *verifier.Config) { c.Leeway, c.Issuers[0].MaxTokenAge = -1, time.Minute })
				s.RotateKeys()
				s.Now(after(trip, healthy))
				now := time.Now().Truncate(time.Second) // times in a token are whole seconds
				token := s.Token(tt.spec(now))
				keytest.Pass(time.Until(now.Add(30*time.Second - tt.left)))
				s.wantToken(t, v, token, outcome{tt.want, trip, 1})
				s.wantToken(t, v, token, outcome{reason: tt.want})
			})
		})
	}
}

// TestRestlessKeys: each fetch returns other keys, and never the missing
// one. A call waits no longer for that.
func TestRestlessKeys(t *testing.T) {
	restless := func(takes time.Duration) roundTrip {
		return after(takes, func(s *keyServer, r *http.Request) (*http.Response, error) {
			s.RotateKeys()
			return healthy(s, r)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		s.Now(restless(700 * time.Millisecond))
		s.want(t, v, unknown(time.Now()), outcome{verifier.KeysUnavailable, 700 * time.Millisecond, 1})

		s.Now(restless(1500 * time.Millisecond))
		v = s.trust(t)
		synctest.Wait()
		s.want(t, v, unknown(time.Now()), outcome{verifier.KeysUnavailable, 1500 * time.Millisecond, 0})
	})
	// Swap upon swap, each sooner than the caller's patience ends: of the token
	// nothing is known then either. Who comes first after a fetch, the caller or
	// Refresh, is chance.
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			s := newKeyServer(t, healthy)
			v := s.warm(t)
			s.Now(restless(100 * time.Millisecond))
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					for range 6 {
						if err := v.Refresh(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			o, err := s.call(t.Context(), v, s.Token(unknown(time.Now())))
			if o.reason != verifier.KeysUnavailable || o.waited >= time.Second {
				t.Errorf("%+v: %v", o, err)
			}
			checkRefusal(t, err)
			group.Wait()
		})
	}
}

// TestKeyRemoved: tokens of a removed key are refused from the swap on,
// remembered ones too. They are Unavailable until a second fetch a second
// later confirms the removal, or InvalidToken at once after Refresh.
func TestKeyRemoved(t *testing.T) {
	for name, tt := range map[string]struct {
		learn  func(*testing.T, *verifier.Verifier)
		first  verifier.Reason
		second int // fetches
	}{
		"by the timer": {func(t *testing.T, v *verifier.Verifier) { keytest.Pass(time.Until(v.Status()[0].NextAttempt)) }, verifier.KeysUnavailable, 1},
		"by Refresh": {func(t *testing.T, v *verifier.Verifier) {
			if err := v.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, verifier.KeyRemoved, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				first := s.Keys()[0]
				known := s.Token(spec{})
				s.wantToken(t, v, known, outcome{})
				ctx, err := v.Authorize(t.Context(), bearer(known), scopes.Authenticated())
				if err != nil {
					t.Fatal(err)
				}
				s.RotateKeys()
				s.RemoveKey(first)
				s.wantToken(t, v, known, outcome{})
				before := s.Fetches()
				tt.learn(t, v)
				if n := s.Fetches() - before; n != 1 {
					t.Errorf("%d fetches to learn of it", n)
				}
				old := spec{IssuedAt: time.Now().Add(-time.Minute), Header: map[string]any{"kid": first}}
				s.wantToken(t, v, known, outcome{reason: tt.first})
				s.want(t, v, old, outcome{reason: tt.first})
				if err := v.Recheck(ctx); reasonOf(err) != tt.first {
					t.Errorf("Recheck = %v, want %s", err, tt.first)
				}
				s.want(t, v, spec{}, outcome{})

				before = s.Fetches()
				keytest.Pass(10 * time.Second)
				if n := s.Fetches() - before; n != tt.second {
					t.Errorf("%d fetches to confirm it, want %d", n, tt.second)
				}
				s.wantToken(t, v, known, outcome{verifier.KeyRemoved, 0, 1}) // it might come back
				s.want(t, v, old, outcome{reason: verifier.KeyRemoved})
				if err := v.Recheck(ctx); reasonOf(err) != verifier.KeyRemoved {
					t.Errorf("Recheck = %v, want %s", err, verifier.KeyRemoved)
				}
				s.want(t, v, spec{}, outcome{})
			})
		})
	}
}

// TestReplicas: an authority's replicas publish different sets, and either
// key signs half of the tokens. Once it is known that replicas differ, only
// the calls of a budgeted fetch may be InvalidToken; the others are
// Unavailable or accepted.
func TestReplicas(t *testing.T) {
	for _, age := range []time.Duration{0, 9 * time.Minute, 30 * time.Minute} {
		t.Run(age.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				replica := 0
				s := newKeyServer(t, nil)
				first := s.Keys()[0]
				second := s.RotateKeys()
				ids := []string{first, second}
				if first == second {
					ids = s.Keys()
				}
				s.Now(func(s *keyServer, r *http.Request) (*http.Response, error) {
					replica++
					lacks := ids[replica%2]
					return edited(func(doc string) string {
						return withoutKey(doc, lacks)
					})(s, r)
				})
				v := s.warm(t)
				var tokens []string
				for _, id := range ids {
					s.SignWith(id)
					tokens = append(tokens, s.Token(spec{IssuedAt: time.Now().Add(-age), TTL: 24 * time.Hour}))
				}
				began, before := time.Now(), s.Fetches()
				allowed, refused := 0, 0
				for time.Since(began) < 2*time.Minute {
					for _, token := range tokens {
						o, err := s.call(t.Context(), v, token)
						synctest.Wait()
						switch {
						case err == nil:
							allowed++
						case err.Code == verifier.InvalidToken:
							refused++
						case o.reason != verifier.KeysUnavailable:
							t.Fatal(err)
						}
						keytest.Pass(500 * time.Millisecond)
					}
				}
				fetches := s.Fetches() - before
				if fetches > 2+8+4 || refused > fetches || age < 10*time.Minute && refused > 0 || allowed < 120 {
					t.Errorf("of 240 calls %d were allowed and %d refused for good, with %d fetches", allowed, refused, fetches)
				}
				if p := v.Status()[0].Problems; len(p) != 1 || !strings.Contains(p[0].Text, "replicas publish different sets") {
					t.Errorf("problems %v", p)
				}
			})
		})
	}
}

// TestSharedCache: a shared cache keeps the keys for six hours. The request
// bypasses it, so a new key is known within one fetch.
func TestSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept string
		var at time.Time
		s := newKeyServer(t, func(s *keyServer, r *http.Request) (*http.Response, error) {
			if kept == "" || r.Header.Get("Cache-Control") == "no-cache" || time.Since(at) > 6*time.Hour {
				doc, err := s.FetchJWKS(r.Context())
				if err != nil {
					return nil, err
				}
				kept, at = string(doc), time.Now()
			}
			age := fmt.Sprint(int(time.Since(at).Seconds()))
			return answerWith(200, http.Header{"Age": {age}}, strings.NewReader(kept)), nil
		})
		v := s.warm(t)
		known := s.Token(spec{})
		s.RotateKeys()
		s.wantToken(t, v, known, outcome{})
		s.want(t, v, spec{}, outcome{fetches: 1})
		s.wantToken(t, v, known, outcome{})
	})
}

// TestUnchangedETag: a rotation does not change the server's ETag. The
// timer's fetches miss it, and one budgeted fetch finds it.
func TestUnchangedETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, func(s *keyServer, r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-None-Match") != "" {
				return answerWith(304, nil, strings.NewReader("")), nil
			}
			res, err := healthy(s, r)
			if err == nil {
				res.Header.Set("ETag", `"66f1a2b0-2bc"`)
			}
			return res, err
		})
		v := s.warm(t)
		known := s.Token(spec{})
		s.RotateKeys()
		keytest.Pass(11 * time.Minute)
		s.wantToken(t, v, known, outcome{})
		s.want(t, v, spec{}, outcome{fetches: 1})
		s.wantToken(t, v, known, outcome{})
	})
}

// TestSwapBeforeEntry: the key is removed between the check of the signature
// and the entry into the cache. The entry holds the set that verified the
// token, and not the set in force at that time.
func TestSwapBeforeEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		var v *verifier.Verifier
		removed := false
		v = s.warm(t, func(c *verifier.Config) {
			c.Issuers[0].Accept = func(verifier.Client) error { // asked in between
				if removed {
					return nil
				}
				removed = true
				first := s.Keys()[0]
				s.RotateKeys()
				s.RemoveKey(first)
				return v.Refresh(t.Context())
			}
		})
		token := s.Token(spec{})
		s.wantToken(t, v, token, outcome{fetches: 1}) // Refresh's
		for range 3 {
			s.wantToken(t, v, token, outcome{reason: verifier.KeyRemoved})
		}
		s.want(t, v, spec{}, outcome{})
	})
}

// TestSameKeyID: another key replaces one under its ID. The first bad
// signature fetches the keys again, and the swap is reported.
func TestSameKeyID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []verifier.IssuerStatus
		s := newKeyServer(t, healthy)
		v := s.warm(t, func(c *verifier.Config) {
			c.ObserveKeys = func(st verifier.IssuerStatus) { told = append(told, st) }
		})
		id := s.Keys()[0]
		old := s.Token(spec{})
		other := m2mtest.NewKey("ES256")
		other.ID = id
		s.RemoveKey(id)
		s.PublishKey(other)
		s.SignWith(id)
		s.wantToken(t, v, old, outcome{})
		s.want(t, v, spec{}, outcome{verifier.BadSignature, 0, 1})
		s.want(t, v, spec{}, outcome{})
		s.wantToken(t, v, old, outcome{verifier.BadSignature, 0, 0})
		synctest.Wait()
		if len(told) != 2 || told[1].Issuer != s.issuer().Name || len(told[1].Problems) != 1 || told[1].Problems[0].KeyID != id || !strings.Contains(told[1].Problems[0].Text, "place") {
			t.Errorf("told of %+v", told)
		}
	})
}

// TestNoFetch: only an unknown key causes a fetch, and only after every
// cheap check. A call waits only for a key that may be newer than the set.
func TestNoFetch(t *testing.T) {
	head := func(name string, value any) spec { return spec{Header: map[string]any{name: value}} }
	unknownWith := func(name string, value any) spec {
		return spec{Header: map[string]any{"kid": "unknown"}, Claims: map[string]any{name: value}}
	}
	unknownHead := func(name string, value any) spec {
		return spec{Header: map[string]any{"kid": "unknown", name: value}}
	}
	tests := []struct {
		name       string
		spec       spec
		warm, cold verifier.Reason // cold: "" if it waits for keys
	}{
		{"bad signature", spec{Signature: make([]byte, 64)}, verifier.BadSignature, ""},
		{"no signature", spec{Signature: []byte{}}, verifier.Malformed, verifier.Malformed},
		{"an algorithm that is not the key's", head("alg", "EdDSA"), verifier.Algorithm, ""},
		{"no kid, and two keys", head("kid", m2mtest.Absent), verifier.KeyID, ""},
		{"kid too long", head("kid", strings.Repeat("k", 257)), verifier.KeyID, verifier.KeyID},
		{"kid not a string", head("kid", 1), verifier.KeyID, verifier.KeyID},
		{"unknown kid, unknown issuer", unknownWith("iss", "x"), verifier.UnknownIssuer, verifier.UnknownIssuer},
		{"unknown kid, another's audience", unknownWith("aud", "x"), verifier.Audience, verifier.Audience},
		{"unknown kid, expired", unknownWith("exp", 1), verifier.Expired, verifier.Expired},
		{"unknown kid, exp malformed", unknownWith("exp", "1"), verifier.ClaimMalformed, verifier.ClaimMalformed},
		{"unknown kid, not yet valid", unknownWith("nbf", int64(4102444800)), verifier.NotYetValid, verifier.NotYetValid},
		{"unknown kid, issued in the future", unknownWith("iat", int64(4102444800)), verifier.IssuedInFuture, verifier.IssuedInFuture},
		{"unknown kid, another type", unknownHead("typ", "logout+jwt"), verifier.TokenType, verifier.TokenType},
		{"unknown kid, an algorithm that is not the issuer's", unknownHead("alg", "PS256"), verifier.Algorithm, verifier.Algorithm},
		{"unknown kid, crit", unknownHead("crit", []string{"b64"}), verifier.HeaderExtension, verifier.HeaderExtension},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				s.PublishKey(m2mtest.NewKey("ES256"))
				woken := 0
				if tt.cold == "" && tt.warm != verifier.KeyID { // a token that names no key causes no fetch
					woken = 1
				}
				s.want(t, s.warm(t), tt.spec, outcome{tt.warm, 0, woken})

				s.Now(hangs)
				v := s.trust(t)
				synctest.Wait()
				want := outcome{reason: tt.cold}
				if tt.cold == "" {
					want = outcome{verifier.KeysUnavailable, 2 * time.Second, 0}
				}
				s.want(t, v, tt.spec, want)
			})
		})
	}
}

// TestRotationBehindACache: fetches succeed, but a cache answers with the
// keys from before the rotation. Meanwhile good tokens are Unavailable and
// not InvalidToken; tokens that are older than the cached response are
// InvalidToken.
func TestRotationBehindACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		stored, cached := time.Now(), ""
		s.Now(func(s *keyServer, r *http.Request) (*http.Response, error) {
			if cached == "" || time.Since(stored) >= 5*time.Minute {
				doc, err := s.FetchJWKS(r.Context())
				if err != nil {
					return nil, err
				}
				stored, cached = time.Now(), string(doc)
			}
			age := fmt.Sprint(int(time.Since(stored).Seconds()))
			header := http.Header{"Cache-Control": {"max-age=300"}, "Age": {age}}
			return answerWith(200, header, strings.NewReader(cached)), nil
		})
		if err := v.Refresh(t.Context()); err != nil { // fills the cache
			t.Fatal(err)
		}
		keytest.Pass(time.Minute)
		s.RotateKeys()
		rotated := time.Now()
		token := s.Token(spec{})
		junk := s.flood(rotated.Add(-20 * time.Minute))
		for {
			o, err := s.call(t.Context(), v, token)
			if err == nil {
				break
			}
			if o.reason != verifier.KeysUnavailable || time.Since(rotated) > 5*time.Minute {
				t.Fatalf("%v after the rotation: %v", time.Since(rotated), err)
			}
			if o, err := s.call(t.Context(), v, junk.next()); o.reason != verifier.KeyUnknown {
				t.Errorf("%v after the rotation, junk: %v", time.Since(rotated), err)
			}
			keytest.Pass(15 * time.Second)
		}
		if d := time.Since(rotated); d < 4*time.Minute {
			t.Errorf("accepted after %v: the cache hid nothing", d)
		}
	})
}
