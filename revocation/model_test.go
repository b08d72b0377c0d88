package revocation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

const modelLife = 24*time.Hour + 10*time.Minute

// model is a plain list of every cut-off that arrived, with what the rules say of it.
type model struct {
	all       []arrived
	confirmed time.Time     // by the monotonic clock; zero before the first view
	wall      time.Time     // the same by the wall clock
	snapshot  bool          // this connection delivered one, and no error since
	maxAge    time.Duration // of the view
}

type arrived struct {
	cutoff revocation.Cutoff
	at     time.Time // by the monotonic clock
	shared bool
	ended  bool // by both clocks, once: it may be forgotten
}

// end returns the end of c.
func (c arrived) end(wallAtArrival time.Time) time.Time {
	if c.cutoff.Select.Kind() == revocation.ClientKind {
		return c.cutoff.IssuedUpTo.Add(modelLife)
	}
	return wallAtArrival.Add(modelLife)
}

// put records a cut-off, with the bound rounded up and the end computed.
func (m *model) put(c revocation.Cutoff, wall time.Time, shared bool) {
	if up := c.IssuedUpTo.Truncate(time.Second); up.Before(c.IssuedUpTo) {
		c.IssuedUpTo = up.Add(time.Second)
	}
	a := arrived{cutoff: c, at: time.Now(), shared: shared}
	if c.Until.IsZero() {
		a.cutoff.Until = a.end(wall)
	}
	m.all = append(m.all, a)
}

// tick marks what has ended.
func (m *model) tick(wall time.Time) {
	for i := range m.all {
		a := &m.all[i]
		a.ended = a.ended || wall.Unix() > a.cutoff.Until.Unix() && time.Since(a.at) > modelLife
	}
}

// missing reports whether a snapshot lacks a shared cut-off that has not ended, by
// the latest end of its selector, and whether it lacks one that may be forgotten.
func (m *model) missing(snapshot []revocation.Cutoff, wall time.Time) (must, may bool) {
	ends := make(map[revocation.Selector]time.Time)
	for i := range m.all {
		if c := &m.all[i].cutoff; c.Until.After(ends[c.Select]) {
			ends[c.Select] = c.Until
		}
	}
	for i := range m.all {
		a := &m.all[i]
		if !a.shared || wall.Unix() > ends[a.cutoff.Select].Unix() {
			continue
		}
		if !slices.ContainsFunc(snapshot, func(c revocation.Cutoff) bool {
			return c.Select == a.cutoff.Select && (c.Select.Kind() == revocation.TokenKind || c.IssuedUpTo.Add(time.Second).After(a.cutoff.IssuedUpTo))
		}) {
			must, may = must || !a.ended, true
		}
	}
	return must, may
}

// refuses reports whether t has to be refused, and may whether it can be: a cut-off may
// stay longer than it must.
func (m *model) refuses(t revocation.Issued) (must, may bool) {
	for i := range m.all {
		a := &m.all[i]
		if !(reference{a.cutoff}).find(t) {
			continue
		}
		must, may = must || !a.ended, true
	}
	return must, may
}

func (m *model) fresh(wall time.Time) bool {
	return !m.confirmed.IsZero() && time.Since(m.confirmed) <= m.maxAge && wall.Sub(m.wall) <= m.maxAge
}

// TestModel runs random histories of a list with a source against the model: adds,
// updates, snapshots that lack entries, lost connections, and a wall clock that jumps.
func TestModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 14))) })
		})
	}
}

func runModel(t *testing.T, random *rand.Rand) {
	var wall clock
	m := model{maxAge: 30 * time.Second}
	source := newScript()
	l := newList(t, revocation.Config{Source: source, Now: wall.now})
	conn := <-source.connected
	var store []revocation.Cutoff
	cutoff := func() revocation.Cutoff {
		c := revocation.Cutoff{Issuer: issuer, IssuedUpTo: wall.now().Add(-time.Duration(random.IntN(7200)) * 500 * time.Millisecond)}
		c.Select = revocation.Client(fmt.Sprint(random.IntN(6)))
		if random.IntN(3) == 0 {
			c.Select = revocation.Token(fmt.Sprint(random.IntN(6)))
		}
		return c
	}
	for step := range 200 {
		switch random.IntN(9) {
		case 0:
			c := cutoff()
			add(t, l, c)
			m.put(c, wall.now(), false)
		case 1, 2: // a round that delivers
			var u revocation.Update
			for range random.IntN(3) {
				u.Cutoffs = append(u.Cutoffs, cutoff())
			}
			store = append(store, u.Cutoffs...)
			m.apply(t, conn, u, &wall)
		case 3: // a connection is lost
			conn.end <- errors.New("connection reset")
			conn = <-source.connected
			m.snapshot = false
		case 4:
			m.apply(t, conn, revocation.Update{Snapshot: true, Cutoffs: store}, &wall)
		case 5: // the store has lost something
			if len(store) > 0 && random.IntN(3) == 0 {
				store = slices.Delete(slices.Clone(store), 0, 1+random.IntN(len(store)))
			}
		case 6: // the wall clock jumps
			if random.IntN(3) == 0 {
				wall.set(time.Duration(random.IntN(100)-50) * time.Hour)
			}
		case 7:
			time.Sleep(time.Duration(random.IntN(20)) * time.Second)
		case 8:
			if random.IntN(4) == 0 {
				time.Sleep(time.Duration(random.IntN(30)) * time.Hour)
			}
		}
		m.tick(wall.now())
		for range 10 {
			token := revocation.Issued{Issuer: issuer, ClientID: fmt.Sprint(random.IntN(6)), TokenID: fmt.Sprint(random.IntN(6)),
				IssuedAt: wall.now().Add(-time.Duration(random.IntN(90000)) * time.Second)}
			must, may := m.refuses(token)
			if c, got := l.Find(token); must && !got || got && !may {
				t.Fatalf("step %d: Find(%+v) = %v, %t, want it refused: must %t, may %t", step, token, c, got, must, may)
			}
		}
		if _, fresh := l.View(wall.now()); fresh != m.fresh(wall.now()) {
			t.Fatalf("step %d: View() = %t, want %t; %+v", step, fresh, !fresh, l.Status())
		}
	}
}

// apply sends u and checks the answer.
func (m *model) apply(t *testing.T, conn connection, u revocation.Update, wall *clock) {
	t.Helper()
	m.tick(wall.now())
	var must, may bool
	if u.Snapshot {
		must, may = m.missing(u.Cutoffs, wall.now())
	}
	err := conn.apply(u)
	_, missing := errors.AsType[*revocation.MissingError](err)
	if u.Snapshot && (must && !missing || missing && !may) || missing && !u.Snapshot {
		t.Fatalf("apply(%+v) = %v, want a MissingError: must %t, may %t", u, err, must, may)
	}
	ok := !missing && (u.Snapshot || m.snapshot)
	if ok != (err == nil) {
		t.Fatalf("apply(%+v) = %v, want nil: %t", u, err, ok)
	}
	for _, c := range u.Cutoffs {
		m.put(c, wall.now(), true)
	}
	if m.snapshot = ok; ok {
		m.confirmed, m.wall = time.Now(), wall.now()
	}
}

// FuzzFind: a list refuses what a plain list of the same cut-offs refuses, and Add
// accepts what Check does.
func FuzzFind(f *testing.F) {
	f.Add("client", "c", int64(1_700_000_000_000), "c", "j", int64(1_700_000_000), true)
	f.Add("token", "j", int64(0), "c", "j", int64(0), false)
	f.Add("everything", "", int64(1_700_000_000_001), "c", "", int64(1_700_000_001), false)
	f.Add("key", thumbprint(key), int64(0), "c", "j", int64(0), true)
	f.Fuzz(func(t *testing.T, kind, name string, upTo int64, client, jti string, iat int64, alias bool) {
		c := revocation.Cutoff{Issuer: issuer, IssuedUpTo: time.UnixMilli(upTo)}
		switch kind {
		case "client":
			c.Select = revocation.Client(name)
		case "token":
			c.Select = revocation.Token(name)
		case "key":
			c.Select = revocation.Key(name)
		case "everything":
			c.Select = revocation.Everything()
		}
		l := newList(t, revocation.Config{Now: func() time.Time { return time.UnixMilli(upTo) }})
		if got, want := l.Add(c), c.Check(); (got == nil) != (want == nil) {
			t.Fatalf("Add(%v) = %v, Check() = %v, want the same", c, got, want)
		} else if got != nil {
			return
		}
		token := revocation.Issued{Issuer: issuer, ClientID: client, TokenID: jti, KeyThumbprint: key, IssuedAt: time.Unix(iat%(1<<40), 0)}
		if alias {
			token.Issuer, token.Aliases = "name", []string{"x", issuer}
		}
		if up := c.IssuedUpTo.Truncate(time.Second); up.Before(c.IssuedUpTo) {
			c.IssuedUpTo = up.Add(time.Second)
		}
		if found, got := l.Find(token); got != (reference{c}).find(token) {
			t.Errorf("Find(%+v) = %v, %t, want %t", token, found, got, !got)
		}
	})
}
