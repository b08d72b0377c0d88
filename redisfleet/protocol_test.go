package redisfleet_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

// write adds an entry by hand, with a field that a test replaces.
func (f *fleet) write(replace ...string) {
	f.t.Helper()
	fields := []string{"v", "1", "issuer", issuer, "select", "client", "name", "byhand", "upto", "1700000000", "until", "4000000000", "note", ""}
	for i := 0; i < len(replace); i += 2 {
		for j := 0; j < len(fields); j += 2 {
			if fields[j] == replace[i] {
				fields[j+1] = replace[i+1]
			}
		}
	}
	f.Do(append([]string{"XADD", stream, "*"}, fields...)...)
}

// TestTheStoreIsWrong damages the store under a replica with a view, and starts another
// one. Neither may confirm, and what the first one held stays.
func TestTheStoreIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		damage func(*fleet)
		want   error // of the replica that had a view
		fresh  error // of a new one
	}{
		{"deleted", func(f *fleet) { f.Do("DEL", stream) }, redisfleet.ErrNotInitialized, redisfleet.ErrNotInitialized},
		{"flushed", func(f *fleet) { f.Do("FLUSHALL") }, redisfleet.ErrNotInitialized, redisfleet.ErrNotInitialized},
		{"another type", func(f *fleet) { f.Do("DEL", stream); f.Do("SET", stream, "x") }, nil, nil},
		{"trimmed to nothing", func(f *fleet) { f.Do("XTRIM", stream, "MAXLEN", "0") }, redisfleet.ErrNotInitialized, redisfleet.ErrNotInitialized},
		{"trimmed to the last", func(f *fleet) { f.Do("XTRIM", stream, "MAXLEN", "1") }, redisfleet.ErrNotInitialized, redisfleet.ErrNotInitialized},
		{"made anew", func(f *fleet) {
			f.Do("DEL", stream)
			if err := f.publisher.Init(f.t.Context()); err != nil {
				f.t.Error(err)
			}
		}, redisfleet.ErrLost, redisfleet.ErrLost},
		{"an entry deleted", func(f *fleet) {
			seen, err := f.publisher.Seen(f.t.Context(), "1-1")
			if err != nil {
				f.t.Fatal(err)
			}
			f.Do("XDEL", stream, seen.Have[0].Applied)
		}, redisfleet.ErrLost, redisfleet.ErrLost},
		{"a newer version", func(f *fleet) { f.write("v", "2") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"another selector", func(f *fleet) { f.write("select", "tenant") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"an empty name", func(f *fleet) { f.write("name", "") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"a number that is none", func(f *fleet) { f.write("upto", "01700000000") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"no end", func(f *fleet) { f.write("until", "") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"a foreign entry", func(f *fleet) { f.Do("XADD", stream, "*", "hello", "world") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
		{"a second opening", func(f *fleet) { f.Do("XADD", stream, "*", "v", "1", "opening", "x") }, redisfleet.ErrNotUnderstood, redisfleet.ErrNotUnderstood},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			old := f.follow("old")
			receipt := f.publish(cutoff("c"))
			redistest.Eventually(t, "the cut-off is noted", func() bool {
				seen, err := f.publisher.Seen(t.Context(), receipt.ID)
				return err == nil && len(seen.Have) == 1
			})
			test.damage(f)
			confirmed := func(list *revocation.List) time.Time { return list.Status().Confirmed }
			if test.want != nil {
				failsWith(t, old, test.want)
			} else {
				redistest.Eventually(t, "it fails", func() bool { return old.Status().LastError != nil })
			}
			before := confirmed(old)
			young := follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}})
			if test.fresh != nil {
				failsWith(t, young, test.fresh)
			} else {
				redistest.Eventually(t, "a new one fails", func() bool { return young.Status().LastError != nil })
			}
			if _, fresh := young.View(time.Now()); fresh || young.Status().Loaded {
				t.Error("a new replica has a view")
			}
			if !refuses(old, "c") {
				t.Error("the cut-off is forgotten")
			}
			if got := confirmed(old); !got.Equal(before) {
				t.Errorf("confirmed at %v, want no later than %v", got, before)
			}
		})
	}
}

func TestNeighboursOfAnUnknownEntryCount(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	list := f.follow("a")
	f.publish(cutoff("before"))
	f.write("v", "2")
	f.publish(cutoff("after"))
	redistest.Eventually(t, "both count", func() bool { return refuses(list, "before") && refuses(list, "after") })
	failsWith(t, list, redisfleet.ErrNotUnderstood)
	young := follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}})
	redistest.Eventually(t, "both count for a new one", func() bool { return refuses(young, "before") && refuses(young, "after") })
	if refuses(list, "byhand") || young.Status().Loaded {
		t.Error("the unknown entry counts, or the view is confirmed")
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	list := f.follow("a")
	f.publish(cutoff("c"), revocation.Cutoff{Issuer: issuer, Select: revocation.Token("t")})
	redistest.Eventually(t, "the list has both", func() bool { return list.Status().Entries == 2 })
	f.Do("DEL", stream)
	if _, err := f.publisher.Publish(t.Context(), cutoff("d")); !errors.Is(err, redisfleet.ErrNotInitialized) {
		t.Errorf("Publish without a stream = %v, want ErrNotInitialized", err)
	}
	if err := f.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	failsWith(t, list, redisfleet.ErrLost)
	if r := f.publish(cutoff("d")); !r.Lost {
		t.Error("the Receipt does not tell that the store has lost cut-offs")
	}
	var held []revocation.Cutoff
	for c := range list.All() {
		held = append(held, c)
	}
	past := cutoff("old")
	past.IssuedUpTo, past.Until = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	r, err := f.publisher.Restore(t.Context(), append(held, past)...)
	if err != nil || r.Lost || r.Ended != 1 || r.Added+r.Known != len(held) {
		t.Errorf("Restore = %+v, %v; want 1 ended, the others added", r, err)
	}
	redistest.Eventually(t, "the list confirms", func() bool { return list.Status().LastError == nil })
	if young := f.follow("b"); !refuses(young, "c") || !refuses(young, "d") {
		t.Error("a new replica lacks what was restored")
	}
}

func TestInitOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	before := f.Do("XRANGE", stream, "-", "+")
	if err := f.publisher.Init(t.Context()); err != nil {
		t.Error(err)
	}
	if got := f.Do("XRANGE", stream, "-", "+"); got != before {
		t.Errorf("Init again changed %s to %s", before, got)
	}
	f.Do("XTRIM", stream, "MAXLEN", "0")
	if err := f.publisher.Init(t.Context()); !errors.Is(err, redisfleet.ErrNotInitialized) {
		t.Errorf("Init of an emptied stream = %v, want ErrNotInitialized", err)
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	list := f.follow("a")
	now := time.Now()
	f.write("name", "ended", "until", strconv.FormatInt(now.Add(-25*time.Hour).Unix(), 10))
	f.write("name", "just ended", "until", strconv.FormatInt(now.Add(-23*time.Hour).Unix(), 10))
	f.publish(cutoff("c"), revocation.Cutoff{Issuer: issuer, Select: revocation.Key("E" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")})
	f.Do("HSET", stream+":seen", "dead", "x 1-1 "+strconv.FormatInt(now.Add(-25*time.Hour).UnixMilli(), 10))
	got, err := f.publisher.Trim(t.Context())
	if want := (redisfleet.Trimmed{Entries: 1, Replicas: 1}); err != nil || got != want {
		t.Errorf("Trim = %+v, %v; want %+v", got, err, want)
	}
	if got := f.Do("XLEN", stream); got != "4" {
		t.Errorf("XLEN = %s, want 4", got)
	}
	receipt := f.publish(cutoff("d"))
	redistest.Eventually(t, "the list confirms what was published after", func() bool {
		s := list.Status()
		return s.Position == receipt.ID && s.LastError == nil && s.Fresh
	})
	if f.Do("EXISTS", stream+":lost") != "0" {
		t.Error("Trim counts as a loss")
	}
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.publish(cutoff("a"), cutoff("b"), cutoff("c"))
	opts := redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}, MaxEntries: 2}
	list := follow(t, opts)
	failsWith(t, list, redisfleet.ErrTooMany)
	if list.Status().Loaded || !refuses(list, "a") {
		t.Error("it has a view, or it does not keep what it read")
	}
	if _, err := publisher(t, opts).Publish(t.Context(), cutoff("d")); !errors.Is(err, redisfleet.ErrTooMany) {
		t.Errorf("Publish = %v, want ErrTooMany", err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var all []revocation.Cutoff
	for i := range 3000 {
		all = append(all, cutoff("c"+strconv.Itoa(i)))
	}
	f.publish(all[:2500]...)
	list := f.follow("a")
	if got := list.Status().Entries; got != 2500 {
		t.Errorf("Entries = %d, want 2500", got)
	}
	receipt := f.publish(all...)
	if receipt.Added != 500 || receipt.Known != 2500 {
		t.Errorf("Publish = %+v, want 500 added and 2500 known", receipt)
	}
	redistest.Eventually(t, "the list has all", func() bool { return list.Status().Entries == 3000 })
}
