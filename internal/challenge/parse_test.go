package challenge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/challenge"
)

func TestInvalidToken(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        bool
	}{
		// What servers send.
		{"RFC 6750 §3", `Bearer realm="example", error="invalid_token", error_description="The access token expired"`, true},
		{"m2mauth", `Bearer realm="api", error="invalid_token"`, true},
		{"Spring Security", `Bearer error="invalid_token", error_description="Jwt expired at 2026-11-26T02:00:00Z", error_uri="https://tools.ietf.org/html/rfc6750#section-3.1"`, true},
		{"ASP.NET Core", `Bearer error="invalid_token", error_description="The token expired at '11/26/2026 02:00:00'"`, true},
		{"Keycloak", `Bearer realm="prod", error="invalid_token", error_description="Token verification failed"`, true},
		{"Envoy", `Bearer realm="https://api.example.com/x", error="invalid_token"`, true},
		{"Amazon API Gateway, without commas", `Bearer scope="" error="invalid_token" error_description="the token has expired"`, true},
		{"express-oauth2-jwt-bearer", `Bearer realm="api", error="invalid_token", error_description="\"exp\" claim timestamp check failed"`, true},
		{"with RFC 9728", `Bearer error="invalid_token", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`, true},

		// Odd forms of the grammar.
		{"a token as value", `Bearer error=invalid_token`, true},
		{"other capitals", `BEARER ERROR="invalid_token"`, true},
		{"spaces around the sign", "Bearer\terror \t=  \"invalid_token\"", true},
		{"empty elements", ` , ,Bearer ,error="invalid_token" , ,`, true},
		{"an escaped letter", `Bearer error="invalid\_token"`, true},
		{"after another scheme", `Basic realm="x", Bearer error="invalid_token"`, true},
		{"after a scheme without parameters", `Negotiate, Bearer error="invalid_token"`, true},
		{"after a token68", `Negotiate YII/a+b==, Bearer error="invalid_token"`, true},
		{"before another scheme", `Bearer error="invalid_token", DPoP algs="ES256"`, true},
		{"the second of two", `Bearer realm="a", Bearer error="invalid_token"`, true},
		{"Latin-1 in a description", "Bearer error_description=\"\xe9\", error=\"invalid_token\"", true},

		// What is no refusal of a token.
		{"empty", ``, false},
		{"no error", `Bearer realm="api"`, false},
		{"the scheme alone", `Bearer`, false},
		{"another error", `Bearer error="insufficient_scope", scope="a"`, false},
		{"another error, with the word", `Bearer error="invalid_request", error_description="invalid_token"`, false},
		{"in other letters", `Bearer error="Invalid_Token"`, false},
		{"of another scheme", `DPoP error="invalid_token"`, false},
		{"of the scheme after it", `Bearer realm="a", DPoP error="invalid_token"`, false},
		{"within a quoted string", `Basic realm="x, Bearer error=\"invalid_token\""`, false},
		{"within a quoted string, with a comma", `Custom a="Bearer error=invalid_token"`, false},
		{"of another name", `Bearer xerror="invalid_token"`, false},
		{"a token68", `Bearer invalid_token`, false},

		// Malformed: a value counts as a whole or not at all.
		{"no scheme", `error="invalid_token"`, false},
		{"an open quote", `Bearer error="invalid_token", realm="x`, false},
		{"an escape at the end", `Bearer error="invalid_token", realm="x\`, false},
		{"no value", `Bearer error=, realm="x"`, false},
		{"two errors", `Bearer error="invalid_token", error="invalid_request"`, false},
		{"the same error twice", `Bearer error="invalid_token", Error="invalid_token"`, false},
		{"a word after a value", `Bearer error="invalid_token"x`, false},
		{"a colon for a comma", `Bearer error="invalid_token"; realm="x"`, false},
		{"a control character", "Bearer error=\"invalid_token\", realm=\"\x00\"", false},
		{"JSON", `{"error":"invalid_token"}`, false},
		{"too long", `Bearer error="invalid_token", realm="` + strings.Repeat("x", 9<<10) + `"`, false},
	} {
		if got := challenge.ErrorOf([]string{tt.value}, "Bearer") == "invalid_token"; got != tt.want {
			t.Errorf("ErrorOf(%s: %q) is invalid_token = %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
	values := []string{"Basic realm", `DPoP algs="ES256"`, `Bearer error="invalid_token", DPoP error="use_dpop_nonce"`}
	for scheme, want := range map[string]string{"Bearer": "invalid_token", "dpop": "use_dpop_nonce", "Basic": "", "": ""} {
		if got := challenge.ErrorOf(values, scheme); got != want {
			t.Errorf("ErrorOf(several values, %s) = %q, want %q", scheme, got, want)
		}
	}
	if got := challenge.ErrorOf(nil, "Bearer"); got != "" {
		t.Errorf("ErrorOf(nil) = %q, want none", got)
	}
}

func TestParse(t *testing.T) {
	got := fmt.Sprint(challenge.Parse(`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`)) // RFC 9110 §11.6.1
	const want = `[{newauth map[realm:apps title:Login to "apps" type:1]} {basic map[realm:simple]}]`
	if got != want {
		t.Errorf("Parse = %s, want %s", got, want)
	}
}

// FuzzParse: whatever a server sends, reading it ends, and a refusal that is
// found stands in the text.
func FuzzParse(f *testing.F) {
	f.Add(`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`)
	f.Add(`Bearer error="invalid_token"`)
	f.Add(`Negotiate YII/a+b==, Bearer error = invalid_token,,`)
	f.Fuzz(func(t *testing.T, value string) {
		for _, c := range challenge.Parse(value) {
			if c.Scheme == "" || strings.ContainsAny(c.Scheme, " ,=\"") || !strings.Contains(strings.ToLower(value), c.Scheme) {
				t.Errorf("Parse(%q) = scheme %q", value, c.Scheme)
			}
		}
		// Quoting it hides it.
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
		if challenge.ErrorOf([]string{`Basic realm="` + quoted + `"`}, "Bearer") != "" {
			t.Errorf("ErrorOf finds a challenge within the quoted string %q", quoted)
		}
	})
}
