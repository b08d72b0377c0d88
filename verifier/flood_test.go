package verifier_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// flood makes tokens of ever new key IDs. Nobody signed them: the signature of
// a token is not looked at before its key is there.
type flood struct {
	rest string // of each token: its payload and something for a signature
	n    int
}

// flood makes tokens that pass for the authority's, but for their key.
func (s *keyServer) flood(issuedAt time.Time) *flood {
	token := s.Token(spec{IssuedAt: issuedAt, TTL: 24 * time.Hour})
	return &flood{rest: token[strings.IndexByte(token, '.'):]}
}

func (f *flood) next() string {
	f.n++
	header := fmt.Appendf(nil, `{"alg":"ES256","kid":"junk-%d","typ":"JWT"}`, f.n)
	return base64.RawURLEncoding.EncodeToString(header) + f.rest
}

// TestFlood: with a million unknown keys, nobody else notices, and the
// authority sees two requests in half a minute.
func TestFlood(t *testing.T) {
	const length = 5 * time.Minute
	for _, tt := range []struct {
		name   string
		answer roundTrip
		size   int
	}{
		{"up", healthy, floodSize},
		{"down", status(503, nil, ""), floodSize / 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				s.now(after(trip, tt.answer))
				good := s.Token(spec{TTL: time.Hour})
				old := s.flood(time.Now().Add(-time.Hour))
				var drawn []time.Time
				junk := func(f *flood, want verifier.Reason) {
					began := time.Now()
					o, err := s.call(t.Context(), v, f.next())
					checkRefusal(t, err)
					if o.reason != want || o.fetches == 0 && o.waited > trip || o.fetches > 1 || o.waited > 2*trip {
						t.Fatalf("%+v, want %s", o, want)
					}
					if o.fetches == 0 {
						return
					}
					drawn = append(drawn, began)
					if n := len(drawn); n > 2 && began.Sub(drawn[n-3]) < 30*time.Second {
						t.Fatalf("three fetches for unknown keys within %v", began.Sub(drawn[n-3]))
					}
				}
				const steps = 300
				for range steps {
					fresh := s.flood(time.Now())
					for range tt.size / steps / 2 {
						junk(old, verifier.KeyUnknown)
						junk(fresh, verifier.KeysUnavailable)
					}
					s.wantToken(t, v, good, outcome{})
					s.want(t, v, spec{}, outcome{})
					pass(length / steps)
				}
				if n := len(drawn); n < 18 || n > 22 {
					t.Errorf("%d fetches for unknown keys in %v, want about 20", n, length)
				}
			})
		})
	}
}

// TestRotationDuringFlood: an abrupt rotation that the flood hides. Good
// tokens of the new key are put off, and then let in; never refused for good.
func TestRotationDuringFlood(t *testing.T) {
	const step = 100 * time.Millisecond
	for name, takes := range map[string]time.Duration{"fast": trip, "slower than callers wait": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				s.now(before(takes, healthy))
				known := s.Token(spec{TTL: time.Hour})
				junk := func() {
					for _, f := range []*flood{s.flood(time.Now()), s.flood(time.Now().Add(-time.Hour))} {
						for range floodSize / 20000 {
							go func() {
								if _, err := s.call(context.Background(), v, f.next()); err == nil {
									t.Error("junk was let in")
								}
							}()
							synctest.Wait()
						}
					}
				}
				for range 2 { // then the budget is spent
					junk()
					pass(5 * time.Second)
				}
				s.RotateKeys()
				rotated := time.Now()
				machine := s.Token(spec{})
				var next, in time.Time
				put := 0
				for time.Since(rotated) < time.Minute {
					junk()
					s.wantToken(t, v, known, outcome{})
					if !time.Now().Before(next) {
						// It tries again when it is told to, with the same token.
						o, err := s.call(t.Context(), v, machine)
						checkRefusal(t, err)
						switch {
						case err == nil && in.IsZero():
							in = time.Now()
						case err == nil:
						case o.reason != verifier.KeysUnavailable || !in.IsZero():
							t.Fatalf("%v after the rotation: %v", time.Since(rotated), err)
						default:
							put++
							next = time.Now().Add(err.RetryAfter)
						}
					}
					// Another comes with a token of just now.
					if o, err := s.call(t.Context(), v, s.Token(spec{})); o.reason != "" && (o.reason != verifier.KeysUnavailable || !in.IsZero()) {
						t.Fatalf("%v after the rotation: %v", time.Since(rotated), err)
					}
					pass(step)
				}
				if put == 0 {
					t.Error("the flood hid nothing")
				}
				if d := in.Sub(rotated); in.IsZero() || d > time.Minute {
					t.Errorf("let in after %v", d)
				}
				if most := s.mostWithin(30 * time.Second); most > 2 {
					t.Errorf("%d fetches within half a minute", most)
				}
			})
		})
	}
}

// TestCrowd: 256 callers wait for an unknown key, the others are told at once,
// and none of those that a token is bad.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		s.now(hangs)
		old := s.flood(time.Now().Add(-time.Hour))
		before := s.fetches()
		var mu sync.Mutex
		got := make(map[outcome]int)
		var group sync.WaitGroup
		for range 300 {
			token := old.next()
			group.Go(func() {
				o, _ := s.call(context.Background(), v, token)
				o.fetches = 0
				mu.Lock()
				defer mu.Unlock()
				got[o]++
			})
		}
		group.Wait()
		waited, atOnce := outcome{verifier.KeyUnknown, time.Second, 0}, outcome{reason: verifier.KeysUnavailable}
		if len(got) != 2 || got[waited] != 256 || got[atOnce] != 44 {
			t.Errorf("%v", got)
		}
		if n := s.fetches() - before; n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}
