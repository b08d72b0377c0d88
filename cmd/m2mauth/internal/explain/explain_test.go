package explain

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/m2mauth/m2mauth/m2mtest"
)

var update = flag.Bool("update", false, "write the golden files")

// explained is a row of TestGolden: a token and the expected result.
type explained struct {
	name   string // and that of the golden file
	spec   m2mtest.TokenSpec
	input  string   // instead of the spec's token, if not ""
	flags  []string // further ones
	status int
	reason string
	at     string // the check that was not passed
}

func explainedTokens() []explained {
	claims := func(name string, value any) m2mtest.TokenSpec {
		return m2mtest.TokenSpec{Claims: map[string]any{name: value}}
	}
	header := func(name string, value any) m2mtest.TokenSpec {
		return m2mtest.TokenSpec{Header: map[string]any{name: value}}
	}
	return []explained{
		{name: "accepted", spec: m2mtest.TokenSpec{Scopes: []string{"read:users"}}, flags: []string{"-require-all", "read:users"}},
		{name: "accepted-any", spec: m2mtest.TokenSpec{Scopes: []string{"b"}}, flags: []string{"-require-any", "a b"}},

		{name: "too-large", input: strings.Repeat("a", 9000), status: 1, reason: "token_too_large", at: "credential"},
		{name: "credential", input: "one two", status: 1, reason: "credentials_malformed", at: "credential"},
		{name: "opaque", input: "0123456789abcdef", status: 1, reason: "token_malformed", at: "form"},
		{name: "jwe", input: "eyJhbGciOiJkaXIifQ.a2V5.aXY.dGV4dA.dGFn", status: 1, reason: "token_malformed", at: "form"},
		{name: "cut", input: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOi.dGFn", status: 1, reason: "token_malformed", at: "form"},
		{name: "header-hs256", spec: header("alg", "HS256"), status: 1, reason: "algorithm", at: "form"},
		{name: "header-none", spec: header("alg", "none"), status: 1, reason: "algorithm", at: "form"},
		{name: "header-crit", spec: header("crit", []string{"exp"}), status: 1, reason: "header_extension", at: "form"},
		{name: "header-kid", spec: header("kid", 7), status: 1, reason: "key_id", at: "form"},

		{name: "issuer-slash", spec: m2mtest.TokenSpec{Issuer: issuerName + "/"}, status: 1, reason: "issuer_unknown", at: "issuer"},
		{name: "issuer-http", spec: m2mtest.TokenSpec{Issuer: "http://auth.example.com"}, status: 1, reason: "issuer_unknown", at: "issuer"},
		{name: "issuer-other", spec: m2mtest.TokenSpec{Issuer: "https://other.example"}, status: 1, reason: "issuer_unknown", at: "issuer"},
		{name: "audience-other", spec: m2mtest.TokenSpec{Audience: []string{"https://other.example"}}, status: 1, reason: "audience", at: "audience"},
		{name: "audience-slash", spec: m2mtest.TokenSpec{Audience: []string{audience + "/"}}, status: 1, reason: "audience", at: "audience"},
		{name: "audience-client", spec: m2mtest.TokenSpec{Audience: []string{"worker-7"}}, status: 1, reason: "audience", at: "audience"},
		{name: "audience-missing", spec: claims("aud", m2mtest.Absent), status: 1, reason: "audience", at: "audience"},

		{name: "exp-missing", spec: claims("exp", m2mtest.Absent), status: 1, reason: "claim_malformed", at: "times"},
		{name: "exp-milliseconds", spec: claims("exp", now().Add(time.Hour).UnixMilli()), status: 1, reason: "claim_malformed", at: "times"},
		{name: "iat-text", spec: claims("iat", "yesterday"), status: 1, reason: "claim_malformed", at: "times"},
		{name: "expired", spec: m2mtest.TokenSpec{IssuedAt: now().Add(-3 * time.Hour)}, status: 1, reason: "expired", at: "lifetime"},
		{name: "expired-just-now", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Minute)}, status: 1, reason: "expired", at: "lifetime"},
		{name: "expired-forgiven", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Minute)}, flags: []string{"-leeway", "2m"}},
		{name: "expired-unforgiven", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Second)}, flags: []string{"-leeway", "0s"},
			status: 1, reason: "expired", at: "lifetime"},
		{name: "not-yet-valid", spec: m2mtest.TokenSpec{NotBefore: now().Add(time.Minute)}, status: 1, reason: "not_yet_valid", at: "lifetime"},
		{name: "issued-in-future", spec: claims("iat", now().Add(time.Minute).Unix()), status: 1, reason: "issued_in_future", at: "lifetime"},

		{name: "type-missing", spec: header("typ", m2mtest.Absent), status: 1, reason: "token_type", at: "type"},
		{name: "type-other", spec: header("typ", "logout+jwt"), status: 1, reason: "token_type", at: "type"},
		{name: "algorithm", spec: header("alg", "PS256"), status: 1, reason: "algorithm", at: "algorithm"},
		{name: "algorithm-not-the-keys", spec: header("alg", "RS256"), status: 1, reason: "algorithm", at: "key"},
		{name: "key-unknown", spec: header("kid", "key-2"), status: 1, reason: "key_unknown", at: "key"},
		{name: "key-perhaps-newer", spec: m2mtest.TokenSpec{IssuedAt: now(), Header: map[string]any{"kid": "key-2"}},
			status: 3, reason: "keys_unavailable", at: "key"},
		{name: "signature", spec: m2mtest.TokenSpec{Signature: make([]byte, 64)}, status: 1, reason: "signature", at: "signature"},

		{name: "client-id", spec: claims("client_id", m2mtest.Absent), status: 1, reason: "client_id", at: "client_id"},
		{name: "claims", spec: claims("jti", 7), status: 1, reason: "claim_malformed", at: "claims"},
		{name: "claims-cnf", spec: claims("cnf", map[string]any{"jkt": "abc"}), status: 1, reason: "sender_constrained", at: "claims"},
		{name: "machine", spec: claims("sub", "user-7"), status: 1, reason: "not_machine", at: "machine"},
		{name: "machine-id-token", spec: m2mtest.TokenSpec{Claims: map[string]any{"sub": "user-7", "nonce": "n"}}, status: 1,
			reason: "not_machine", at: "machine"},
		{name: "binding", spec: claims("cnf", map[string]any{"x5t#S256": strings.Repeat("A", 43)}), status: 1,
			reason: "sender_constrained", at: "possession"},
		{name: "scope-missing", spec: m2mtest.TokenSpec{Scopes: []string{"read:users"}}, flags: []string{"-require-all", "admin"},
			status: 1, reason: "scope_missing", at: "requirement"},
		{name: "scope-elsewhere", spec: claims("permissions", []string{"admin"}), flags: []string{"-require-all", "admin"},
			status: 1, reason: "scope_missing", at: "requirement"},
		{name: "scope-wildcard-off", spec: m2mtest.TokenSpec{Scopes: []string{"read:*"}}, flags: []string{"-require-all", "read:users"},
			status: 1, reason: "scope_missing", at: "requirement"},
		{name: "scope-wildcard-on", spec: m2mtest.TokenSpec{Scopes: []string{"read:*"}}, flags: []string{"-require-all", "read:users", "-wildcards"}},
		{name: "keys-unusable", flags: []string{"-jwks-file", "testdata/unusable-keys.json"}, status: 3, reason: "keys_unavailable", at: "key"},
		{name: "keys-unusable-others", spec: header("kid", "key-3"), flags: []string{"-jwks-file", "testdata/unusable-keys.json"},
			status: 3, reason: "keys_unavailable", at: "key"},
		{name: "keys-unavailable", flags: []string{"-jwks-file", "no-such-file"}, status: 3, reason: "keys_unavailable", at: "key"},
	}
}

// schedule matches the time of the next fetch, which is random.
var schedule = regexp.MustCompile(`the next look is in \d+s`)

// TestGolden compares the report of each refusal with its file in testdata.
// -update writes the files.
func TestGolden(t *testing.T) {
	w := newWorld(t)
	for _, tt := range explainedTokens() {
		t.Run(tt.name, func(t *testing.T) {
			token := tt.input
			if token == "" {
				token = w.mint(tt.spec)
			}
			status, got, stderr := explain(t, token+"\n", w.flags(append([]string{"-v"}, tt.flags...)...)...)
			if status != tt.status || stderr != "" {
				t.Errorf("status %d, want %d; %s", status, tt.status, stderr)
			}
			checkLines(t, got, 80)
			if tt.input == "" {
				assertSecret(t, got, signature(token))
			} else {
				assertSecret(t, got, token)
			}
			got = schedule.ReplaceAllString(got, "the next look is due now")
			file := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// checkLines checks that the report tells the verdict, its cause and a hint at a
// glance, and that no line is too long that has a space to break at.
func checkLines(t *testing.T, report string, width int) {
	t.Helper()
	brief, _, _ := strings.Cut(report, "\n\n")
	n := 0
	for line := range strings.Lines(strings.TrimSuffix(brief, "\n")) {
		n += 1 + (utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))-1)/width // of the terminal
	}
	if n > 6 || strings.Contains(report, `\u`) || strings.Contains(report, "…") {
		t.Errorf("%d lines before the checks, want at most 6, and no escapes:\n%s", n, report)
	}
	for line := range strings.Lines(report) {
		text := strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(text); n > width && strings.Contains(strings.TrimSpace(text[min(listed, len(text)):]), " ") {
			t.Errorf("%d columns, want at most %d: %s", n, width, line)
		}
	}
}

// TestLongCause: verdict, cause and hint fit into six lines of 80 and of 120 columns,
// whatever the keys and the claims are called, and no ID is broken.
func TestLongCause(t *testing.T) {
	long := strings.Repeat("long-name-", 6)
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"%s%d","use":"enc"}`, long, i))
	}
	set := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(set, []byte(`{"keys":[`+strings.Join(keys, ",")+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	for name, tt := range map[string]struct {
		spec  m2mtest.TokenSpec
		flags []string
		whole string // a word that is not broken
	}{
		"keys that can't be used": {m2mtest.TokenSpec{}, []string{"-jwks-file", set}, `"` + long + `0":`},
		"a long URL": {m2mtest.TokenSpec{}, []string{"-jwks-file", "", "-jwks-url", "http://127.0.0.1:1/" + long + long + "keys.json"},
			"http://127.0.0.1:1/" + long + long + "keys.json:"},
		"long audiences": {m2mtest.TokenSpec{Audience: []string{long + "1", long + "2", long + "3"}}, nil, `["` + long + `1",`},
		"many scopes":    {m2mtest.TokenSpec{Scopes: strings.Fields(strings.Repeat(long+" ", 20))}, []string{"-require-all", long + "a " + long + "b"}, `"` + long + `",`},
	} {
		args := w.flags(tt.flags...)
		if strings.Contains(name, "URL") {
			args = []string{"-issuer", issuerName, "-audience", audience, "-now", now().Format(time.RFC3339), "-jwks-url", tt.flags[3]}
		}
		o, err := parse(args)
		if err != nil {
			t.Fatal(err)
		}
		v, err := o.verifier()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		s := o.ask(t.Context(), v, w.mint(tt.spec))
		for _, width := range []int{80, 120} {
			for _, verbose := range []bool{false, true} {
				text := s.text(page{width: width}, verbose)
				checkLines(t, text, width)
				if !strings.Contains(text, tt.whole) {
					t.Errorf("%s, %d columns: want %q whole in\n%s", name, width, tt.whole, text)
				}
			}
		}
		if text := s.text(page{width: 80, colour: true}, false); !strings.HasPrefix(text, "\x1b[1;") {
			t.Errorf("%s: want a coloured verdict in %q", name, text)
		}
	}
}
