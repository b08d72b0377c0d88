package verifier_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
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

// TestFlood: a million unknown keys affect no other call. The authority
// receives four requests a minute, and two more once.
func TestFlood(t *testing.T) {
	const length = 5 * time.Minute
	for _, tt := range []struct {
		name   string
		answer roundTrip
		size   int
		timer  int // fetches of the timer within a minute
	}{
		{"up", healthy, floodSize, 1},
		{"down", status(503, nil, ""), floodSize / 4, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				s.Now(after(trip, tt.answer))
				good := s.Token(spec{TTL: time.Hour})
				old := s.flood(time.Now().Add(-time.Hour))
				before, began := s.Fetches(), time.Now()
				counts := make(map[verifier.Reason]int)
				junk := func(f *flood, want ...verifier.Reason) {
					o, err := s.call(t.Context(), v, f.next())
					checkRefusal(t, err)
					// One that meets a conditional fetch of the timer waits for its end, and
					// then for a fetch of its own.
					if !slices.Contains(want, o.reason) || o.waited > 2*trip {
						t.Fatalf("%+v, want %s", o, want)
					}
					counts[o.reason]++
				}
				const steps = 300
				for range steps {
					fresh := s.flood(time.Now())
					for range tt.size / steps / 2 {
						junk(old, verifier.KeyUnknown)
						junk(fresh, verifier.KeysUnavailable, verifier.UnknownKeysFlood)
					}
					s.wantToken(t, v, good, outcome{})
					s.want(t, v, spec{}, outcome{})
					keytest.Pass(length / steps)
				}
				// 2 at first and one in 15 seconds, and those of the timer.
				n, most := s.Fetches()-before, 2+int(time.Since(began)/(15*time.Second))
				if n < most-2 || n > most+2+tt.timer*int(length/time.Minute) {
					t.Errorf("%d fetches in %v, want about %d", n, time.Since(began), most)
				}
				if n := s.MostWithin(time.Minute); n > 2+4+tt.timer {
					t.Errorf("%d fetches within a minute", n)
				}
				if n := counts[verifier.KeysUnavailable]; n > 25*int(time.Since(began)/time.Second) || counts[verifier.UnknownKeysFlood] == 0 {
					t.Errorf("refused: %v; more than 20 a second as an outage", counts)
				}
				if n := v.Status()[0].UnknownKeys; int(n) != tt.size/steps/2*2*steps {
					t.Errorf("the status counts %d refusals, want %d", n, tt.size)
				}
			})
		})
	}
}

// TestRotationDuringFlood tests an abrupt rotation during a flood. Good
// tokens of the new key are refused as Unavailable at first and then
// accepted; they are never refused as InvalidToken.
func TestRotationDuringFlood(t *testing.T) {
	const step = 100 * time.Millisecond
	for name, takes := range map[string]time.Duration{"fast": trip, "slower than callers wait": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newKeyServer(t, healthy)
				v := s.warm(t)
				s.Now(before(takes, healthy))
				known := s.Token(spec{TTL: time.Hour})
				junk := func() {
					for _, f := range []*flood{s.flood(time.Now()), s.flood(time.Now().Add(-time.Hour))} {
						for range floodSize / 20000 {
							go func() {
								if _, err := s.call(context.Background(), v, f.next()); err == nil {
									t.Error("junk was accepted")
								}
							}()
							synctest.Wait()
						}
					}
				}
				for range 2 { // then the budget is spent
					junk()
					keytest.Pass(5 * time.Second)
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
						// It tries again after RetryAfter, with the same token.
						o, err := s.call(t.Context(), v, machine)
						checkRefusal(t, err)
						switch {
						case err == nil && in.IsZero():
							in = time.Now()
						case err == nil:
						case o.reason != verifier.KeysUnavailable && o.reason != verifier.UnknownKeysFlood || !in.IsZero():
							t.Fatalf("%v after the rotation: %v", time.Since(rotated), err)
						default:
							put++
							next = time.Now().Add(err.RetryAfter)
						}
					}
					// Another comes with a token of just now.
					if o, err := s.call(t.Context(), v, s.Token(spec{})); o.reason != "" && (o.reason != verifier.KeysUnavailable && o.reason != verifier.UnknownKeysFlood || !in.IsZero()) {
						t.Fatalf("%v after the rotation: %v", time.Since(rotated), err)
					}
					keytest.Pass(step)
				}
				if put == 0 {
					t.Error("the flood hid nothing")
				}
				if d := in.Sub(rotated); in.IsZero() || d > time.Minute {
					t.Errorf("accepted after %v", d)
				}
				if most := s.MostWithin(15 * time.Second); most > 3 {
					t.Errorf("%d fetches within 15 seconds", most)
				}
			})
		})
	}
}

// TestCrowd: 256 callers wait for an unknown key, and the others get an
// answer at once. None of the answers is InvalidToken.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newKeyServer(t, healthy)
		v := s.warm(t)
		s.Now(hangs)
		fresh := s.flood(time.Now())
		before := s.Fetches()
		var mu sync.Mutex
		got := make(map[time.Duration]int)
		var group sync.WaitGroup
		for range 300 {
			token := fresh.next()
			group.Go(func() {
				o, err := s.call(context.Background(), v, token)
				mu.Lock()
				defer mu.Unlock()
				got[o.waited]++
				if o.waited == 0 && err.RetryAfter > 5*time.Second {
					t.Errorf("told to come back in %v, though the fetch ends before", err.RetryAfter)
				}
				if o.reason != verifier.KeysUnavailable && o.reason != verifier.UnknownKeysFlood {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(got) != 2 || got[time.Second] != 256 || got[0] != 44 {
			t.Errorf("%v", got)
		}
		if n := s.Fetches() - before; n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}
