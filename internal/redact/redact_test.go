package redact

import (
	"strings"
	"testing"
)

const (
	jwt     = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU"
	opaque  = "o3Xq9ZbT1vK7pW2sLr8Ny5Hc4Dj6Fg0A"
	hidden  = "bytes that look like a secret)"
	invalid = "bytes that are no valid URL)"
)

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", `""`},
		{"a domain", "acme.eu.auth0.com", `"acme.eu.auth0.com"`},
		{"a domain with a port", "acme.eu.auth0.com:443", `"acme.eu.auth0.com:443"`},
		{"a GUID", "aaaabbbb-0000-cccc-1111-dddd2222eeee", `"aaaabbbb-0000-cccc-1111-dddd2222eeee"`},
		{"a project ID", "project-test-11111111-2222-4333-8444-555555555555", `"project-test-11111111-2222-4333-8444-555555555555"`},
		{"a service account", "1234567890-compute@developer.gserviceaccount.com", `"1234567890-compute@developer.gserviceaccount.com"`},
		{"a subject", "system:serviceaccount:payments:worker", `"system:serviceaccount:payments:worker"`},
		{"a workflow", "acme/ci/.github/workflows/deploy.yml@refs/heads/main", `"acme/ci/.github/workflows/deploy.yml@refs/heads/main"`},
		{"control characters", "a\x1b[2J\n", `"a\x1b[2J\n"`},
		{"a URL", "https://sso.example.com/realms/prod", `"https://sso.example.com/realms/prod"`},
		{"a random path of a URL", "https://oidc.eks.eu-west-1.amazonaws.com/id/D539D4633E53DE1B71E8F3A2B4C5D6E7",
			`"https://oidc.eks.eu-west-1.amazonaws.com/id/D539D4633E53DE1B71E8F3A2B4C5D6E7"`},
		{"a long text", strings.Repeat("words ", 30), `"` + strings.Repeat("words ", 21) + `wo"…`},

		{"a URL with user info", "https://user:hunter2@sso.example.com/realms/prod", `"https://sso.example.com/realms/prod"`},
		{"a URL with a query", "https://a.example/x?token=hunter2", `"https://a.example/x"`},
		{"a URL with a fragment", "https://a.example/x#hunter2", `"https://a.example/x"`},
		{"a query without scheme", "a.example?token=hunter2", `"a.example"…`},
		{"a parameter", "client_secret=hunter2", `"client_secret"…`},
		{"a malformed URL", "https://user:hun/ter2@a.example", invalid},
		{"a malformed escape", "https://a.example/%zzhunter2", invalid},
		{"a URL without host", "https:///hunter2", invalid},
		{"user info without scheme", "user:hunter2@a.example", hidden},
		{"user info in a path", "https://github.com/https://user:hunter2@a.example", hidden},
		{"user info after slashes", "//user:hunter2@a.example", hidden},
		{"a JWT", jwt, hidden},
		{"a JWT with its scheme", "Bearer " + jwt, hidden},
		{"a JWT within text", "token " + jwt + ".", hidden},
		{"a JWT in a URL's path", "https://a.example/" + jwt, hidden},
		{"a JWT's claims", strings.Split(jwt, ".")[1], hidden},
		{"a JWT whose header has spaces", "eyAiYWxnIjogIlJTMjU2IiB9.e30.AAAA", hidden},
		{"a JWT with an unusual header", "CnsiYWxnIjoiUlMyNTYifQ.e30.c2lnbmF0dXJlLXNpZ25hdHVyZTEyMzQ1Njc4", hidden},
		{"an opaque token with its scheme", "bearer hunter2", hidden},
		{"basic credentials", "Basic dXNlcjpodW50ZXIy", hidden},
		{"Stytch's secret", "secret-test-hunter2-hunter2", hidden},
		{"GitHub's token", "ghp_hunter2hunter2", hidden},
		{"GitHub's token as a user", "https://ghp_hunter2hunter2@github.com/acme", hidden},
		{"what looks like a note", "(not shown: \x1b", `"(not shown: \x1b"`},
		{"a region", "asia-northeast1-docker", `"asia-northeast1-docker"`},
		{"a header", "Authorization: Basic dTpodW50ZXIy", hidden},
		{"a private key", "-----BEGIN PRIVATE KEY-----\nhunter2", hidden},
		{"a random secret", opaque, hidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Quote(tt.text)
			if got != tt.want && !(strings.HasPrefix(got, "(not shown: ") && strings.HasSuffix(got, " "+tt.want)) {
				t.Errorf("Quote(%q) = %s, want %s", tt.text, got, tt.want)
			}
			for _, secret := range []string{"hunter2", "ter2", opaque[:8], "c2lnbmF0"} {
				if strings.Contains(got, secret) {
					t.Errorf("Quote(%q) = %s, which holds %q", tt.text, got, secret)
				}
			}
		})
	}
}

// TestText: identifiers of a configuration are shown, however random, and
// tokens are not.
func TestText(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{opaque, opaque},
		{"7jkl2mno8pqr3stu9vwx4yz0ab", "7jkl2mno8pqr3stu9vwx4yz0ab"},
		{strings.Repeat("word ", 100), strings.Repeat("word ", 100)},
		{"https://u:p@a.example/x?y#z", "https://a.example/x"},
		{"api://default", "api://default"},
		{"stytch.com/project-test-1", "stytch.com/project-test-1"},
		{"scope=secret", "scope…"},
		{"MTIzNA==", "MTIzNA=="},
		{"all of read:orders and write:*", "all of read:orders and write:*"},
		{jwt, "(not shown: 106 bytes that look like a secret)"},
		{"all of " + jwt, "(not shown: 113 bytes that look like a secret)"},
	} {
		if got := Text(tt.text); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"CN=worker,OU=jobs", "CN=worker,OU=jobs"},
		{"https://a.example/?x=1", "https://a.example/?x=1"},
		{"acct:ada@example.com", "acct:ada@example.com"},
		{"open " + jwt + ": no such file", "open (not shown: 107 bytes that look like a secret) no such file"},
		{"Bearer " + opaque, "(not shown: 39 bytes that look like a secret)"},
		{"-----BEGIN PRIVATE KEY-----\nhunter2", "(not shown: 35 bytes that look like a secret)"},
	} {
		if got := Tokens(tt.text); got != tt.want {
			t.Errorf("Tokens(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestURL(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"https://a.example", "https://a.example"},
		{"https://a.example/", "https://a.example/"},
		{"https://A.example:8443/a%2Fb/", "https://A.example:8443/a%2Fb/"},
		{"http://[::1]:8080/keys", "http://[::1]:8080/keys"},
		{"https://user@a.example/x", "https://a.example/x"},
		{"https://user:p%40ss@a.example/x?", "https://a.example/x"},
		{"https://a.example/x?sig=1#", "https://a.example/x"},
		{"", "(not shown: 0 bytes that are no valid URL)"},
		{"/keys?sig=1", "(not shown: 11 bytes that are no valid URL)"},
		{"https:a.example", "(not shown: 15 bytes that are no valid URL)"},
		{"https://a.example:pass", "(not shown: 22 bytes that are no valid URL)"},
	} {
		if got := URL(tt.raw); got != tt.want {
			t.Errorf("URL(%q) = %q, want %q", tt.raw, got, tt.want)
		}
	}
}
