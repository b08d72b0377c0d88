package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var counts = regexp.MustCompile(`(\d+) calls over HTTP and (\d+) over gRPC succeeded, (\d+) failed\n` +
	`the service refused (\d+) of their attempts, and (\d+) tokens were fetched`)

// TestNoCallFails checks that no call fails through two rotations, an outage and a
// revocation, and that the service refused tokens meanwhile.
func TestNoCallFails(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log("\n" + out.String())
	found := counts.FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("the calls are not counted:\n%s", out.String())
	}
	var n [5]int
	for i := range n {
		n[i], _ = strconv.Atoi(found[i+1])
	}
	if n[0] < between || n[1] < between || n[2] != 0 {
		t.Errorf("%d calls over HTTP, %d over gRPC, %d failed, want at least %d, at least %d, 0", n[0], n[1], n[2], between, between)
	}
	// Each call at most once: 8 workers were at work.
	if n[3] < 1 || n[3] > 2*workers {
		t.Errorf("%d attempts refused, want 1 to %d", n[3], 2*workers)
	}
	if n[4] < 4 || n[4] > 12 {
		t.Errorf("%d tokens fetched, want 4 to 12", n[4])
	}
	if lines := strings.Count(out.String(), "\n"); lines > 10 {
		t.Errorf("the story has %d lines, want at most 10", lines)
	}
}

// TestFailureIsNoticed checks that a failed call is counted: the authority is down
// from the beginning.
func TestFailureIsNoticed(t *testing.T) {
	w, err := newWorld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.authority.Fail(m2mtest.Outage{})
	p, err := newPipeline(w)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := p.start(ctx)
	err = p.reach(ctx, 1)
	<-done
	if err == nil || p.failed.Load() == 0 || p.http.Load()+p.grpc.Load() != 0 {
		t.Errorf("reach = %v, %d calls failed, want an error and failures", err, p.failed.Load())
	}
}

func TestWorkerEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if err := run(ctx, io.Discard); err == nil {
		t.Error("run = nil, want an error")
	}
}
