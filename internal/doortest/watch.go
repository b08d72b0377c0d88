package doortest

import (
	"bytes"
	"context"
	"log"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

// Watch observes the decisions of a row.
type Watch struct {
	Observe func(context.Context, verifier.Decision)

	// Output returns everything that was made of the decisions. The test fails if a part
	// of a credential or of a proof is in it.
	Output func(*verifier.Verifier) string
}

// leaks reports a part of a credential that appears in text.
func leaks(t *testing.T, secrets []string, text string) {
	for _, secret := range secrets {
		for piece := range strings.FieldsFuncSeq(secret, func(c rune) bool { return c == '.' || c == ' ' }) {
			if len(piece) > 20 && strings.Contains(text, piece[:20]) {
				t.Errorf("a part of the credential is in the output: %s", text)
			}
		}
	}
}

// trap returns a URL, and a function that returns the number of connections to
// it since the last call.
func trap(t *testing.T) (url string, sprung func() int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "http://" + l.Addr().String() + "/", func() int { return int(n.Swap(0)) }
}

// capture redirects the standard logger, which slog's default and net/http use,
// too. printed returns its output since the last call.
func capture(t *testing.T) (printed func() string) {
	w := &lockedBuffer{}
	before := log.Writer()
	log.SetOutput(w)
	t.Cleanup(func() { log.SetOutput(before) })
	return w.take
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

// recorder keeps the observed decisions.
type recorder struct {
	mu   sync.Mutex
	list []verifier.Decision
}

func (r *recorder) observe(_ context.Context, d verifier.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, d)
}

// all returns the decisions since the last call.
func (r *recorder) all() []verifier.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.list = nil }()
	return r.list
}

// take returns the one decision since the last call.
func (r *recorder) take(t *testing.T) verifier.Decision {
	list := r.all()
	if len(list) != 1 {
		t.Fatalf("observed decisions = %d, want 1", len(list))
	}
	return list[0]
}
