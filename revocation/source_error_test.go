package revocation_test

import (
	"errors"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// TestNoViewAfterError: a source that goes on after a refused update confirms
// nothing, until it has delivered a whole snapshot.
func TestNoViewAfterError(t *testing.T) {
	a, b, c := client("a"), client("b"), client("c")
	for _, tt := range []struct {
		name string
		bad  revocation.Update
		want error
	}{
		{"too many", revocation.Update{Cutoffs: []revocation.Cutoff{b, c}}, revocation.ErrFull},
		{"malformed", revocation.Update{Cutoffs: []revocation.Cutoff{client("")}}, nil},
		{"a snapshot that lacks one", revocation.Update{Snapshot: true}, nil},
	} {
		follow(t, revocation.Config{MaxEntries: 2, MaxAge: time.Second}, func(t *testing.T, l *revocation.List, s *script) {
			conn := <-s.connected
			conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a}})
			if err := conn.apply(tt.bad); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("apply(%s) = %v, want an error, %v", tt.name, err, tt.want)
			}
			if l.Status().LastError == nil {
				t.Errorf("LastError(%s) = nil before Follow returned, want an error", tt.name)
			}
			time.Sleep(2 * time.Second)
			if err := conn.apply(revocation.Update{}); err == nil || fresh(l) {
				t.Errorf("apply(%s, then a confirmation) = %v, fresh %t, want an error, not fresh", tt.name, err, fresh(l))
			}
			conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a}})
			if !fresh(l) {
				t.Errorf("View(%s, then a snapshot) = not fresh, want fresh", tt.name)
			}
		})
	}
}

// TestLocallyWider: a cut-off that Add made wider here is not one that the source
// has lost.
func TestLocallyWider(t *testing.T) {
	follow(t, revocation.Config{}, func(t *testing.T, l *revocation.List, s *script) {
		conn := <-s.connected
		a := client("a")
		conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a}})
		wider := a
		wider.IssuedUpTo = a.IssuedUpTo.Add(time.Minute)
		add(t, l, wider)
		conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a}})
		if c, found := l.Find(revocation.Issued{Issuer: issuer, ClientID: "a", IssuedAt: wider.IssuedUpTo}); !found {
			t.Errorf("Find(within the wider bound) = %v, %t, want true", c, found)
		}
	})
}

// TestMissingIsTold until the source has everything again, whatever fails meanwhile.
func TestMissingIsTold(t *testing.T) {
	follow(t, revocation.Config{}, func(t *testing.T, l *revocation.List, s *script) {
		conn := <-s.connected
		a, b := client("a"), client("b")
		conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a, b}})
		if err := conn.apply(revocation.Update{Snapshot: true}); err == nil {
			t.Error("apply(an empty snapshot) = nil, want an error")
		}
		conn.end <- errors.New("connection reset")
		conn = <-s.connected
		if n := l.Status().Missing; n != 2 {
			t.Errorf("Missing = %d after another error, want 2", n)
		}
		conn.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a, b}})
		if n := l.Status().Missing; n != 0 {
			t.Errorf("Missing(restored) = %d, want 0", n)
		}
	})
}

// TestSentByWallClock: a Sent without a monotonic reading ages by both clocks.
func TestSentByWallClock(t *testing.T) {
	follow(t, revocation.Config{MaxAge: 10 * time.Second}, func(t *testing.T, l *revocation.List, s *script) {
		conn := <-s.connected
		conn.mustApply(t, revocation.Update{Snapshot: true, Sent: time.Now().Round(0).Add(-4 * time.Second)})
		time.Sleep(7 * time.Second)
		// The wall clock of now was set back by an hour.
		if _, fresh := l.View(time.Now().Round(0).Add(-time.Hour)); fresh {
			t.Error("View(11s after Sent by the monotonic clock) = fresh, want not")
		}
	})
}

func TestReadyAfterClose(t *testing.T) {
	l := newList(t, revocation.Config{})
	l.Close()
	if err := l.Ready(t.Context()); !errors.Is(err, revocation.ErrClosed) {
		t.Errorf("Ready(after Close) = %v, want %v", err, revocation.ErrClosed)
	}
}
