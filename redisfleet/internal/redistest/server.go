// Package redistest starts real Redis servers for tests, and proxies that lose
// connections on purpose. It uses the standard library alone.
//
// Without a redis-server on the PATH, a test is skipped, or fails if CI=true.
package redistest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options configure a Server. The zero value is an empty server without persistence,
// which never evicts.
type Options struct {
	AOF       bool     // whether writes go to an append-only file, which Restart reads
	Fsync     string   // appendfsync: "always" if ""
	Policy    string   // maxmemory-policy: "noeviction" if ""
	ReplicaOf *Server  // the server to copy; nil for none
	Via       *Proxy   // the proxy to reach ReplicaOf through; nil for none
	TLS       bool     // whether the only port is a TLS port, with a generated authority
	Users     []string // the lines of an ACL file, such as "user follower on >secret ~* +@all"
	Args      []string // further arguments, such as "--save", "1 1"
}

// Server is a redis-server on loopback. Its methods end the test if they fail. They
// must not be called concurrently with each other.
type Server struct {
	tb   testing.TB
	dir  string
	port int
	args []string
	tls  *tls.Config

	cmd    *exec.Cmd
	exited chan struct{}
	paused bool
	log    *syncBuffer
}

// missing skips the test, or fails it in CI, where everything is to be installed.
func missing(tb testing.TB) {
	tb.Helper()
	const text = "redis-server is not installed: apt-get install redis-server"
	if os.Getenv("CI") == "true" {
		tb.Fatal(text)
	}
	tb.Skip(text)
}

// Start starts a server, which ends with the test. It returns when the server responds.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(tb)
	}
	s := &Server{tb: tb, dir: tb.TempDir(), log: &syncBuffer{}}
	policy, fsync := opts.Policy, opts.Fsync
	if policy == "" {
		policy = "noeviction"
	}
	if fsync == "" {
		fsync = "always"
	}
	aof := "no"
	if opts.AOF {
		aof = "yes"
	}
	s.args = []string{
		"--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", aof, "--appendfsync", fsync,
		"--maxmemory-policy", policy, "--daemonize", "no", "--logfile", "", "--databases", "1",
		// A replica copies at once, and both sides soon notice a dead link.
		"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--repl-timeout", "5",
		"--enable-debug-command", "yes",
	}
	if opts.TLS {
		var files [3]string
		s.tls, files = authority(tb, s.dir)
		s.args = append(s.args, "--tls-ca-cert-file", files[0], "--tls-cert-file", files[1], "--tls-key-file", files[2],
			"--tls-auth-clients", "no")
	}
	if len(opts.Users) > 0 {
		file := filepath.Join(s.dir, "users.acl")
		if err := os.WriteFile(file, []byte(strings.Join(opts.Users, "\n")+"\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
		s.args = append(s.args, "--aclfile", file)
	}
	if of := opts.ReplicaOf; of != nil {
		host, port, err := net.SplitHostPort(of.Addr())
		if opts.Via != nil {
			host, port, err = net.SplitHostPort(opts.Via.Addr())
		}
		if err != nil {
			tb.Fatal(err)
		}
		s.args = append(s.args, "--replicaof", host+" "+port)
	}
	s.args = append(s.args, opts.Args...)
	tb.Cleanup(s.Kill)
	for attempt := range 10 {
		s.port = freePort(tb)
		if err := s.launch(); err == nil {
			return s
		} else if attempt == 9 {
			tb.Fatalf("redis-server does not start: %v\n%s", err, s.log)
		}
	}
	return s
}

// freePort returns a port below the range that the kernel gives to outgoing
// connections, so that no connection takes it while the server is down.
func freePort(tb testing.TB) int {
	tb.Helper()
	for range 100 {
		port := 12000 + rand.IntN(20000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			l.Close()
			return port
		}
	}
	tb.Fatal("no free port")
	return 0
}

// launch starts the process and waits until it responds.
func (s *Server) launch() error {
	port := []string{"--port", strconv.Itoa(s.port)}
	if s.tls != nil {
		port = []string{"--port", "0", "--tls-port", strconv.Itoa(s.port)}
	}
	s.cmd = exec.Command("redis-server", append(port, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Dir = s.dir
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited, s.paused = exited, false
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd)
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		select {
		case <-exited:
			return errors.New("it exited")
		case <-time.After(10 * time.Millisecond):
		}
		// Any response but "-LOADING" counts: with Users, it is "-NOAUTH" perhaps.
		reply, err := s.try("PING")
		var refused Refusal
		if err == nil && reply == "PONG" || errors.As(err, &refused) && !strings.HasPrefix(string(refused), "LOADING") {
			return nil
		}
	}
	s.end(syscall.SIGKILL)
	return errors.New("it does not respond")
}

// Addr returns the address of the server, which it keeps over a Restart.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// TLS returns a configuration that trusts the server, or nil without Options.TLS.
func (s *Server) TLS() *tls.Config {
	if s.tls == nil {
		return nil
	}
	return s.tls.Clone()
}

// Stop ends the server in order (SIGTERM).
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once (SIGKILL): what only memory holds is lost.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	if s.exited == nil {
		return
	}
	if s.paused && signal != syscall.SIGKILL {
		s.Resume()
	}
	_ = s.cmd.Process.Signal(signal)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	s.exited = nil
}

// Restart starts the server again on the same port, with the files that it left. It
// ends the server first if it runs.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	if err := s.launch(); err != nil {
		s.tb.Fatalf("redis-server does not start again: %v\n%s", err, s.log)
	}
}

// Pause stops the process (SIGSTOP): connections stay open, and get no response.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP, true) }

// Resume continues the process after Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT, false) }

func (s *Server) signal(signal syscall.Signal, paused bool) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.tb.Fatal(err)
	}
	s.paused = paused
}

// Log returns what the server has written.
func (s *Server) Log() string { return s.log.String() }

// Info returns a field of INFO, such as "master_link_status"; "" if there is none.
func (s *Server) Info(field string) string {
	s.tb.Helper()
	text := s.Do("INFO", "everything")
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == field {
			return value
		}
	}
	return ""
}

// Clients returns the number of connections of clients, without the one that asks and
// without replicas.
func (s *Server) Clients() int {
	s.tb.Helper()
	return strings.Count(s.Do("CLIENT", "LIST", "TYPE", "normal"), "\n") +
		strings.Count(s.Do("CLIENT", "LIST", "TYPE", "pubsub"), "\n") - 1
}

// Eventually waits until ok returns true, and fails the test after 20 s.
func Eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("still not after 20 s: %s", what)
		}
	}
}

// syncBuffer is a bytes.Buffer for a process that writes while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
