package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestRecentKeeps: the last refusals of each Reason are kept, with what was found
// and expected.
func TestRecentKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &telemetry.Recent{Keep: 3}
		ctx, began := context.Background(), time.Now()
		for i := range 5 {
			time.Sleep(time.Second)
			r.Observe(ctx, refused(verifier.InvalidToken, verifier.Audience, fmt.Errorf(`"aud" is "%d", want "orders"`, i)))
		}
		time.Sleep(time.Second)
		r.Observe(ctx, refused(verifier.Unavailable, verifier.KeysUnavailable, errors.New("there are no keys")))
		r.Observe(ctx, verifier.Decision{})

		got := r.Refusals()
		if len(got) != 2 || got[0].Reason != "keys_unavailable" || got[1].Reason != "audience" {
			t.Fatalf("Refusals() = %+v, want keys_unavailable and audience", got)
		}
		keys, aud := got[0], got[1]
		if keys.Outcome != "unavailable" || keys.Latest[0].Found != "there are no keys" || keys.Latest[0].Expected != "" {
			t.Errorf("Refusals()[0] = %+v, want what was found", keys)
		}
		if aud.Count != 5 || aud.Hour != 5 || !aud.First.Equal(began.Add(time.Second)) || !aud.Last.Equal(began.Add(5*time.Second)) {
			t.Errorf("Refusals()[1] = %+v, want 5 from the first to the fifth second", aud)
		}
		var found []string
		for _, l := range aud.Latest {
			found = append(found, l.Found)
		}
		if text := strings.Join(found, "; "); text != `"aud" is "4"; "aud" is "3"; "aud" is "2"` {
			t.Errorf("the latest of audience = %s, want 4, 3 and 2", text)
		}
		if l := aud.Latest[0]; l.Expected != `"orders"` || l.Hint == "" || l.Operation != "GET /orders" {
			t.Errorf("Latest[0] = %+v, want what was expected, a hint and the operation", l)
		}
		time.Sleep(time.Hour)
		if aud = r.Refusals()[1]; aud.Count != 5 || aud.Hour != 0 {
			t.Errorf("an hour later: Count = %d, Hour = %d, want 5 and 0", aud.Count, aud.Hour)
		}
	})
}

// TestRecentFlood: a flood is counted, and pushes out what was refused before it no
// faster than once a second.
func TestRecentFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(telemetry.Recent)
		made := 0
		for range 1000 {
			r.Observe(context.Background(), refused(verifier.InvalidToken, verifier.Malformed, counting{&made}))
		}
		got := r.Refusals()[0]
		if got.Count != 1000 || len(got.Latest) != 8 || made > 2*8 {
			t.Errorf("Refusals() = %d refusals, %d kept, texts made %d times; want 1000, 8 and at most 16", got.Count, len(got.Latest), made)
		}
	})
}

type counting struct{ n *int }

func (c counting) Error() string { *c.n++; return "malformed" }

// TestRecentIsBounded: names that callbacks make up share one entry.
func TestRecentIsBounded(t *testing.T) {
	r := &telemetry.Recent{Keep: 1 << 30}
	for i := range 1000 {
		r.Observe(context.Background(), refused(verifier.InvalidToken, verifier.Reason(fmt.Sprint("r", i)), nil))
		r.Observe(context.Background(), refused(verifier.InvalidToken, verifier.Reason(strings.Repeat("r", 1000+i)), nil))
		r.Observe(context.Background(), refused(verifier.InvalidToken, verifier.Expired, errors.New(strings.Repeat("x", 10_000))))
	}
	got := r.Refusals()
	if len(got) > 130 {
		t.Errorf("Refusals() = %d Reasons, want at most 130", len(got))
	}
	for _, of := range got {
		if len(of.Reason) > 256 || len(of.Latest) > 100 {
			t.Errorf("%.20s…: %d kept of a name of %d bytes", of.Reason, len(of.Latest), len(of.Reason))
		}
		for _, l := range of.Latest {
			if len(l.Found) > 1100 {
				t.Fatalf("Found has %d bytes, want at most 1100", len(l.Found))
			}
		}
	}
}

// TestRecentMinutes counts decisions in the minute in which they were made.
func TestRecentMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, ctx := new(telemetry.Recent), context.Background()
		r.Observe(ctx, verifier.Decision{})
		time.Sleep(time.Minute)
		r.Observe(ctx, verifier.Decision{})
		r.Observe(ctx, refused(verifier.InvalidToken, verifier.Expired, nil))
		r.Observe(ctx, refused(verifier.TooManyRequests, verifier.UnknownKeysFlood, nil))
		check := func(when string, i int, allowed, refused, unavailable uint64) {
			t.Helper()
			m := r.Minutes()
			if len(m) != 60 {
				t.Fatalf("Minutes() = %d, want 60", len(m))
			}
			if got := m[i]; got.Allowed != allowed || got.Refused != refused || got.Unavailable != unavailable {
				t.Errorf("%s: Minutes()[%d] = %+v, want %d, %d, %d", when, i, got, allowed, refused, unavailable)
			}
		}
		check("now", 59, 1, 1, 1)
		check("now", 58, 1, 0, 0)
		time.Sleep(58 * time.Minute)
		check("58 minutes later", 1, 1, 1, 1)
		check("58 minutes later", 0, 1, 0, 0)
		time.Sleep(2 * time.Minute)
		check("an hour later", 0, 0, 0, 0)
		r.Observe(ctx, verifier.Decision{})
		check("an hour later", 59, 1, 0, 0)
	})
}

// TestRecentConcurrently is for the race detector.
func TestRecentConcurrently(t *testing.T) {
	r := new(telemetry.Recent)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				r.Observe(context.Background(), verifier.Decision{})
				r.Observe(context.Background(), refused(verifier.InvalidToken, verifier.Reason(fmt.Sprint(i%3)), nil))
				r.Refusals()
				r.Minutes()
			}
		})
	}
	wg.Wait()
	var allowed, refusals uint64
	for _, m := range r.Minutes() {
		allowed += m.Allowed
	}
	for _, of := range r.Refusals() {
		refusals += of.Count
	}
	if allowed != 1600 || refusals != 1600 {
		t.Errorf("counted %d allowed and %d refused, want 1600 of each", allowed, refusals)
	}
}
