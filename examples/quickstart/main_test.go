package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func TestStory(t *testing.T) {
	for _, tt := range []struct {
		name     string
		verbose  bool
		min, max int // lines
	}{
		{"brief", false, 10, 10},
		{"verbose", true, 100, 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t.Context(), &out, false, tt.verbose); err != nil {
				t.Fatalf("run(verbose = %t) = %v, want nil\n%s", tt.verbose, err, out.String())
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if n := len(lines); n < tt.min || n > tt.max {
				t.Errorf("run(verbose = %t) prints %d lines, want %d to %d:\n%s", tt.verbose, n, tt.min, tt.max, out.String())
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > 80 {
					t.Errorf("%d columns, want at most 80: %s", n, line)
				}
			}
			if last := lines[len(lines)-1]; last != "All 8 steps went as expected." {
				t.Errorf("last line = %q, want the summary", last)
			}
			if strings.Contains(out.String(), "eyJhbGciOi") {
				t.Error("a token is printed")
			}
		})
	}
}

// TestStoryNotices checks that the story fails if a response is not as expected, and
// shows the calls of that step.
func TestStoryNotices(t *testing.T) {
	for name, sabotage := range map[string]func(*world){
		"the HTTP API is down":   func(w *world) { w.http.Close() },
		"the gRPC API is down":   func(w *world) { w.grpc.Stop() },
		"no token is issued":     func(w *world) { w.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint}) },
		"the verifier is closed": func(w *world) { w.verifier.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(t.Context(), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			sabotage(w)
			var out bytes.Buffer
			s := &story{world: w, ctx: t.Context(), page: page{w: &out}}
			s.tell()
			if s.failure() == nil || strings.Contains(out.String(), "went as expected") {
				t.Errorf("the story does not notice:\n%s", out.String())
			}
			for _, want := range []string{"NOT AS EXPECTED\n   ", "   > ", "   = NOT AS EXPECTED: "} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing:\n%s", want, out.String())
				}
			}
		})
	}
}

func TestServePrintsCommands(t *testing.T) {
	w, err := newWorld(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := w.serve(ctx, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"curl -i", "grpcurl -plaintext", w.httpURL, w.grpcAddr, w.authority.TokenURL(), w.statusURL} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	response, err := http.Get(w.statusURL)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(page), "/orders.v1.Orders/Create") {
		t.Errorf("the status page: %d, %v, want 200 and the policy\n%s", response.StatusCode, err, page)
	}
	if strings.Contains(out.String(), "%!") {
		t.Errorf("a broken format:\n%s", out.String())
	}
}
