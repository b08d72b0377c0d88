package redisfleet_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

const (
	issuer = "https://issuer.example"
	stream = "{m2mauth:revocations}"
)

// fleet is a server, and a publisher that has initialized its stream.
type fleet struct {
	*redistest.Server
	t         *testing.T
	publisher *redisfleet.Publisher
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{Server: redistest.Start(t, redistest.Options{AOF: true}), t: t}
	f.publisher = publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}})
	if err := f.publisher.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func publisher(t *testing.T, opts redisfleet.Options) *redisfleet.Publisher {
	t.Helper()
	p, err := redisfleet.NewPublisher(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// follow returns a List that follows the server, and its Close.
func follow(t *testing.T, opts redisfleet.Options) *revocation.List {
	t.Helper()
	source, err := redisfleet.NewRevocations(opts)
	if err != nil {
		t.Fatal(err)
	}
	list, err := revocation.New(revocation.Config{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { list.Close() })
	return list
}

func (f *fleet) follow(replica string) *revocation.List {
	f.t.Helper()
	list := follow(f.t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}, Replica: replica})
	ready(f.t, list)
	return list
}

func (f *fleet) publish(cutoffs ...revocation.Cutoff) redisfleet.Receipt {
	f.t.Helper()
	receipt, err := f.publisher.Publish(f.t.Context(), cutoffs...)
	if err != nil {
		f.t.Fatal(err)
	}
	return receipt
}

func ready(t *testing.T, list *revocation.List) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := list.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

func cutoff(client string) revocation.Cutoff {
	return revocation.Cutoff{Issuer: issuer, Select: revocation.Client(client), IssuedUpTo: time.Now(), Note: "leaked"}
}

func refuses(list *revocation.List, client string) bool {
	_, found := list.Find(revocation.Issued{Issuer: issuer, ClientID: client, IssuedAt: time.Now().Add(-time.Minute)})
	return found
}

// failsWith waits until the source of a List fails with an error.
func failsWith(t *testing.T, list *revocation.List, want error) {
	t.Helper()
	redistest.Eventually(t, "the list reports "+want.Error(), func() bool { return errors.Is(list.Status().LastError, want) })
}

func TestPublishIsFollowed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.publish(cutoff("before"))
	list := f.follow("a")
	if !refuses(list, "before") {
		t.Error("the snapshot lacks a cut-off that was published before")
	}
	all := []revocation.Cutoff{
		cutoff("during"),
		{Issuer: issuer, Select: revocation.Token("jti-1")},
		{Issuer: issuer, Select: revocation.Key("E" + strings.Repeat("A", 42))},
		{Issuer: "https://other.example", Select: revocation.Everything(), IssuedUpTo: time.Now()},
	}
	receipt := f.publish(all...)
	if receipt.Added != 4 || receipt.Known != 0 || receipt.Lost {
		t.Errorf("Publish = %+v, want 4 added", receipt)
	}
	redistest.Eventually(t, "the list has all", func() bool { return list.Status().Entries == 5 })
	if !refuses(list, "during") || refuses(list, "honest") {
		t.Errorf("refuses(during), refuses(honest) = %t, %t, want true, false", refuses(list, "during"), refuses(list, "honest"))
	}
	if s := list.Status(); !s.Fresh || s.Position == "" || s.LastError != nil {
		t.Errorf("Status = %+v, want fresh", s)
	}
}

func TestPublishTwiceWritesOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	cutoffs := []revocation.Cutoff{
		cutoff("c"), {Issuer: issuer, Select: revocation.Token("t")}, {Issuer: issuer, Select: revocation.Key("E" + strings.Repeat("A", 42))},
	}
	first := f.publish(cutoffs...)
	again := f.publish(append(cutoffs, cutoffs...)...)
	if again.Added != 0 || again.Known != 6 || again.ID != first.ID {
		t.Errorf("Publish again = %+v, want 6 known, and ID %s", again, first.ID)
	}
	wider := cutoffs[0]
	wider.IssuedUpTo = wider.IssuedUpTo.Add(2 * time.Second)
	if r := f.publish(wider); r.Added != 1 {
		t.Errorf("Publish with a later bound = %+v, want 1 added", r)
	}
	if got := f.Do("XLEN", stream); got != "5" {
		t.Errorf("XLEN = %s, want 5 with the opening", got)
	}
}

func TestSeenNamesWhoIsMissing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a, b := f.follow("a"), f.follow("b")
	receipt := f.publish(cutoff("c"))
	redistest.Eventually(t, "2 of 2 have it", func() bool {
		seen, err := f.publisher.Seen(t.Context(), receipt.ID)
		return err == nil && len(seen.Have) == 2 && seen.Total() == 2
	})
	// One that stops in order is not counted any more; one that died is told as
	// silent; one that reports an older entry, or another stream, is missing.
	b.Close()
	now := time.Now()
	notes := strings.Split(f.Do("HGET", stream+":seen", "a"), " ")
	f.Do("HSET", stream+":seen", "dead", notes[0]+" "+receipt.ID+" "+strconv.FormatInt(now.Add(-2*time.Minute).UnixMilli(), 10))
	f.Do("HSET", stream+":seen", "behind", notes[0]+" 1-1 "+notes[2])
	f.Do("HSET", stream+":seen", "elsewhere", "other "+receipt.ID+" "+notes[2])
	f.Do("HSET", stream+":seen", "garbled", "?")
	seen, err := f.publisher.Seen(t.Context(), receipt.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		got  []redisfleet.Replica
		want string
	}{
		{"Have", seen.Have, "a"}, {"Missing", seen.Missing, "behind elsewhere"}, {"Silent", seen.Silent, "dead garbled"},
	} {
		var names []string
		for _, r := range test.got {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s = %s, want %s", test.what, got, test.want)
		}
	}
	if a.Close(); f.Do("HEXISTS", stream+":seen", "a") != "0" {
		t.Error("a replica that was closed is still in the report")
	}
}

func TestDownAtStart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.publish(cutoff("c"))
	f.Kill()
	list := follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}})
	redistest.Eventually(t, "it fails", func() bool { return list.Status().LastError != nil })
	if _, fresh := list.View(time.Now()); fresh {
		t.Error("fresh without a view")
	}
	f.Restart()
	ready(t, list)
	if !refuses(list, "c") {
		t.Error("the cut-off is not in force")
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	list := f.follow("a")
	if got := f.Clients(); got == 0 || got > 2 {
		t.Errorf("Clients = %d, want 1 or 2", got)
	}
	f.publish(cutoff("c"))
	list.Close()
	redistest.Eventually(t, "no connection is left", func() bool { return f.Clients() == 0 })
}
