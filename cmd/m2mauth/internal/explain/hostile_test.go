package explain

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestTerminalEscapes checks that only visible ASCII and the report's marks reach the
// terminal, whatever the token holds.
func TestTerminalEscapes(t *testing.T) {
	w := newWorld(t)
	const evil = "\x1b]0;owned\a\x1b[2J\u009b31m\u202e\r\nrefused\x7f\x00é"
	const marks = "✓✗?–"
	for _, name := range []string{"iss", "aud", "exp", "nbf", "iat", "client_id", "sub", "jti", "scope", "cnf", "permissions", evil} {
		for _, v := range []any{evil, []string{evil}, map[string]string{evil: evil}, json.RawMessage(`"\u001b[2J"`), strings.Repeat(evil, 50)} {
			for _, where := range []string{"claim", "header"} {
				spec := m2mtest.TokenSpec{Claims: map[string]any{name: v}}
				if where == "header" {
					spec = m2mtest.TokenSpec{Header: map[string]any{"kid": v, "typ": v, name: v}}
				}
				for _, flags := range [][]string{nil, {"-json"}} {
					token := w.mint(spec)
					_, out, stderr := explain(t, token, w.flags(append(flags, "-require-all", "admin")...)...)
					for _, c := range out + stderr {
						if c != '\n' && (c < ' ' || c > '~') && !strings.ContainsRune(marks, c) {
							t.Fatalf("%s %q: %q in the output:\n%q", where, name, c, out)
						}
					}
					if len(out) > 32<<10 {
						t.Errorf("%d bytes of output", len(out))
					}
					assertSecret(t, out, signature(token))
				}
			}
		}
	}
}

// TestNotAToken checks that neither output repeats a text that is not a JWT.
func TestNotAToken(t *testing.T) {
	w := newWorld(t)
	good := w.mint(m2mtest.TokenSpec{})
	for name, input := range map[string]string{
		"a password":               "correct-horse-battery-staple",
		"words":                    "these words should not be repeated",
		"binary":                   "\xff\xfe\x00\x01secretsecret\x1b[2J",
		"megabytes":                strings.Repeat("0123456789abcdef", 1<<18),
		"megabytes of dots":        strings.Repeat(".", 3<<20),
		"JWE":                      "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..c2VjcmV0c2VjcmV0.c2VjcmV0c2VjcmV0.c2VjcmV0c2VjcmV0",
		"JSON":                     `{"access_token":"secretsecret"}`,
		"in quotes":                `"` + good + `"`,
		"a line break in it":       good[:40] + "\n" + good[40:],
		"the signature alone":      signature(good),
		"three words and two dots": "secret-one.secret-two.secret-three",
		"good, and another":        good + "." + signature(good),
	} {
		t.Run(name, func(t *testing.T) {
			for _, flags := range [][]string{nil, {"-json"}} {
				status, out, stderr := explain(t, input, w.flags(flags...)...)
				if status != exitRefused {
					t.Errorf("status %d, want %d", status, exitRefused)
				}
				if !strings.Contains(input, "..........") {
					assertSecret(t, out+stderr, input)
				}
				if !utf8.ValidString(out) || len(out) > 8<<10 {
					t.Errorf("%d bytes of output", len(out))
				}
			}
		})
	}
}

// TestInputs checks that white space and a scheme around the token are removed, and
// that it can be read from a file.
func TestInputs(t *testing.T) {
	w := newWorld(t)
	token := w.mint(m2mtest.TokenSpec{})
	for _, input := range []string{token, token + "\r\n", "  " + token, "Bearer " + token, "bearer  " + token + "\n"} {
		if status, out, _ := explain(t, input, w.flags()...); status != exitAccepted {
			t.Errorf("status %d: %s", status, out)
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := explain(t, "", w.flags("-token-file", file)...); status != exitAccepted {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestSentNowhere checks that the only request is the fetch of the key set, without any
// part of the token.
func TestSentNowhere(t *testing.T) {
	w := newWorld(t)
	// A token without a kid can't be decided before there are keys, so explain
	// waits for them.
	token := w.mint(m2mtest.TokenSpec{Header: map[string]any{"kid": m2mtest.Absent}})
	var requests []string
	keys, err := os.ReadFile(w.keys)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests = append(requests, fmt.Sprint(r.Method, " ", r.URL, r.Header, string(body)))
		rw.Write(keys)
	}))
	args := []string{"-issuer", issuerName, "-audience", audience, "-jwks-url", server.URL + "/keys",
		"-now", "2026-01-31T12:00:00Z"}
	status, out, stderr := explain(t, token, args...)
	server.Close() // and with it the reader of requests
	if status != exitAccepted || len(requests) == 0 || !strings.HasPrefix(requests[0], "GET /keys") {
		t.Errorf("status %d, requests %q, %s%s", status, requests, out, stderr)
	}
	assertSecret(t, strings.Join(requests, " "), token)
}

// TestStytchPreset checks that the preset is stytch.Issuer with its wildcards and its
// rule for machines.
func TestStytchPreset(t *testing.T) {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	args := []string{"-preset", "stytch", "-project", authority.ProjectID(),
		"-jwks-url", authority.Issuer().JWKSURL, "-require-all", "read:users"}
	machine := authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:*"}})
	if status, out, stderr := explain(t, machine, args...); status != exitAccepted {
		t.Errorf("a machine: status %d: %s%s", status, out, stderr)
	}
	person := authority.Token(m2mtest.TokenSpec{ClientID: "user-test-1", Claims: map[string]any{"https://stytch.com/session": map[string]any{}}})
	if status, out, _ := explain(t, person, args...); status != exitRefused || !strings.Contains(out, "session token") {
		t.Errorf("a person: status %d: %s", status, out)
	}
}
