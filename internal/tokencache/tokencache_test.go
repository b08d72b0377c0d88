package tokencache

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestCache(t *testing.T) {
	c := New[int](10)
	c.Put("a", 1, 100)
	if v, ok := c.Get("a"); !ok || v != 1 {
		t.Errorf("Get = %d, %t", v, ok)
	}
	if _, ok := c.Get("A"); ok {
		t.Error("another token is found")
	}
	c.Put("a", 2, 100)
	if v, _ := c.Get("a"); v != 2 {
		t.Errorf("the later value is not kept: %d", v)
	}
	c.Remove("a")
	if _, ok := c.Get("a"); ok {
		t.Error("found after Remove")
	}
	c.Put("b", 3, 100)
	c.Clear()
	if _, ok := c.Get("b"); ok || c.Len() != 0 {
		t.Error("found after Clear")
	}
}

// TestBounds checks that the cache holds at most its size in entries, and 4
// KiB times that in bytes.
func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int // of each entry
		most  int
	}{
		{"small", 10, 100},
		{"as large as an entry is taken to be", entryBytes - 100, 100},
		{"ten times as large", 10 * entryBytes, 10},
		{"larger than all of it", 200 * entryBytes, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New[int](100)
			for i := range 1000 {
				c.Put(fmt.Sprintf("token %d", i), i, tt.bytes)
			}
			if n := c.Len(); n > tt.most {
				t.Errorf("%d entries, want at most %d", n, tt.most)
			}
		})
	}
}

// TestLargestSize checks a size of more bytes than an int of 32 bits holds.
func TestLargestSize(t *testing.T) {
	c := New[int](1 << 24)
	for i := range 3 {
		c.Put(fmt.Sprintf("token %d", i), i, 0)
	}
	if n := c.Len(); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

// TestPutCopies checks that an entry does not keep the header that its token
// was part of.
func TestPutCopies(t *testing.T) {
	c := New[int](10)
	header := "Bearer " + strings.Repeat("a", 100)
	token := header[len("Bearer "):]
	c.Put(token, 1, 0)
	for kept := range c.entries.All() {
		if unsafe.StringData(kept) == unsafe.StringData(token) {
			t.Error("the header is kept with the token")
		}
	}
}

func TestNilHoldsNothing(t *testing.T) {
	var c *Cache[int]
	c.Put("a", 1, 0)
	c.Remove("a")
	c.Clear()
	if v, ok := c.Get("a"); ok || v != 0 || c.Len() != 0 {
		t.Error("nil holds something")
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	c := New[int](10)
	token := strings.Repeat("a", 700)
	c.Put(token, 1, 0)
	if n := testing.AllocsPerRun(100, func() { c.Get(token) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
