package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestIncident plays the story. Without redis-server it is skipped, except in CI.
func TestIncident(t *testing.T) {
	if _, err := find(""); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, ""); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{", 0 failed", "3 of 3 replicas", "the thief: refused by the last replica"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the story lacks %q:\n%s", want, &out)
		}
	}
	t.Log("\n" + out.String())
}

// TestNoServer checks that a missing server is told with what to install.
func TestNoServer(t *testing.T) {
	err := run(t.Context(), nil, "no-such-program")
	if !errors.Is(err, errNoServer) || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("run = %v, want %v", err, errNoServer)
	}
}
