package revocation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

func TestFind(t *testing.T) {
	type issued = revocation.Issued
	client := revocation.Cutoff{Issuer: issuer, Select: revocation.Client("c"), IssuedUpTo: bound}
	for _, tt := range []struct {
		name   string
		cutoff revocation.Cutoff
		token  issued
		found  bool
	}{
		{"client, issued before", client, issued{Issuer: issuer, ClientID: "c", IssuedAt: bound.Add(-time.Hour)}, true},
		{"client, issued at the bound", client, issued{Issuer: issuer, ClientID: "c", IssuedAt: bound}, true},
		{"client, iat with a fraction after the bound's second", client, issued{Issuer: issuer, ClientID: "c", IssuedAt: bound.Add(999 * time.Millisecond)}, true},
		{"client, issued in the next second", client, issued{Issuer: issuer, ClientID: "c", IssuedAt: bound.Add(time.Second)}, false},
		{"client, no iat", client, issued{Issuer: issuer, ClientID: "c"}, true},
		{"another client", client, issued{Issuer: issuer, ClientID: "C", IssuedAt: bound}, false},
		{"the client's name as a jti", client, issued{Issuer: issuer, ClientID: "x", TokenID: "c", IssuedAt: bound}, false},
		{"another issuer", client, issued{Issuer: issuer + "/", ClientID: "c", IssuedAt: bound}, false},
		{"an alias", client, issued{Issuer: "name", Aliases: []string{"a", issuer}, ClientID: "c", IssuedAt: bound}, true},
		{"the bound is rounded up", revocation.Cutoff{Issuer: issuer, Select: revocation.Client("c"), IssuedUpTo: bound.Add(1)},
			issued{Issuer: issuer, ClientID: "c", IssuedAt: bound.Add(time.Second)}, true},
		{"token", revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j")}, issued{Issuer: issuer, TokenID: "j", IssuedAt: bound.Add(time.Hour)}, true},
		{"token, its bound is not used", revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j"), IssuedUpTo: bound},
			issued{Issuer: issuer, TokenID: "j", IssuedAt: bound.Add(time.Hour)}, true},
		{"another token", revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j")}, issued{Issuer: issuer, TokenID: "k"}, false},
		{"a token without a jti", revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j")}, issued{Issuer: issuer}, false},
		{"key, whatever iat says", revocation.Cutoff{Issuer: issuer, Select: revocation.Key(thumbprint(key)), IssuedUpTo: bound},
			issued{Issuer: issuer, KeyThumbprint: key, IssuedAt: bound.Add(time.Hour)}, true},
		{"another key", revocation.Cutoff{Issuer: issuer, Select: revocation.Key(thumbprint(key))}, issued{Issuer: issuer}, false},
		{"everything", revocation.Cutoff{Issuer: issuer, Select: revocation.Everything(), IssuedUpTo: bound}, issued{Issuer: issuer, ClientID: "x", IssuedAt: bound}, true},
		{"everything, issued later", revocation.Cutoff{Issuer: issuer, Select: revocation.Everything(), IssuedUpTo: bound},
			issued{Issuer: issuer, ClientID: "x", IssuedAt: bound.Add(time.Second)}, false},
		{"everything of another issuer", revocation.Cutoff{Issuer: issuer, Select: revocation.Everything(), IssuedUpTo: bound}, issued{Issuer: "x", IssuedAt: bound}, false},
	} {
		l := newList(t, revocation.Config{})
		before, _ := l.View(time.Now())
		add(t, l, tt.cutoff)
		if after, fresh := l.View(time.Now()); after == before || !fresh {
			t.Errorf("View(%s) = %d, %t, want another generation than %d, true", tt.name, after, fresh, before)
		}
		if got, found := l.Find(tt.token); found != tt.found || found && got.Select != tt.cutoff.Select {
			t.Errorf("Find(%s) = %v, %t, want %t", tt.name, got, found, tt.found)
		}
	}
}

// TestAddRefuses: a mistake adds nothing, and all are reported.
func TestAddRefuses(t *testing.T) {
	good := revocation.Cutoff{Issuer: issuer, Select: revocation.Client("c"), IssuedUpTo: time.Now()}
	for _, tt := range []struct {
		name   string
		change func(*revocation.Cutoff)
		want   string
	}{
		{"no issuer", func(c *revocation.Cutoff) { c.Issuer = "" }, "Issuer is empty"},
		{"no selector", func(c *revocation.Cutoff) { c.Select = revocation.Selector{} }, "Select is empty"},
		{"no client", func(c *revocation.Cutoff) { c.Select = revocation.Client("") }, "Select is a client without a name"},
		{"no token", func(c *revocation.Cutoff) { c.Select = revocation.Token("") }, "Select is a token without a name"},
		{"no key", func(c *revocation.Cutoff) { c.Select = revocation.Key("") }, "Select is a key without its thumbprint"},
		{"a key ID", func(c *revocation.Cutoff) { c.Select = revocation.Key("jwk-test-1") }, "Select is a key without its thumbprint"},
		{"a padded thumbprint", func(c *revocation.Cutoff) { c.Select = revocation.Key(thumbprint(key) + "=") }, "Select is a key without its thumbprint"},
		{"no bound", func(c *revocation.Cutoff) { c.IssuedUpTo = time.Time{} }, "IssuedUpTo is zero"},
		{"no bound for everything", func(c *revocation.Cutoff) { c.Select, c.IssuedUpTo = revocation.Everything(), time.Time{} }, "IssuedUpTo is zero"},
		{"a bound two hours ahead", func(c *revocation.Cutoff) { c.IssuedUpTo = time.Now().Add(2 * time.Hour) }, "ahead"},
		{"a bound after the year 9999", func(c *revocation.Cutoff) { c.IssuedUpTo = time.Unix(1<<40, 0) }, "IssuedUpTo is"},
		{"an end before the bound", func(c *revocation.Cutoff) { c.Until = c.IssuedUpTo.Add(-1) }, "Until is before IssuedUpTo"},
		{"a long note", func(c *revocation.Cutoff) { c.Note = strings.Repeat("n", 513) }, "Note has 513 bytes"},
		{"not UTF-8", func(c *revocation.Cutoff) { c.Select = revocation.Client("\xff") }, "Select has 1 bytes"},
	} {
		l := newList(t, revocation.Config{})
		bad := good
		tt.change(&bad)
		if err := l.Add(good, bad); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Add(%s) = %v, want %q", tt.name, err, tt.want)
		}
		if n := l.Status().Entries; n != 0 {
			t.Errorf("Entries after Add(%s) = %d, want 0", tt.name, n)
		}
	}
	l := newList(t, revocation.Config{})
	l.Close()
	if err := l.Add(good); !errors.Is(err, revocation.ErrClosed) {
		t.Errorf("Add(after Close) = %v, want %v", err, revocation.ErrClosed)
	}
	if _, fresh := l.View(time.Now()); fresh {
		t.Error("View(after Close) = fresh, want not")
	}
}

// TestFull: what does not fit is refused whole, and what is there can still become
// wider.
func TestFull(t *testing.T) {
	l := newList(t, revocation.Config{MaxEntries: 2})
	cut := func(client string, ago time.Duration) revocation.Cutoff {
		return revocation.Cutoff{Issuer: issuer, Select: revocation.Client(client), IssuedUpTo: time.Now().Add(-ago)}
	}
	add(t, l, cut("a", time.Hour), cut("b", time.Hour))
	if err := l.Add(cut("a", 0), cut("c", 0)); !errors.Is(err, revocation.ErrFull) {
		t.Errorf("Add(a third) = %v, want %v", err, revocation.ErrFull)
	}
	add(t, l, cut("a", 0), cut("b", 0), cut("a", 0))
	if _, found := l.Find(revocation.Issued{Issuer: issuer, ClientID: "a", IssuedAt: time.Now().Add(-time.Minute)}); !found {
		t.Error("Find(a) = false after its cut-off became wider, want true")
	}
}

// reference is a plain list of cut-offs.
type reference []revocation.Cutoff

func (r reference) find(t revocation.Issued) bool {
	return slices.ContainsFunc(r, func(c revocation.Cutoff) bool {
		if c.Issuer != t.Issuer && !slices.Contains(t.Aliases, c.Issuer) {
			return false
		}
		early := t.IssuedAt.IsZero() || !t.IssuedAt.Truncate(time.Second).After(c.IssuedUpTo)
		switch c.Select.Kind() {
		case revocation.ClientKind:
			return c.Select.Name() == t.ClientID && early
		case revocation.TokenKind:
			return c.Select.Name() == t.TokenID
		case revocation.KeyKind:
			return c.Select.Name() == thumbprint(t.KeyThumbprint)
		default:
			return early
		}
	})
}

// TestFindAgainstReference compares random lists with a plain one.
func TestFindAgainstReference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "d"}
	name := func() string { return names[random.IntN(len(names))] }
	moment := func() time.Time { return bound.Add(time.Duration(random.IntN(8)) * 500 * time.Millisecond) }
	digest := func() (d [32]byte) { d[0] = byte(random.IntN(3)); return d }
	for round := range 300 {
		l := newList(t, revocation.Config{})
		var want reference
		for range random.IntN(12) {
			c := revocation.Cutoff{Issuer: name(), IssuedUpTo: moment()}
			switch random.IntN(8) {
			case 0:
				c.Select = revocation.Everything()
			case 1, 2:
				c.Select = revocation.Token(name())
			case 3, 4:
				c.Select = revocation.Key(thumbprint(digest()))
			default:
				c.Select = revocation.Client(name())
			}
			add(t, l, c)
			if up := c.IssuedUpTo.Truncate(time.Second); up.Before(c.IssuedUpTo) {
				c.IssuedUpTo = up.Add(time.Second)
			}
			want = append(want, c)
		}
		for range 100 {
			token := revocation.Issued{Issuer: name(), ClientID: name(), TokenID: name(), KeyThumbprint: digest(), IssuedAt: moment()}
			if random.IntN(4) == 0 {
				token.Aliases = []string{name()}
			}
			if random.IntN(10) == 0 {
				token.IssuedAt = time.Time{}
			}
			if c, got := l.Find(token); got != want.find(token) {
				t.Fatalf("round %d: Find(%+v) = %v, %t, want %t of %v", round, token, c, got, !got, want)
			}
		}
	}
}

// TestMany adds 100,000 cut-offs singly, and in batches.
func TestMany(t *testing.T) {
	const n = 100_000
	for _, batch := range []int{1, 1000} {
		l := newList(t, revocation.Config{})
		for i := 0; i < n; i += batch {
			var cutoffs []revocation.Cutoff
			for j := range batch {
				cutoffs = append(cutoffs, revocation.Cutoff{Issuer: issuer, Select: revocation.Client(fmt.Sprint(i + j)), IssuedUpTo: bound})
			}
			add(t, l, cutoffs...)
		}
		if s := l.Status(); s.Entries != n || s.Issuers[issuer] != n {
			t.Errorf("Entries = %d, Issuers = %v, want %d", s.Entries, s.Issuers, n)
		}
		for _, id := range []int{0, n / 2, n - 1} {
			if _, found := l.Find(revocation.Issued{Issuer: issuer, ClientID: fmt.Sprint(id), IssuedAt: bound}); !found {
				t.Errorf("Find(client %d of %d) = false, want true", id, n)
			}
		}
	}
}

// TestAddReturns: a token is refused from the moment that Add returns, by whoever
// loaded the generation after that.
func TestAddReturns(t *testing.T) {
	l := newList(t, revocation.Config{})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 200 {
				token := revocation.Issued{Issuer: issuer, ClientID: fmt.Sprint(worker, "-", i), IssuedAt: bound}
				passed, _ := l.View(time.Now())
				if _, found := l.Find(token); found {
					t.Errorf("Find(%s) = true before Add", token.ClientID)
				}
				if err := l.Add(revocation.Cutoff{Issuer: issuer, Select: revocation.Client(token.ClientID), IssuedUpTo: bound}); err != nil {
					t.Error(err)
				}
				generation, _ := l.View(time.Now())
				if _, found := l.Find(token); generation == passed || !found {
					t.Errorf("Find(%s) = %t at generation %d, want true, and another than %d", token.ClientID, found, generation, passed)
				}
			}
		})
	}
	all.Wait()
}

func TestAllocations(t *testing.T) {
	l := newList(t, revocation.Config{})
	add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Key(thumbprint(key))},
		revocation.Cutoff{Issuer: issuer, Select: revocation.Client("other"), IssuedUpTo: bound})
	now, token := time.Now(), revocation.Issued{Issuer: issuer, ClientID: "c", TokenID: "j", IssuedAt: bound}
	if n := testing.AllocsPerRun(100, func() {
		l.View(now)
		l.Find(token)
	}); n != 0 {
		t.Errorf("View and Find = %v allocations, want 0", n)
	}
}

func BenchmarkView(b *testing.B) {
	l, now := newList(b, revocation.Config{}), time.Now()
	for b.Loop() {
		l.View(now)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{0, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := newList(b, revocation.Config{})
			for i := range n {
				add(b, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client(fmt.Sprint("m2m-client-live-", i)), IssuedUpTo: bound})
			}
			token := revocation.Issued{Issuer: issuer, ClientID: "m2m-client-live-x", TokenID: "j", IssuedAt: bound}
			b.ReportAllocs()
			for b.Loop() {
				l.Find(token)
			}
		})
	}
}
