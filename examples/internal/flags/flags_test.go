package flags

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const secret = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		exit   bool
		want   string // in the output
	}{
		{"nothing", nil, 0, false, ""},
		{"good", []string{"-timeout", "2s", "-calls", "5"}, 0, false, ""},
		{"help", []string{"-h"}, 0, true, "the usage"},
		{"an unknown flag", []string{"-" + secret}, 2, true, "unknown"},
		{"a malformed duration", []string{"-timeout", secret}, 2, true, "malformed"},
		{"a malformed number", []string{"-calls=" + secret}, 2, true, "malformed"},
		{"a value that is missing", []string{"-calls"}, 2, true, "lacks"},
		{"an argument", []string{secret}, 2, true, "no flag"},
		{"out of range", []string{"-calls", "0"}, 2, true, "out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := flag.NewFlagSet("example", flag.ExitOnError)
			set.Duration("timeout", time.Second, "")
			calls := set.Int("calls", 1, "")
			var out bytes.Buffer
			status, exit := parse(set, tt.args, &out, "the usage", func() bool { return *calls > 0 })
			if status != tt.status || exit != tt.exit || !strings.Contains(out.String(), tt.want) {
				t.Errorf("parse(%q) = %d, %v, %q, want %d, %v, %q", tt.args, status, exit, &out, tt.status, tt.exit, tt.want)
			}
			if strings.Contains(out.String(), secret) {
				t.Errorf("parse(%q) printed %q", tt.args, &out)
			}
			if tt.exit && !strings.Contains(out.String(), "the usage") {
				t.Errorf("parse(%q) printed %q, want the usage", tt.args, &out)
			}
		})
	}
}
