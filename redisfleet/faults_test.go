package redisfleet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

// maxAge is short, so that a view ends soon. The standard is 30 s.
const maxAge = 2 * time.Second

// faulty is a server behind a proxy, its publisher, and two lists that follow through
// the proxy: one refuses calls with an old view, one accepts them.
type faulty struct {
	*redistest.Server
	*redistest.Proxy
	t            *testing.T
	publisher    *redisfleet.Publisher
	closed, open *revocation.List
}

func newFaulty(t *testing.T, server redistest.Options, opts redisfleet.Options) *faulty {
	t.Helper()
	f := &faulty{Server: redistest.Start(t, server), t: t}
	f.Proxy = redistest.NewProxy(t, f.Server.Addr())
	opts.Timeout = time.Second
	opts.InsecureWithoutAOF = !server.AOF
	opts.Server.Addr = f.Server.Addr()
	f.publisher = publisher(t, opts)
	if err := f.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *faulty) follow(failOpen bool, minReplicas int) *revocation.List {
	f.t.Helper()
	source, err := redisfleet.NewRevocations(redisfleet.Options{
		Server: redisfleet.Server{Addr: f.Proxy.Addr()}, Timeout: time.Second, MinReplicas: minReplicas,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	list, err := revocation.New(revocation.Config{Source: source, MaxAge: maxAge, FailOpen: failOpen})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { list.Close() })
	return list
}

// start makes the lists, and cuts the thief off.
func (f *faulty) start(minReplicas int) {
	f.t.Helper()
	f.closed, f.open = f.follow(false, minReplicas), f.follow(true, minReplicas)
	f.publish("thief")
	for _, list := range []*revocation.List{f.closed, f.open} {
		f.waitFor(list, "thief")
		ready(f.t, list)
	}
}

func (f *faulty) publish(client string) {
	f.t.Helper()
	if _, err := f.publisher.Publish(f.t.Context(), cutoff(client)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *faulty) waitFor(list *revocation.List, client string) {
	f.t.Helper()
	redistest.Eventually(f.t, client+" is refused", func() bool { return refuses(list, client) })
}

// fresh reports whether a list decides calls.
func fresh(list *revocation.List) bool {
	_, ok := list.View(time.Now())
	return ok
}

// wantLost waits until the lists tell that their view is old: one is closed, one is open
// and says so. Both still refuse the thief.
func (f *faulty) wantLost(cause error) {
	f.t.Helper()
	redistest.Eventually(f.t, "the closed list is not fresh", func() bool { return !fresh(f.closed) })
	redistest.Eventually(f.t, "the open list is stale", func() bool { return f.open.Status().Stale })
	for name, list := range map[string]*revocation.List{"closed": f.closed, "open": f.open} {
		if !refuses(list, "thief") {
			f.t.Errorf("the %s list accepts the thief", name)
		}
		if cause != nil {
			redistest.Eventually(f.t, fmt.Sprintf("the %s list reports %v", name, cause), func() bool {
				return errors.Is(list.Status().LastError, cause)
			})
		}
	}
	if !fresh(f.open) {
		f.t.Error("the open list is not fresh")
	}
}

// wantView waits until the lists, and a new one, have a view that refuses the thief, and
// then the next cut-off.
func (f *faulty) wantView(minReplicas int) {
	f.t.Helper()
	third := f.follow(false, minReplicas)
	lists := []*revocation.List{f.closed, f.open, third}
	for _, list := range lists {
		redistest.Eventually(f.t, "there is a view again", func() bool { s := list.Status(); return s.Fresh && !s.Stale && s.LastError == nil })
		if !refuses(list, "thief") {
			f.t.Error("a view accepts the thief")
		}
	}
	f.publish("next")
	for _, list := range lists {
		f.waitFor(list, "next")
	}
	third.Close()
}

// end closes the lists: no connection is left.
func (f *faulty) end(others ...*revocation.List) {
	f.t.Helper()
	for _, list := range append(others, f.closed, f.open) {
		list.Close()
	}
	redistest.Eventually(f.t, "no connection is left", func() bool { return f.Proxy.Clients() == 0 })
}

func (f *faulty) restore() {
	f.t.Helper()
	if err := f.publisher.Init(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.publisher.Restore(f.t.Context(), slices.Collect(f.closed.All())...); err != nil {
		f.t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	remake := func(f *faulty) { f.Do("DEL", stream); f.restore() }
	for _, fault := range []struct {
		name   string
		noAOF  bool
		begin  func(*faulty)
		end    func(*faulty)
		silent bool  // the server does not respond: no view may be confirmed after begin
		cause  error // of the lists; nil for one of the network
	}{
		{name: "kill -9 with AOF", begin: func(f *faulty) { f.Server.Kill() }, end: func(f *faulty) { f.Restart() }, silent: true},
		{name: "kill -9 without AOF", noAOF: true, begin: func(f *faulty) { f.Server.Kill(); f.Restart() }, end: (*faulty).restore, cause: redisfleet.ErrNotInitialized},
		{name: "SIGSTOP", begin: func(f *faulty) { f.Pause() }, end: func(f *faulty) { f.Resume() }, silent: true},
		{name: "blackhole", begin: func(f *faulty) { f.Blackhole() }, end: func(f *faulty) { f.Heal() }, silent: true},
		{name: "cut", begin: func(f *faulty) { f.Cut() }, end: func(f *faulty) { f.Heal() }, silent: true},
		{name: "DEL", begin: func(f *faulty) { f.Do("DEL", stream) }, end: (*faulty).restore, cause: redisfleet.ErrNotInitialized},
		{name: "FLUSHALL", begin: func(f *faulty) { f.Do("FLUSHALL") }, end: (*faulty).restore, cause: redisfleet.ErrNotInitialized},
		{name: "trimmed", begin: func(f *faulty) { f.Do("XTRIM", stream, "MAXLEN", "1") }, end: remake, cause: redisfleet.ErrNotInitialized},
		{name: "emptied", begin: func(f *faulty) { f.Do("XTRIM", stream, "MAXLEN", "0") }, end: remake, cause: redisfleet.ErrNotInitialized},
		{name: "of another type", begin: func(f *faulty) { f.Do("SET", stream, "x") }, end: remake},
		{name: "made anew with lower IDs", begin: func(f *faulty) {
			f.Do("DEL", stream)
			f.Do("XADD", stream, "1-1", "v", "1", "opening", "another")
		}, end: (*faulty).restore, cause: redisfleet.ErrLost},
		{name: "an entry was deleted", begin: func(f *faulty) { f.Do("XDEL", stream, f.closed.Status().Position) }, end: (*faulty).restore, cause: redisfleet.ErrLost},
		{name: "an entry of a newer version", begin: func(f *faulty) { f.Do("XADD", stream, "999999999999999-1", "v", "2", "x", "y") },
			end: remake, cause: redisfleet.ErrNotUnderstood},
		{name: "a replica whose link is down", begin: func(f *faulty) { f.Do("REPLICAOF", "127.0.0.1", "1") },
			end: func(f *faulty) { f.Do("REPLICAOF", "NO", "ONE") }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t, redistest.Options{AOF: !fault.noAOF}, redisfleet.Options{})
			f.start(0)
			fault.begin(f)
			began := time.Now()
			f.wantLost(fault.cause)
			newcomer := f.follow(false, 0)
			time.Sleep(500 * time.Millisecond) // it has tried
			if fresh(newcomer) && !refuses(newcomer, "thief") {
				t.Error("a new replica accepts the thief")
			}
			if fault.silent {
				for _, list := range []*revocation.List{f.closed, f.open} {
					if s := list.Status(); s.Confirmed.After(began) || s.Age < time.Since(began)-time.Second {
						t.Errorf("the view was confirmed at %v, %v old: nothing responds since %v", s.Confirmed, s.Age, began)
					}
				}
			}
			fault.end(f)
			f.wantView(0)
			f.end(newcomer)
		})
	}
}

// TestInitAfterLoss starts a replica right after the stream was made anew: it has no
// view until the cut-offs are back, also if no other replica runs to report them.
func TestInitAfterLoss(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{})
	f.start(0)
	f.Do("DEL", stream)
	f.wantLost(redisfleet.ErrNotInitialized)
	f.Cut()
	f.closed.Close() // without a farewell to the store: nobody else sets the mark
	f.open.Close()
	if err := f.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Heal()
	newcomer := f.follow(false, 0)
	redistest.Eventually(t, "a new replica has no view", func() bool { return newcomer.Status().LastError != nil })
	if err := newcomer.Status().LastError; !errors.Is(err, redisfleet.ErrLost) || fresh(newcomer) {
		t.Errorf("after Init: LastError %v, fresh %v; want %v, false", err, fresh(newcomer), redisfleet.ErrLost)
	}
	f.restore()
	f.closed, f.open = f.follow(false, 0), f.follow(true, 0)
	f.wantView(0)
	f.end(newcomer)
}

// TestViewAge holds every response back: a view is as old as its question.
func TestViewAge(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{})
	f.start(0)
	const delay = 700 * time.Millisecond
	f.Delay(delay)
	began := time.Now()
	redistest.Eventually(t, "a round is confirmed late", func() bool { return f.closed.Status().Confirmed.After(began) })
	for time.Since(began) < 5*time.Second {
		if s := f.closed.Status(); s.Age < delay-50*time.Millisecond {
			t.Fatalf("Age = %v, want at least %v", s.Age, delay)
		}
		time.Sleep(time.Millisecond)
	}
	f.Delay(0)
	f.end()
}

// TestIsolatedPrimary loses the replica of a primary that still responds.
func TestIsolatedPrimary(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{})
	between := redistest.NewProxy(t, f.Server.Addr())
	replica := redistest.Start(t, redistest.Options{ReplicaOf: f.Server, Via: between})
	redistest.Eventually(t, "the replica is linked", func() bool { return replica.Info("master_link_status") == "up" })
	f.start(1)
	between.Blackhole()
	f.wantLost(redisfleet.ErrNotSafe)
	between.Heal()
	f.wantView(1)
	f.end()
}

// TestFailOverLosesWrite promotes a replica that lacks the last cut-off.
func TestFailOverLosesWrite(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{})
	between := redistest.NewProxy(t, f.Server.Addr())
	replica := redistest.Start(t, redistest.Options{AOF: true, ReplicaOf: f.Server, Via: between})
	redistest.Eventually(t, "the replica is linked", func() bool { return replica.Info("master_link_status") == "up" })
	redistest.Eventually(t, "the replica has the opening", func() bool { return replica.Do("EXISTS", stream) == "1" })
	between.Blackhole()
	safe := publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Server.Addr()}, Timeout: time.Second, MinReplicas: 1})
	if receipt, err := safe.Publish(t.Context(), cutoff("other")); !errors.Is(err, redisfleet.ErrNotSafe) || receipt.Added != 1 {
		t.Errorf("Publish(MinReplicas 1) = %+v, %v; want 1 added, %v", receipt, err, redisfleet.ErrNotSafe)
	}
	f.start(0) // nothing is asked for, and the thief's cut-off is lost below
	f.Server.Kill()
	replica.Do("REPLICAOF", "NO", "ONE")
	f.Target(replica.Addr())
	f.wantLost(redisfleet.ErrLost)
	newcomer := f.follow(false, 0)
	redistest.Eventually(t, "a new replica has no view", func() bool { return errors.Is(newcomer.Status().LastError, redisfleet.ErrLost) })
	if fresh(newcomer) {
		t.Error("a new replica has a view that lacks the thief")
	}
	f.publisher = publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: replica.Addr()}, Timeout: time.Second})
	f.restore()
	f.wantView(0)
	f.end(newcomer)
}

// TestNeverReached starts lists whose server never responds.
func TestNeverReached(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{})
	f.publish("thief")
	f.Blackhole()
	f.closed, f.open = f.follow(false, 0), f.follow(true, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	if err := f.closed.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ready = %v, want %v", err, context.DeadlineExceeded)
	}
	if fresh(f.closed) || fresh(f.open) {
		t.Error("a list that was never loaded is fresh")
	}
	f.Heal()
	f.wantView(0)
	f.end()
}

// TestManyFollowers loads 50,000 entries into 20 lists at once.
func TestManyFollowers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	const entries, followers = 50_000, 20
	cutoffs := make([]revocation.Cutoff, entries)
	for i := range cutoffs {
		cutoffs[i] = cutoff(fmt.Sprint("client-", i))
	}
	f.publish(cutoffs...)
	lists := make([]*revocation.List, followers)
	began := time.Now()
	for i := range lists {
		lists[i] = follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}, Timeout: 10 * time.Second})
	}
	for _, list := range lists {
		ready(t, list)
	}
	t.Logf("%d lists have %d entries after %v", followers, entries, time.Since(began))
	for _, list := range lists {
		if s := list.Status(); s.Entries != entries || s.Failures != 0 {
			t.Errorf("Status: %d entries, %d failures; want %d and 0: %v", s.Entries, s.Failures, entries, s.LastError)
		}
	}
}
