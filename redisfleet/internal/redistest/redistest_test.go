package redistest_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts redistest.Options
		kept string // of a value after kill -9
	}{
		{"memory", redistest.Options{}, ""},
		{"AOF", redistest.Options{AOF: true}, "v"},
		{"TLS", redistest.Options{TLS: true, AOF: true}, "v"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, test.opts)
			addr := s.Addr()
			s.Do("SET", "k", "v")
			s.Kill()
			s.Restart()
			if got := s.Do("GET", "k"); got != test.kept || s.Addr() != addr {
				t.Errorf("after kill -9: %q at %s, want %q at %s", got, s.Addr(), test.kept, addr)
			}
			s.Do("SET", "k", "w")
			s.Pause()
			s.Resume()
			if got := s.Do("GET", "k"); got != "w" {
				t.Errorf("after a pause: %q, want %q", got, "w")
			}
		})
	}
}

func TestReplica(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, redistest.Options{})
	replica := redistest.Start(t, redistest.Options{ReplicaOf: primary})
	redistest.Eventually(t, "the replica is linked", func() bool { return replica.Info("master_link_status") == "up" })
	if got := primary.Info("connected_slaves"); got != "1" {
		t.Errorf("connected_slaves = %s, want 1", got)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Users: []string{"user default on nopass ~* +@all", "user reader on >pw ~k +get"}})
	s.Do("SET", "k", "v")
	if got, err := s.DoAs("reader", "pw", "GET", "k"); got != "v" || err != nil {
		t.Errorf("GET = %q, %v; want v", got, err)
	}
	_, err := s.DoAs("reader", "pw", "SET", "k", "w")
	if refused, ok := errors.AsType[redistest.Refusal](err); !ok || !strings.HasPrefix(string(refused), "NOPERM") {
		t.Errorf("SET = %v, want NOPERM", err)
	}
}

// ping sends PING and returns the response, or the error.
func ping(conn net.Conn, wait time.Duration) (string, error) {
	conn.SetDeadline(time.Now().Add(wait))
	fmt.Fprint(conn, "PING\r\n")
	return bufio.NewReader(conn).ReadString('\n')
}

func TestProxy(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	p := redistest.NewProxy(t, s.Addr())
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	conn := dial()
	if got, err := ping(conn, 5*time.Second); got != "+PONG\r\n" {
		t.Fatalf("PING = %q, %v; want PONG", got, err)
	}
	p.Blackhole()
	if got, err := ping(conn, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("PING through a blackhole = %q, %v; want a timeout", got, err)
	}
	p.Heal()
	// Two responses: that of the PING which was held back comes, too.
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "PING\r\n")
	got := make([]byte, len("+PONG\r\n+PONG\r\n"))
	if _, err := io.ReadFull(conn, got); string(got) != "+PONG\r\n+PONG\r\n" {
		t.Errorf("PING after Heal = %q, %v; want PONG twice", got, err)
	}
	p.LoseResponse(func(b []byte) bool { return bytes.Contains(b, []byte("PONG")) })
	if got, err := ping(dial(), 5*time.Second); err == nil {
		t.Errorf("PING whose response is lost = %q, want an error", got)
	}
	p.Cut()
	if got, err := ping(conn, 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("PING after Cut = %q, %v; want a closed connection", got, err)
	}
	p.Heal()
	if got, err := ping(dial(), 5*time.Second); got != "+PONG\r\n" {
		t.Errorf("PING of a new connection = %q, %v; want PONG", got, err)
	}
	conn.Close()
}
