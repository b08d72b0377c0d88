package tokencache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// TestWhatIsReadStays checks that entries which are read between two rounds
// of the hand are not evicted for entries that are never read.
func TestWhatIsReadStays(t *testing.T) {
	c := New[int](100)
	for i := range 10 {
		c.Put(name("wanted", i), i, 0)
	}
	for i := range 2_000 {
		for j := range 10 {
			if _, ok := c.Get(name("wanted", j)); !ok {
				t.Fatalf("after %d others, %q is gone", i, name("wanted", j))
			}
		}
		c.Put(name("other", i), i, 0)
	}
	if n := c.Len(); n != 100 {
		t.Errorf("%d entries, want 100", n)
	}
}

// TestTheOldestUnreadGivesWay checks that the oldest unread entry is
// evicted, and that an entry that was read stays for one more round.
func TestTheOldestUnreadGivesWay(t *testing.T) {
	c := New[int](3)
	for _, token := range []string{"a", "b", "c"} {
		c.Put(token, 0, 0)
	}
	c.Get("a")
	for _, step := range []struct{ put, gone string }{
		{"d", "b"}, // "a" was read: the hand clears its mark and goes on
		{"e", "c"},
		{"f", "d"},
		{"g", "e"},
		{"h", "f"}, // the hand goes from old to new; "a" is behind it
	} {
		c.Put(step.put, 0, 0)
		if _, ok := c.entries.Load(step.gone); ok || c.Len() != 3 {
			t.Fatalf("after %q: %q is still there, or not three are (%d)", step.put, step.gone, c.Len())
		}
	}
	if _, ok := c.entries.Load("a"); !ok {
		t.Error("what was read is gone before what was not")
	}
}

// TestRemoveLeavesTheHand checks that Remove does not move the hand, unless
// the hand is at the removed entry: then it goes on to the next. Otherwise a
// removal would spare entries that the hand has yet to pass.
func TestRemoveLeavesTheHand(t *testing.T) {
	c := New[int](5)
	for _, token := range []string{"a", "b", "c", "d", "e"} {
		c.Put(token, 0, 0)
	}
	c.Get("a")
	c.Put("f", 0, 0) // "b" gives way, and the hand is at "c"
	for _, step := range []struct{ remove, at string }{
		{"e", "c"},
		{"a", "c"},
		{"c", "d"},
	} {
		c.Remove(step.remove)
		if at := c.queue.at(c.queue.hand).token; at != step.at {
			t.Fatalf("after %q is removed, the hand is at %q, want %q", step.remove, at, step.at)
		}
	}
}

// TestAllRead checks that one entry is evicted after a bounded walk even if
// all were read.
func TestAllRead(t *testing.T) {
	const size = 4 * maxSpared
	c := New[int](size)
	for i := range size {
		c.Put(name("token", i), i, 0)
		c.Get(name("token", i))
	}
	c.Put("one more", 0, 0)
	unmarked := 0
	for e := range entries(c) {
		if !e.read.Load() {
			unmarked++
		}
	}
	// Those that the hand passed, and the new one.
	if c.Len() != size || unmarked != maxSpared+1 {
		t.Errorf("%d entries, %d unmarked: want %d and %d", c.Len(), unmarked, size, maxSpared+1)
	}
}

// TestMapAndQueueAgree checks that map and queue hold the same entries after
// any sequence of operations.
func TestMapAndQueueAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := New[int](20)
	for step := range 20_000 {
		token := name("token", random.IntN(60))
		switch random.IntN(8) {
		case 0, 1, 2:
			c.Put(token, step, random.IntN(3*entryBytes))
			if v, ok := c.Get(token); !ok || v != step {
				t.Fatalf("step %d: what was put is not there", step)
			}
		case 3:
			c.Remove(token)
			if _, ok := c.Get(token); ok {
				t.Fatalf("step %d: what was removed is there", step)
			}
		case 4:
			if random.IntN(200) == 0 {
				c.Clear()
			}
		default:
			c.Get(token)
		}
		if problem := c.disagreement(); problem != "" {
			t.Fatalf("step %d: %s", step, problem)
		}
	}
}

// TestConcurrentUse gives the race detector something to check, and compares
// map and queue afterwards.
func TestConcurrentUse(t *testing.T) {
	c := New[int](20)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 5_000 {
				token := name("token", random.IntN(60))
				switch random.IntN(4) {
				case 0:
					c.Put(token, len(token), random.IntN(2*entryBytes))
				case 1:
					c.Remove(token)
				default:
					if v, ok := c.Get(token); ok && v != len(token) {
						t.Errorf("%q has the value of another: %d", token, v)
					}
				}
			}
		})
	}
	group.Wait()
	if problem := c.disagreement(); problem != "" {
		t.Error(problem)
	}
}

func name(kind string, n int) string { return fmt.Sprintf("%s %d", kind, n) }

// entries are those of the queue, from the newest to the oldest.
func entries[V any](c *Cache[V]) func(yield func(*entry[V]) bool) {
	return func(yield func(*entry[V]) bool) {
		for e := c.queue.newest; e != nil && yield(e); e = e.older {
		}
	}
}

// disagreement says what is wrong with c's own books, or "".
func (c *Cache[V]) disagreement() string {
	queued := slices.Collect(entries(c))
	bytes, backwards := int64(0), 0
	for _, e := range queued {
		if found, ok := c.entries.Load(e.token); !ok || found != e {
			return fmt.Sprintf("%q is in the queue and not in the map", e.token)
		}
		bytes += e.bytes
	}
	for e := c.queue.oldest; e != nil; e = e.newer {
		backwards++
	}
	switch {
	case len(queued) != c.entries.Size() || backwards != len(queued):
		return fmt.Sprintf("%d in the map, %d in the queue, %d the other way", c.entries.Size(), len(queued), backwards)
	case bytes != c.bytes || bytes > c.most:
		return fmt.Sprintf("%d bytes, counted as %d, of %d", bytes, c.bytes, c.most)
	case c.queue.hand != nil && !slices.Contains(queued, c.queue.hand):
		return "the hand is at an entry that is gone"
	}
	return ""
}
