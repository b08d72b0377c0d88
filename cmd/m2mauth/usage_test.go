package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestUsage checks that a missing or unknown command gives status 2 and the list of
// commands, and that no argument is repeated, since it may be a token.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "usage:"},
		{"another command", []string{"eyJhbGciOiJFUzI1NiJ9"}, "usage:"},
		{"help of a command", []string{"explain", "-help"}, "usage: m2mauth explain"},
		{"status without a URL", []string{"status"}, "there is no URL"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), tt.args, strings.NewReader(""), &out, &errs)
		if status != exitUsage || out.Len() != 0 || !strings.Contains(errs.String(), tt.want) || strings.Contains(errs.String(), "eyJ") {
			t.Errorf("%s: run(%q) = %d, output %q, error %q, want 2, none and %q", tt.name, tt.args, status, &out, &errs, tt.want)
		}
	}
}
