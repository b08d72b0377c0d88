package revocation_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

func client(id string) revocation.Cutoff {
	return revocation.Cutoff{Issuer: issuer, Select: revocation.Client(id), IssuedUpTo: time.Now()}
}

func has(l *revocation.List, id string) bool {
	_, found := l.Find(revocation.Issued{Issuer: issuer, ClientID: id})
	return found
}

func fresh(l *revocation.List) bool {
	_, fresh := l.View(time.Now())
	return fresh
}

// follow starts a list with a source, in a bubble of virtual time.
func follow(t *testing.T, cfg revocation.Config, test func(t *testing.T, l *revocation.List, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		cfg.Source = s
		test(t, newList(t, cfg), s)
	})
}

// apply sends an update, which must be accepted.
func (c connection) mustApply(t *testing.T, u revocation.Update) {
	t.Helper()
	if err := c.apply(u); err != nil {
		t.Fatal(err)
	}
}

// TestAge: the view ages from the moment its question was sent, and only an answer
// makes it younger.
func TestAge(t *testing.T) {
	follow(t, revocation.Config{MaxAge: 10 * time.Second}, func(t *testing.T, l *revocation.List, s *script) {
		if fresh(l) || l.Status().Loaded {
			t.Error("View() = fresh before the first snapshot, want not")
		}
		c := <-s.connected
		sent := time.Now()
		time.Sleep(4 * time.Second)
		c.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("a")}, Position: "1-0", Sent: sent})
		if s := l.Status(); s.Age != 4*time.Second || !s.Fresh || s.Position != "1-0" || !has(l, "a") {
			t.Errorf("Status() = %+v, want an age of 4s, fresh, at 1-0", s)
		}
		time.Sleep(6 * time.Second)
		if !fresh(l) {
			t.Error("View(10s) = not fresh, want fresh")
		}
		time.Sleep(time.Nanosecond)
		if fresh(l) || !l.Stale(time.Now()) {
			t.Error("View(10s and a moment) = fresh, want not")
		}
		c.mustApply(t, revocation.Update{})
		if !fresh(l) {
			t.Error("View(after a confirmation) = not fresh, want fresh")
		}
		// An answer that was overtaken does not make the view older, nor one from the
		// future younger.
		c.mustApply(t, revocation.Update{Sent: sent})
		c.mustApply(t, revocation.Update{Sent: time.Now().Add(time.Hour)})
		if age := l.Status().Age; age != 0 {
			t.Errorf("Age = %v, want 0", age)
		}
		time.Sleep(11 * time.Second)
		if fresh(l) || !has(l, "a") {
			t.Error("View(11s later) = fresh, or the cut-off is gone; want neither")
		}
	})
}

// TestWallClockAge: after a machine was suspended, the monotonic clock knows nothing
// of it.
func TestWallClockAge(t *testing.T) {
	follow(t, revocation.Config{MaxAge: 10 * time.Second}, func(t *testing.T, l *revocation.List, s *script) {
		c := <-s.connected
		c.mustApply(t, revocation.Update{Snapshot: true})
		for ahead, want := range map[time.Duration]bool{-time.Hour: true, 10 * time.Second: true, 11 * time.Second: false} {
			// Only the wall clock of now is ahead.
			wall := time.Now().Round(0).Add(ahead)
			if _, fresh := l.View(wall); fresh != want {
				t.Errorf("View(wall clock %v ahead) = %t, want %t", ahead, fresh, want)
			}
		}
	})
}

func TestFailOpen(t *testing.T) {
	for _, unloaded := range []bool{false, true} {
		follow(t, revocation.Config{FailOpen: true, FailOpenUnloaded: unloaded}, func(t *testing.T, l *revocation.List, s *script) {
			if fresh(l) != unloaded || !l.Stale(time.Now()) {
				t.Errorf("View(never loaded, FailOpenUnloaded %t) = %t, want %t, and stale", unloaded, fresh(l), unloaded)
			}
			c := <-s.connected
			c.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("a")}})
			c.end <- errors.New("connection reset")
			time.Sleep(time.Hour)
			if st := l.Status(); !fresh(l) || !st.Stale || !st.Fresh || !has(l, "a") {
				t.Errorf("Status(an hour later) = %+v, want fresh and stale, with the cut-off", st)
			}
			<-s.connected
		})
	}
}

// TestFollowAgain: each connection needs a snapshot of its own, and a source that
// ends, fails or panics is called again.
func TestFollowAgain(t *testing.T) {
	follow(t, revocation.Config{MaxAge: time.Second}, func(t *testing.T, l *revocation.List, s *script) {
		c := <-s.connected
		if err := c.apply(revocation.Update{Cutoffs: []revocation.Cutoff{client("early")}}); err == nil || fresh(l) || !has(l, "early") {
			t.Errorf("apply(before a snapshot) = %v, fresh %t, found %t; want an error, and the cut-off in force", err, fresh(l), has(l, "early"))
		}
		c.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("early")}})
		failed := errors.New("connection reset")
		c.end <- failed
		synctest.Wait()
		if err := l.Status().LastError; !errors.Is(err, failed) {
			t.Errorf("LastError = %v, want %v", err, failed)
		}
		began := time.Now()
		next := <-s.connected
		if after := time.Since(began); after < 200*time.Millisecond || after > 400*time.Millisecond {
			t.Errorf("Follow is called again after %v, want 200ms to 400ms", after)
		}
		if err := c.apply(revocation.Update{Snapshot: true}); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("apply(of an ended connection) = %v, want %v", err, revocation.ErrClosed)
		}
		next.end <- nil
		third := <-s.connected
		if err := l.Status().LastError; err == nil {
			t.Error("LastError = nil after Follow returned nil, want an error")
		}
		third.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("early")}})
		if st := l.Status(); st.LastError != nil || !st.Fresh {
			t.Errorf("Status() = %+v, want no error, fresh", st)
		}
	})
}

type panics struct{ calls chan struct{} }

func (p panics) Follow(context.Context, func(revocation.Update) error) error {
	p.calls <- struct{}{}
	panic("a bug")
}

func TestSourcePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := panics{make(chan struct{})}
		l := newList(t, revocation.Config{Source: p})
		<-p.calls
		<-p.calls
		if st := l.Status(); st.LastError == nil || st.Failures == 0 {
			t.Errorf("Status() = %+v, want an error, and a failure", st)
		}
		go func() {
			for range p.calls { // until Close
			}
		}()
		l.Close()
		close(p.calls)
	})
}

// TestLostEntries: what the list holds stays, the view does not, and the source
// learns what it lacks.
func TestLostEntries(t *testing.T) {
	follow(t, revocation.Config{MaxAge: time.Second}, func(t *testing.T, l *revocation.List, s *script) {
		a, b := client("a"), client("b")
		c := <-s.connected
		c.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{a, b}})
		add(t, l, client("local")) // the source never had it
		wider := a
		wider.IssuedUpTo = a.IssuedUpTo.Add(time.Minute)
		c.mustApply(t, revocation.Update{Cutoffs: []revocation.Cutoff{wider}})
		c.end <- errors.New("connection reset")
		next := <-s.connected
		time.Sleep(2 * time.Second)
		for name, snapshot := range map[string][]revocation.Cutoff{"b lost": {wider}, "a is narrower": {a, b}, "all lost": nil} {
			err := next.apply(revocation.Update{Snapshot: true, Cutoffs: snapshot})
			missing, ok := errors.AsType[*revocation.MissingError](err)
			if !ok || len(missing.Cutoffs) == 0 || fresh(l) || !has(l, "a") || !has(l, "b") {
				t.Errorf("apply(%s) = %v, fresh %t, want a MissingError, not fresh, and all cut-offs in force", name, err, fresh(l))
			}
		}
		if got := len(slices.Collect(l.All())); got != 3 {
			t.Errorf("All() has %d cut-offs, want 3", got)
		}
		next.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: slices.Collect(l.All())})
		if !fresh(l) {
			t.Error("View(restored) = not fresh, want fresh")
		}
	})
}

// TestMalformedUpdate: what is not understood stops the confirmation, not its
// neighbours.
func TestMalformedUpdate(t *testing.T) {
	follow(t, revocation.Config{}, func(t *testing.T, l *revocation.List, s *script) {
		c := <-s.connected
		bad := client("")
		if err := c.apply(revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("a"), bad, client("b")}}); err == nil {
			t.Error("apply(a malformed one among good ones) = nil, want an error")
		}
		if fresh(l) || !has(l, "a") || !has(l, "b") {
			t.Errorf("fresh %t, a %t, b %t; want false, true, true", fresh(l), has(l, "a"), has(l, "b"))
		}
	})
}

func TestSourceFull(t *testing.T) {
	follow(t, revocation.Config{MaxEntries: 2}, func(t *testing.T, l *revocation.List, s *script) {
		c := <-s.connected
		c.mustApply(t, revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{client("a"), client("b")}})
		if err := c.apply(revocation.Update{Cutoffs: []revocation.Cutoff{client("c")}}); !errors.Is(err, revocation.ErrFull) || fresh(l) {
			t.Errorf("apply(a third of two) = %v, fresh %t, want %v, not fresh", err, fresh(l), revocation.ErrFull)
		}
	})
}

func TestReady(t *testing.T) {
	follow(t, revocation.Config{}, func(t *testing.T, l *revocation.List, s *script) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Ready(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Ready(ended context) = %v, want %v", err, context.Canceled)
		}
		ready := make(chan error)
		go func() { ready <- l.Ready(t.Context()) }()
		(<-s.connected).mustApply(t, revocation.Update{Snapshot: true})
		if err := <-ready; err != nil {
			t.Errorf("Ready() = %v, want nil", err)
		}
		if err := l.Ready(ended); err != nil {
			t.Errorf("Ready(ended context, loaded) = %v, want nil", err)
		}
	})
	follow(t, revocation.Config{}, func(t *testing.T, l *revocation.List, s *script) {
		ready := make(chan error)
		go func() { ready <- l.Ready(t.Context()) }()
		synctest.Wait()
		l.Close()
		if err := <-ready; !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Ready(closed) = %v, want %v", err, revocation.ErrClosed)
		}
	})
}

func TestChanged(t *testing.T) {
	l := newList(t, revocation.Config{})
	changed := l.Changed()
	add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client("a"), IssuedUpTo: bound})
	<-changed
	changed = l.Changed()
	add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client("a"), IssuedUpTo: bound.Add(-time.Hour)})
	select {
	case <-changed:
		t.Error("Changed() is closed by a cut-off that was there already, want it open")
	default:
	}
	l.Close()
	<-changed
}

// TestUnmade: a List that does not come from New accepts nothing.
func TestUnmade(t *testing.T) {
	for _, l := range []*revocation.List{nil, new(revocation.List)} {
		if _, fresh := l.View(time.Now()); fresh || !l.Stale(time.Now()) || !l.Status().Stale {
			t.Errorf("View(%p) = fresh, want not", l)
		}
		if err := l.Add(client("a")); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Add(%p) = %v, want %v", l, err, revocation.ErrClosed)
		}
		if err := l.Ready(t.Context()); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Ready(%p) = %v, want %v", l, err, revocation.ErrClosed)
		}
		if _, found := l.Find(revocation.Issued{}); found || len(slices.Collect(l.All())) != 0 || l.MaxTokenLife() != 0 || l.Changed() != nil {
			t.Errorf("an unmade list %p holds something", l)
		}
		l.Close()
	}
}
