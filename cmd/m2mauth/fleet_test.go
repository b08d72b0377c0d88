package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
)

// startRedis starts a server for one test and returns its URL. Without redis-server, the
// test is skipped, except in CI.
func startRedis(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is missing")
		}
		t.Skip("redis-server is missing: apt-get install redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction"}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	until(t, "redis-server listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return "redis://" + addr
}

// until waits until a condition of another process holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// replica returns a list that follows the store, as a replica of a service does.
func replica(t *testing.T, redis, name string) *revocation.List {
	t.Helper()
	server, err := redisfleet.ParseServer(redis)
	if err != nil {
		t.Fatal(err)
	}
	source, err := redisfleet.NewRevocations(redisfleet.Options{Server: server, Replica: name})
	if err != nil {
		t.Fatal(err)
	}
	list, err := revocation.New(revocation.Config{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { list.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := list.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return list
}

// m2mauth runs the command and checks its status, and that its output holds text.
func m2mauth(t *testing.T, status int, text string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	got := run(t.Context(), args, strings.NewReader(""), &out, &errs)
	if got != status || !strings.Contains(out.String()+errs.String(), text) {
		t.Fatalf("m2mauth %q = %d\n%s%s\nwant %d and %q", args, got, &out, &errs, status, text)
	}
	return out.String()
}

// TestIncidentOnRedis: the store, an incident, and single cut-offs with a real server.
func TestIncidentOnRedis(t *testing.T) {
	redis := startRedis(t)
	a := m2mtest.NewAuthority(nil)
	t.Cleanup(a.Close)
	t.Setenv("STYTCH_PROJECT_ID", a.ProjectID())
	t.Setenv("STYTCH_SECRET", a.Secret())
	t.Setenv("STYTCH_URL", a.URL())
	t.Setenv("M2MAUTH_REDIS", redis)
	issuer := "stytch.com/" + a.ProjectID()
	id, _ := a.CreateClient("worker", "jobs:run")
	folder := t.TempDir()
	incident := []string{"incident", "-client", id, "-secret-out", filepath.Join(folder, "next"), "-state", filepath.Join(folder, "state"), "-yes", "-distributed"}

	m2mauth(t, 1, "m2mauth fleet init", "fleet", "status")
	m2mauth(t, 1, "m2mauth fleet init", append(incident, "-stopgap")...) // the leaked secret is removed all the same
	m2mauth(t, 0, "ready", "fleet", "init")
	m2mauth(t, 1, "No replica has reported", append(incident, "-wait", "100ms")...)

	first, second := replica(t, redis, "replica-1"), replica(t, redis, "replica-2")
	m2mauth(t, 0, "2 replicas", "fleet", "status")
	m2mauth(t, 0, "2 of 2 replicas have seen it", incident...)
	leaked := revocation.Issued{Issuer: issuer, ClientID: id, IssuedAt: time.Now().Add(-time.Second)}
	honest := leaked
	honest.IssuedAt = time.Now().Add(5 * time.Second)
	for i, list := range []*revocation.List{first, second} {
		if _, found := list.Find(leaked); !found {
			t.Errorf("replica %d accepts a token from before the cut-off", i+1)
		}
		if _, found := list.Find(honest); found {
			t.Errorf("replica %d refuses a token from after the cut-off", i+1)
		}
	}

	m2mauth(t, 0, "2 of 2", "revoke", "-token", "t-1", "-note", "seen in a log", "-yes")
	m2mauth(t, 0, "2 of 2", "revoke", "-issuer", "other", "-everything", "-yes")
	m2mauth(t, 1, "at most 1h0m0s", "revoke", "-client", "x", "-issued-up-to", time.Now().Add(48*time.Hour).UTC().Format(time.RFC3339), "-yes")
	if _, found := first.Find(revocation.Issued{Issuer: issuer, TokenID: "t-1", IssuedAt: honest.IssuedAt}); !found {
		t.Error("a replica accepts a token that was revoked")
	}

	dump := m2mauth(t, 0, `"note":"seen in a log"`, "fleet", "dump")
	if n := strings.Count(dump, "\n"); n != 3 {
		t.Errorf("%d lines in the dump, want 3:\n%s", n, dump)
	}
	if err := os.WriteFile(filepath.Join(folder, "dump"), []byte(dump), 0o600); err != nil {
		t.Fatal(err)
	}
	m2mauth(t, 0, "3 were there", "fleet", "restore", "-from", filepath.Join(folder, "dump"))
	m2mauth(t, 0, "removed", "fleet", "trim")
	m2mauth(t, 0, "2 replicas", "fleet", "status")
}

// TestUnsafeRedis: a server that may forget what is published is refused.
func TestUnsafeRedis(t *testing.T) {
	t.Setenv("M2MAUTH_REDIS", startRedis(t, "--appendonly", "no"))
	m2mauth(t, 1, "aof_enabled", "fleet", "init")
	m2mauth(t, 0, "ready", "fleet", "init", "-insecure-without-aof")
	m2mauth(t, 1, "aof_enabled", "revoke", "-issuer", "a", "-client", "b", "-yes")
	m2mauth(t, 1, "not safe", "revoke", "-issuer", "a", "-client", "b", "-yes", "-insecure-without-aof", "-min-replicas", "1")
}

// TestFleetUsage: mistakes are status 2, and no output repeats a password.
func TestFleetUsage(t *testing.T) {
	t.Setenv("M2MAUTH_REDIS", "")
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const good = "redis://127.0.0.1:1"
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no step", []string{}, "usage:"},
		{"an unknown step", []string{"correcthorse"}, "usage:"},
		{"no store", []string{"init"}, "-redis-file"},
		{"two stores", []string{"init", "-redis", good, "-redis-file", "x"}, "choose one"},
		{"a password in an argument", []string{"init", "-redis", "rediss://a:correcthorse@redis.example"}, "others could see"},
		{"no TLS", []string{"init", "-redis", "redis://redis.example"}, "TLS"},
		{"no URL", []string{"init", "-redis", "correcthorse"}, "rediss://"},
		{"a malformed URL", []string{"init", "-redis-file", file("rediss://a:correct%zzcorrecthorse@b")}, "malformed"},
		{"no CA", []string{"init", "-redis", "rediss://redis.example", "-redis-ca", file("correcthorse")}, "no certificate"},
		{"a number that is none", []string{"init", "-redis", good, "-min-replicas", "correcthorse"}, "-min-replicas has a malformed value"},
		{"no dump", []string{"restore", "-redis", good}, "-from is missing"},
		{"a dump that is none", []string{"restore", "-redis", good, "-from", file("correcthorse")}, "object 1"},
		{"an unknown member", []string{"restore", "-redis", good, "-from", file(`{"issuer":"a","select":"everything","issued_up_to":"2026-01-31T12:00:00Z","until":"2026-02-01T12:00:00Z","only":"x"}`)}, "object 1"},
		{"an unknown selector", []string{"restore", "-redis", good, "-from", file(`{"issuer":"a","select":"correcthorse"}`)}, "object 1"},
		{"an incident without a store", []string{"incident"}, "usage:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out := m2mauth(t, 2, tt.want, append([]string{"fleet"}, tt.args...)...); out != "" {
				t.Errorf("standard output %q", out)
			}
			var errs bytes.Buffer
			run(t.Context(), append([]string{"fleet"}, tt.args...), nil, &errs, &errs)
			if strings.Contains(errs.String(), "correcthorse") {
				t.Errorf("the output repeats a secret: %s", &errs)
			}
		})
	}
}

// TestUsageWidth: the usage of an operator's commands fits into 80 columns.
func TestUsageWidth(t *testing.T) {
	for _, args := range [][]string{
		{}, {"incident", "-h"}, {"revoke", "-h"}, {"fleet"}, {"rotate"}, {"disable", "-h"}, {"enable", "-h"},
	} {
		var out bytes.Buffer
		run(t.Context(), args, nil, &out, &out)
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("m2mauth %q: a line of %d columns: %s", args, n, line)
			}
		}
	}
}
