package explain

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// config writes a file for -config.
func config(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "issuer.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestConfig: each member of -config, and each flag in place of it, decides.
func TestConfig(t *testing.T) {
	w := newWorld(t)
	claims := func(more map[string]any) m2mtest.TokenSpec { return m2mtest.TokenSpec{Claims: more} }
	person := claims(map[string]any{"sub": "user-7", "roles": []string{"machine"}, "kind": "a machine"})
	for _, tt := range []struct {
		name    string
		members string // beside Name, Audiences and JWKSFile
		flags   []string
		spec    m2mtest.TokenSpec
		reason  string // "" if the token is accepted
	}{
		{"good", ``, nil, m2mtest.TokenSpec{}, ""},
		{"Aliases", `"Aliases": ["https://alias.example.com"]`, nil, m2mtest.TokenSpec{Issuer: "https://alias.example.com"}, ""},
		{"AudienceClaims", `"AudienceClaims": ["resource"]`, nil, m2mtest.TokenSpec{}, "audience"},
		{"Algorithms", `"Algorithms": ["RS256"]`, nil, m2mtest.TokenSpec{}, "algorithm"},
		{"-algorithms", `"Algorithms": ["RS256"]`, []string{"-algorithms", "RS256 ES256"}, m2mtest.TokenSpec{}, ""},
		{"TokenTypes", `"TokenTypes": [""]`, nil, m2mtest.TokenSpec{}, "token_type"},
		{"-typ", ``, []string{"-typ", "at+jwt none"}, m2mtest.TokenSpec{Header: map[string]any{"typ": m2mtest.Absent}}, ""},
		{"ClientIDClaims", `"ClientIDClaims": ["azp"]`, nil, m2mtest.TokenSpec{}, "client_id"},
		{"-client-id-claims", ``, []string{"-client-id-claims", "azp client_id"}, m2mtest.TokenSpec{}, ""},
		{"ScopeClaims", `"ScopeClaims": ["permissions"]`, []string{"-require-all", "a"}, claims(map[string]any{"permissions": []string{"a"}}), ""},
		{"-scope-claims", ``, []string{"-require-all", "a", "-scope-claims", "roles"}, claims(map[string]any{"roles": "a"}), ""},
		{"WildcardScopes", `"WildcardScopes": true`, []string{"-require-all", "read:a"}, m2mtest.TokenSpec{Scopes: []string{"read:*"}}, ""},
		{"ScopeLimit", `"ScopeLimit": "b"`, []string{"-require-all", "a"}, m2mtest.TokenSpec{Scopes: []string{"a", "b"}}, "scope_missing"},
		{"MaxTokenAge", `"MaxTokenAge": "5m"`, nil, m2mtest.TokenSpec{}, "too_old"},
		{"MaxTokenLife", `"MaxTokenLife": "10m"`, nil, m2mtest.TokenSpec{}, "too_long_lived"},
		{"Backdating", `"Backdating": "1h"`, nil, m2mtest.TokenSpec{Header: map[string]any{"kid": "key-2"}}, "keys_unavailable"},
		{"RequireBound", `"RequireBound": true`, nil, m2mtest.TokenSpec{}, "not_bound"},
		{"no Accept", ``, nil, person, "not_machine"},
		{"Accept: subject-is-client", `"Accept": ["subject-is-client"]`, nil, person, "not_machine"},
		{"Accept: subject-prefix", `"Accept": ["subject-prefix user-"]`, nil, person, ""},
		{"Accept: client-id", `"Accept": ["client-id other worker-7"]`, nil, person, ""},
		{"Accept: another client-id", `"Accept": ["client-id other"]`, nil, person, "not_accepted"},
		{"Accept: claim equals", `"Accept": ["claim kind equals a machine"]`, nil, person, ""},
		{"Accept: claim equals another", `"Accept": ["claim kind equals machine"]`, nil, person, "not_machine"},
		{"Accept: claim contains", `"Accept": ["claim roles contains machine"]`, nil, person, ""},
		{"Accept: claim absent", `"Accept": ["claim kind absent"]`, nil, person, "not_machine"},
		{"Accept: claim-prefix absent", `"Accept": ["claim-prefix ki absent"]`, nil, person, "not_machine"},
		{"Accept: every rule", `"Accept": ["claim roles contains machine", "client-id other"]`, nil, person, "not_accepted"},
		{"Accept: no rule", `"Accept": []`, nil, person, "not_accepted"},
		{"-accept in place of it", `"Accept": ["client-id other"]`, []string{"-accept", "client-id worker-7", "-accept", "claim roles contains machine"}, person, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := `{"Name": "` + issuerName + `", "Audiences": ["` + audience + `"], "JWKSFile": ` + strconv.Quote(w.keys)
			if tt.members != "" {
				text += ", " + tt.members
			}
			args := append([]string{"-config", config(t, text+"}"), "-now", now().Format("2006-01-02T15:04:05Z07:00"), "-json"}, tt.flags...)
			status, out, stderr := explain(t, w.mint(tt.spec), args...)
			if (status == exitAccepted) != (tt.reason == "") || tt.reason != "" && !strings.Contains(out, `"reason": "`+tt.reason+`"`) {
				t.Errorf("explain(%s) = %d, want the reason %q: %s%s", tt.name, status, tt.reason, out, stderr)
			}
		})
	}
}

// TestConfigMistakes: every mistake is reported at once, and no value is repeated.
func TestConfigMistakes(t *testing.T) {
	w := newWorld(t)
	token := w.mint(m2mtest.TokenSpec{})
	for _, tt := range []struct {
		name, text string
		flags      []string
		want       []string
		not        string
	}{
		{"no JSON", `{"Name": hush-hush`, nil, []string{"-config: malformed JSON"}, "verifier:"},
		{"a list", `["hush-hush"]`, nil, []string{"-config: not a JSON object"}, "verifier:"},
		{"a member twice", `{"Name": "hush-hush", "Name": "b"}`, nil, []string{"-config: duplicate member"}, "verifier:"},
		{"unknown members, other types, and what New finds",
			`{"name": "hush-hush", "Name": 7, "Audience": "hush-hush", "Audiences": "hush-hush", "JWKSURL": "http://a.example", "Algorithms": ["HS256"], "TokenTypes": [],
			"WildcardScopes": "yes", "MaxTokenAge": 10, "MaxTokenLife": "soon", "ScopeLimit": "\"", "Accept": ["hush-hush", "subject-is-client", "claim x"], "ScopeClaims": null}`,
			[]string{"-jwks-file", ""},
			[]string{"-jwks-file is empty"}, "verifier:"},
		{"all of them",
			`{"name": "hush-hush", "Name": 7, "Audience": "hush-hush", "Audiences": "hush-hush", "JWKSURL": "http://a.example", "Algorithms": ["HS256"], "TokenTypes": [],
			"WildcardScopes": "yes", "MaxTokenAge": 10, "MaxTokenLife": "soon", "ScopeLimit": "\"", "Accept": ["hush-hush", "subject-is-client", "claim x"], "ScopeClaims": null}`, nil,
			[]string{`"name" is not known`, `"Name" is no text`, `"Audience" is not known`, `"Audiences" is no list of texts`, `"WildcardScopes" is neither true nor false`,
				`"MaxTokenAge" is no duration`, `"MaxTokenLife" is no duration`, `"ScopeLimit" is no text of scopes`, `"Accept", rule 1: not known`, `"Accept", rule 3: not known`,
				`"ScopeClaims" is no list`, `Algorithms holds "HS256"`, `JWKSURL is "http" and not https`, `TokenTypes is empty`}, "Name is empty"},
		{"nothing", `{}`, nil, []string{"Name is empty", "Audiences is empty", "neither JWKSURL nor FetchJWKS"}, ""},
		{"a secret as the name of a claim", `{"Name": "a", "Audiences": ["b"], "JWKSURL": "https://a.example", "ClientIDClaims": ["secret=hush-hush"]}`, nil,
			[]string{"found what looks like a secret"}, ""},
	} {
		status, out, stderr := explain(t, token, append([]string{"-config", config(t, tt.text)}, tt.flags...)...)
		if status != exitUsage || out != "" || strings.Contains(stderr, "hush") || tt.not != "" && strings.Contains(stderr, tt.not) {
			t.Errorf("explain(%s) = %d, output %q, error %s\nwant 2, none and not %q", tt.name, status, out, stderr, tt.not)
		}
		for _, want := range tt.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("explain(%s) says\n%s\nwant %q", tt.name, stderr, want)
			}
		}
	}
	status, _, stderr := explain(t, token, "-config", filepath.Join(t.TempDir(), "hush-hush"))
	if status != exitUsage || !strings.Contains(stderr, "-config: no such file") || strings.Contains(stderr, "hush") {
		t.Errorf("explain(no file) = %d, %s", status, stderr)
	}
}

// TestUsageNamesMembers: -help names every member of -config.
func TestUsageNamesMembers(t *testing.T) {
	for _, name := range []string{"Name", "JWKSURL", "TrustDomain", "ScopeLimit", "Aliases", "Audiences", "AudienceClaims", "Algorithms", "TokenTypes",
		"ClientIDClaims", "ScopeClaims", "WildcardScopes", "RequireBound", "MaxTokenAge", "MaxTokenLife", "Backdating", "JWKSFile", "Accept"} {
		_, help, ok := strings.Cut(usage, "The JSON of -config")
		if !ok || !strings.Contains(help, name) {
			t.Errorf("-help does not name the member %s", name)
		}
		if _, err := readConfig(config(t, `{"`+name+`": {}}`)); err == nil || strings.Contains(err.Error(), "is not known") {
			t.Errorf("readConfig(%s) = %v, want an error of its type", name, err)
		}
	}
	for line := range strings.Lines(usage) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
