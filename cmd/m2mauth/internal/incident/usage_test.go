package incident

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestUsage: mistakes are status 2, without a request and with nothing on standard
// output.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	w.machine(t, "", "-deactivate") // sets the environment
	t.Setenv("M2MAUTH_REDIS", "redis://127.0.0.1:1")
	good := []string{"-client", w.id, "-secret-out", w.file("next"), "-state", w.file("state"), "-yes"}
	with := func(args ...string) []string { return append(good[:len(good):len(good)], args...) }
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"help", []string{"-h"}, "usage:"},
		{"nothing", nil, "-client is missing"},
		{"an argument", with("s" + w.secret), "unexpected argument"}, // one in 64 secrets begins with "-"
		{"an unknown flag", with("-secret", w.secret), "a flag is unknown"},
		{"an empty client", with("-client", ""), "-client is missing"},
		{"no place for the secret", []string{"-client", w.id, "-yes"}, "-secret-out is missing"},
		{"an empty place", with("-secret-out", ""), "-secret-out is missing"},
		{"deactivation with a secret", with("-deactivate"), "leave out"},
		{"two ways to distribute", with("-distribute-with", "true", "-distributed"), "choose one"},
		{"a whole secret as its end", with("-leaked", w.secret), "-leaked:"},
		{"one secret twice", with("-leaked", "abcd", "-next", "abcd"), "the same secret"},
		{"a secret in the note", with("-note", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x"), "-note holds"},
		{"a note of two lines", with("-note", "a\nb"), "-note:"},
		{"an issuer of spaces", with("-issuer", " "), "-issuer is missing"},
		{"a negative skew", with("-skew", "-1s"), "-skew"},
		{"no time to wait", with("-wait", "0s"), "-wait"},
		{"nobody to ask", with("-yes=false"), "-yes is missing"},
		{"no project", with("-project", ""), "project ID"},
		{"a password in an argument", with("-redis", "rediss://a:"+w.secret+"@redis.example"), "others could see"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := Run(t.Context(), tt.args, strings.NewReader(""), &out, &errs)
			if status != 2 || out.Len() > 0 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("status %d, output %q, error %q, want 2, nothing and %q", status, &out, &errs, tt.want)
			}
			if strings.Contains(errs.String(), w.secret) {
				t.Error("the error repeats a secret")
			}
		})
	}
	if _, err := os.Stat(w.file("state")); err == nil {
		t.Error("a state was written")
	}
}

// TestFilter: the output of the operator's command is shown without the secret, however
// it is cut into writes.
func TestFilter(t *testing.T) {
	const secret = "correct-horse-battery"
	long := strings.Repeat("x", longest)
	for _, tt := range []struct{ name, in, want string }{
		{"a line", "a\n", "     | a\n"},
		{"no line's end", "a", "     | a\n"},
		{"the secret", "got " + secret + ".\nb\n", "     | got [redacted].\n     | b\n"},
		{"control characters", "a\x1b[2J\n", `     | "a\x1b[2J"` + "\n"},
		{"a line that is too long", long + secret + "\nb\n", "     | (a line that is too long)\n     | b\n"},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			var out bytes.Buffer
			f := &filter{out: &out, secret: secret}
			for rest := []byte(tt.in); len(rest) > 0; {
				n := min(size, len(rest))
				f.Write(rest[:n])
				rest = rest[n:]
			}
			f.flush()
			if out.String() != tt.want {
				t.Errorf("%s in pieces of %d = %q, want %q", tt.name, size, &out, tt.want)
			}
		}
	}
}

func TestIssuedAt(t *testing.T) {
	// Payloads: {"iat":1769860800}, {"iat":1769860800.9}, {}, {"iat":-1}, {"iat":"1"}.
	for _, tt := range []struct {
		name, payload string
		want          int64
	}{
		{"whole seconds", "eyJpYXQiOjE3Njk4NjA4MDB9", 1769860800},
		{"a fraction", "eyJpYXQiOjE3Njk4NjA4MDAuOX0", 1769860800},
		{"none", "e30", 0},
		{"negative", "eyJpYXQiOi0xfQ", 0},
		{"a string", "eyJpYXQiOiIxIn0", 0},
		{"no base64", "!", 0},
	} {
		got, err := issuedAt("a." + tt.payload + ".c")
		if (err == nil) != (tt.want != 0) || err == nil && got.Unix() != tt.want {
			t.Errorf("%s: issuedAt = %v, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	if _, err := issuedAt("opaque"); err == nil {
		t.Error("an opaque token has an iat")
	}
}
