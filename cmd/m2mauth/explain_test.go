package main

import (
	"flag"
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

		{name: "too-large", input: strings.Repeat("a", 9000), status: 1, reason: "token_too_large", at: "size"},
		{name: "credential", input: "one two", status: 1, reason: "credentials_malformed", at: "credential"},
		{name: "opaque", input: "0123456789abcdef", status: 1, reason: "token_malformed", at: "form"},
		{name: "jwe", input: "eyJhbGciOiJkaXIifQ.a2V5.aXY.dGV4dA.dGFn", status: 1, reason: "token_malformed", at: "form"},
		{name: "cut", input: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOi.dGFn", status: 1, reason: "token_malformed", at: "form"},
		{name: "header-hs256", spec: header("alg", "HS256"), status: 1, reason: "algorithm", at: "header"},
		{name: "header-none", spec: header("alg", "none"), status: 1, reason: "algorithm", at: "header"},
		{name: "header-crit", spec: header("crit", []string{"exp"}), status: 1, reason: "header_extension", at: "header"},
		{name: "header-kid", spec: header("kid", 7), status: 1, reason: "key_id", at: "header"},

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
		{name: "expired", spec: m2mtest.TokenSpec{IssuedAt: now().Add(-3 * time.Hour)}, status: 1, reason: "expired", at: "expiry"},
		{name: "expired-just-now", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Minute)}, status: 1, reason: "expired", at: "expiry"},
		{name: "expired-forgiven", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Minute)}, flags: []string{"-leeway", "2m"}},
		{name: "expired-unforgiven", spec: m2mtest.TokenSpec{ExpiresAt: now().Add(-time.Second)}, flags: []string{"-leeway", "0s"},
			status: 1, reason: "expired", at: "expiry"},
		{name: "not-yet-valid", spec: m2mtest.TokenSpec{NotBefore: now().Add(time.Minute)}, status: 1, reason: "not_yet_valid", at: "not_before"},
		{name: "issued-in-future", spec: claims("iat", now().Add(time.Minute).Unix()), status: 1, reason: "issued_in_future", at: "issued_at"},

		{name: "type-missing", spec: header("typ", m2mtest.Absent), status: 1, reason: "token_type", at: "type"},
		{name: "type-other", spec: header("typ", "logout+jwt"), status: 1, reason: "token_type", at: "type"},
		{name: "algorithm", spec: header("alg", "PS256"), status: 1, reason: "algorithm", at: "algorithm"},
		{name: "algorithm-not-the-keys", spec: header("alg", "RS256"), status: 1, reason: "algorithm", at: "algorithm"},
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
			reason: "sender_constrained", at: "binding"},
		{name: "scope-missing", spec: m2mtest.TokenSpec{Scopes: []string{"read:users"}}, flags: []string{"-require-all", "admin"},
			status: 1, reason: "scope_missing", at: "scopes"},
		{name: "scope-elsewhere", spec: claims("permissions", []string{"admin"}), flags: []string{"-require-all", "admin"},
			status: 1, reason: "scope_missing", at: "scopes"},
		{name: "scope-wildcard-off", spec: m2mtest.TokenSpec{Scopes: []string{"read:*"}}, flags: []string{"-require-all", "read:users"},
			status: 1, reason: "scope_missing", at: "scopes"},
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
			for line := range strings.Lines(got) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			if tt.input == "" {
				assertSecret(t, got, signature(token))
			} else {
				assertSecret(t, got, token)
			}
			// Without -v: the verdict, its cause and a hint, at a glance.
			if brief, _, _ := strings.Cut(got, "\n\n"); strings.Count(brief, "\n") > 6 || strings.Contains(got, `\u`) {
				t.Errorf("%d lines before the checks, want at most 6, and no escapes:\n%s", strings.Count(brief, "\n"), got)
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
