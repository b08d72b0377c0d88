package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/m2mtest"
)

func TestStory(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.HasSuffix(out.String(), "went as told.\n") {
		t.Errorf("the end is missing:\n%s", out.String())
	}
	if strings.Contains(out.String(), "eyJhbGciOi") {
		t.Error("a token is printed")
	}
}

// TestStoryNotices: the story fails if the world is not as told.
func TestStoryNotices(t *testing.T) {
	for name, sabotage := range map[string]func(*world){
		"the HTTP API is down":   func(w *world) { w.http.Close() },
		"the gRPC API is down":   func(w *world) { w.grpc.Stop() },
		"no token is issued":     func(w *world) { w.authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint}) },
		"the verifier is closed": func(w *world) { w.verifier.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			sabotage(w)
			var out bytes.Buffer
			s := &story{world: w, ctx: t.Context(), page: page{w: &out}}
			s.tell()
			if s.failure() == nil || strings.Contains(out.String(), "went as told") {
				t.Errorf("the story does not notice:\n%s", out.String())
			}
		})
	}
}

func TestServePrintsCommands(t *testing.T) {
	w, err := newWorld(t.Context())
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
	for _, want := range []string{"curl -i", "grpcurl -plaintext", w.httpURL, w.grpcAddr, w.authority.TokenURL()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "%!") {
		t.Errorf("a broken format:\n%s", out.String())
	}
}
