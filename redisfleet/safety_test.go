package redisfleet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

func TestPublisherRefusesUnsafeServers(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, redistest.Options{AOF: true})
	for _, test := range []struct {
		name string
		opts redistest.Options
		want string
	}{
		{"no AOF", redistest.Options{}, `aof_enabled:"0"`},
		{"evicts", redistest.Options{AOF: true, Policy: "allkeys-lru"}, `maxmemory_policy:"allkeys-lru"`},
		{"a replica", redistest.Options{AOF: true, ReplicaOf: primary}, `role:"slave"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, test.opts)
			err := publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: s.Addr()}}).Init(t.Context())
			if !errors.Is(err, redisfleet.ErrNotSafe) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Init = %v, want ErrNotSafe with %s", err, test.want)
			}
			if got := s.Do("EXISTS", stream); got != "0" {
				t.Error("it has written all the same")
			}
		})
	}
	s := redistest.Start(t, redistest.Options{})
	if err := publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: s.Addr()}, InsecureWithoutAOF: true}).Init(t.Context()); err != nil {
		t.Errorf("Init with InsecureWithoutAOF = %v", err)
	}
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	opts := redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}, MinReplicas: 1, Timeout: 500 * time.Millisecond}
	p := publisher(t, opts)
	receipt, err := p.Publish(t.Context(), cutoff("c"))
	if !errors.Is(err, redisfleet.ErrNotSafe) || receipt.ID == "" || receipt.Added != 1 || receipt.Acknowledged != 0 {
		t.Errorf("Publish without a replica = %+v, %v; want a Receipt and ErrNotSafe", receipt, err)
	}
	// An isolated primary has cut-offs, but confirms nothing.
	list := follow(t, opts)
	failsWith(t, list, redisfleet.ErrNotSafe)
	if list.Status().Loaded || !refuses(list, "c") {
		t.Error("it has a view, or does not keep what it read")
	}
	replica := redistest.Start(t, redistest.Options{ReplicaOf: f.Server})
	redistest.Eventually(t, "the cut-off is safe", func() bool {
		receipt, err = p.Publish(t.Context(), cutoff("c"))
		return err == nil
	})
	if receipt.Acknowledged != 1 {
		t.Errorf("Acknowledged = %d, want 1", receipt.Acknowledged)
	}
	ready(t, list)
	// A follower of the replica gets no view from it.
	other := follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: replica.Addr()}})
	redistest.Eventually(t, "a replica is refused", func() bool { return other.Status().LastError != nil })
	if other.Status().Loaded {
		t.Error("it has a view of a replica")
	}
}

func TestPublishRefusesBadCutoffs(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ahead, past := cutoff("a"), cutoff("p")
	ahead.IssuedUpTo = time.Now().Add(2 * time.Hour)
	past.IssuedUpTo, past.Until = time.Now().Add(-3*time.Hour), time.Now().Add(-time.Hour)
	for name, c := range map[string]revocation.Cutoff{"a bound 2 h ahead": ahead, "ended": past, "empty": {}} {
		if _, err := f.publisher.Publish(t.Context(), cutoff("good"), c); err == nil {
			t.Errorf("Publish(%s) = nil, want an error", name)
		}
	}
	if got := f.Do("XLEN", stream); got != "1" {
		t.Errorf("XLEN = %s, want the opening alone", got)
	}
}

func TestBlackhole(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	proxy := redistest.NewProxy(t, f.Addr())
	list := follow(t, redisfleet.Options{Server: redisfleet.Server{Addr: proxy.Addr()}, Timeout: 300 * time.Millisecond})
	ready(t, list)
	proxy.Blackhole()
	began := time.Now()
	redistest.Eventually(t, "it fails", func() bool { return list.Status().LastError != nil })
	if confirmed := list.Status().Confirmed; confirmed.After(began) {
		t.Errorf("confirmed at %v, after the connection was lost at %v", confirmed, began)
	}
	f.publish(cutoff("c"))
	proxy.Heal()
	redistest.Eventually(t, "it recovers", func() bool { return refuses(list, "c") && list.Status().LastError == nil })
	proxy.Blackhole()
	list.Close()
	proxy.Heal() // it held back what it had read, and did not see the end behind it
	redistest.Eventually(t, "no connection is left", func() bool { return proxy.Clients() == 0 })
}

// The lines of the package comment.
const (
	followerUser = "user m2mauth-follower on >PASSWORD resetkeys resetchannels -@all %R~{m2mauth:revocations} %RW~{m2mauth:revocations}:seen %RW~{m2mauth:revocations}:lost +xread +xinfo|stream +hset +hdel +get +set +wait +role +time"
	operatorUser = "user m2mauth-operator on >PASSWORD resetkeys resetchannels -@all %RW~{m2mauth:revocations} %RW~{m2mauth:revocations}:* +xread +xinfo|stream +xadd +xdel +hgetall +hdel +get +set +del +wait +role +time +info"
)

func TestUsersAndTLS(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{AOF: true, TLS: true, Users: []string{"user default on nopass ~* +@all", followerUser, operatorUser}})
	server := func(name string) redisfleet.Server {
		return redisfleet.Server{Addr: s.Addr(), Username: name, Password: "PASSWORD", TLS: s.TLS()}
	}
	operator := publisher(t, redisfleet.Options{Server: server("m2mauth-operator")})
	if err := operator.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	follower := redisfleet.Options{Server: server("m2mauth-follower"), Replica: "a"}
	list := follow(t, follower)
	ready(t, list)
	receipt, err := operator.Publish(t.Context(), cutoff("c"))
	if err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, "1 of 1 has it", func() bool {
		seen, err := operator.Seen(t.Context(), receipt.ID)
		return err == nil && len(seen.Have) == 1
	})
	s.Do("DEL", stream)
	if err := operator.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, "the follower sets the mark", func() bool { return s.Do("EXISTS", stream+":lost") == "1" })
	if _, err := operator.Restore(t.Context(), cutoff("c")); err != nil {
		t.Error(err)
	}
	if _, err := operator.Trim(t.Context()); err != nil {
		t.Error(err)
	}
	redistest.Eventually(t, "the follower confirms", func() bool { return list.Status().LastError == nil })
	list.Close()
	if got := s.Do("HLEN", stream+":seen"); got != "0" {
		t.Errorf("HLEN of seen = %s after Close, want 0", got)
	}

	// A follower cannot publish, and no error shows the password.
	follower.InsecureWithoutAOF = true
	wrong := server("m2mauth-operator")
	wrong.Password = "WRONG-PASSWORD"
	untrusted := server("m2mauth-operator")
	untrusted.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	for name, test := range map[string]struct {
		opts redisfleet.Options
		want string
	}{
		"the follower's user": {follower, "NOPERM"},
		"a wrong password":    {redisfleet.Options{Server: wrong}, "WRONGPASS"},
		"no trust":            {redisfleet.Options{Server: untrusted}, "certificate"},
	} {
		_, err := publisher(t, test.opts).Publish(t.Context(), cutoff("x"))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), test.opts.Server.Password) {
			t.Errorf("Publish with %s = %v, want %s", name, err, test.want)
		}
	}
	for _, words := range [][]string{{"XADD", stream, "*", "a", "b"}, {"DEL", stream}, {"XTRIM", stream, "MAXLEN", "0"}, {"FLUSHALL"}, {"GET", "other"}, {"CONFIG", "GET", "*"}} {
		if _, err := s.DoAs("m2mauth-follower", "PASSWORD", words...); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("a follower's %v = %v, want NOPERM", words, err)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts redisfleet.Options
		want []string
	}{
		{"nothing", redisfleet.Options{}, []string{"Server.Addr is empty"}},
		{"plaintext", redisfleet.Options{Server: redisfleet.Server{Addr: "redis.internal:6379"}}, []string{"Server.TLS is nil"}},
		{"all at once", redisfleet.Options{Server: redisfleet.Server{Addr: "x", Username: "u"}, Name: "{a}", Replica: "a b", MinReplicas: -1, MaxEntries: -1, MaxTokenLife: 1, Timeout: 1},
			[]string{"Server.Addr", "Server.Username", "Options.Name", "Options.Replica", "Options.MinReplicas", "Options.MaxEntries", "Options.MaxTokenLife", "Options.Timeout"}},
	} {
		_, err := redisfleet.NewRevocations(test.opts)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("NewRevocations(%s) = %v, want %s", test.name, err, want)
			}
		}
	}
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	s, err := redisfleet.ParseServer("rediss://user:s%2Fcret@redis.internal:7000")
	if err != nil || s.Addr != "redis.internal:7000" || s.Username != "user" || s.Password != "s/cret" || s.TLS == nil {
		t.Errorf("ParseServer = %#v, %v", s, err)
	}
	if s, err := redisfleet.ParseServer("redis://[::1]"); err != nil || s.Addr != "[::1]:6379" || s.TLS != nil {
		t.Errorf("ParseServer = %#v, %v", s, err)
	}
	for _, bad := range []string{"", "redis:", "http://s3cret@host", "redis://u:s3cret@host/5", "redis://:s3cret@%zz", "redis://u:s3cret@host?x=s3cret"} {
		if _, err := redisfleet.ParseServer(bad); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("ParseServer(%q) = %v, want an error without the password", bad, err)
		}
	}
}

func TestPublisherHonoursContext(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.Pause()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	p := publisher(t, redisfleet.Options{Server: redisfleet.Server{Addr: f.Addr()}, Timeout: time.Minute})
	if _, err := p.Publish(ctx, cutoff("c")); err == nil {
		t.Error("Publish to a paused server = nil, want an error")
	}
	f.Resume()
}
