package verifier_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestHTTPStatus(t *testing.T) {
	for code, want := range map[verifier.Code]int{
		verifier.NoCredentials: 401, verifier.InvalidRequest: 400, verifier.InvalidToken: 401, verifier.InsufficientScope: 403,
		verifier.Unavailable: 503, verifier.TooManyRequests: 429, 0: 503, -1: 503, 99: 503,
	} {
		if got := code.HTTPStatus(); got != want {
			t.Errorf("Code(%d).HTTPStatus() = %d, want %d", code, got, want)
		}
	}
}

// TestChallenges: the Code, the requirement and the guard's configuration
// determine what callers receive. The Reason and the cause are not in it.
func TestChallenges(t *testing.T) {
	name := strings.Repeat("s", 1023)
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf("scope:%d", i))
	}
	all := func(names ...string) scopes.Requirement {
		need, err := scopes.AllOf(names)
		if err != nil {
			t.Fatal(err)
		}
		return need
	}
	const url = "https://api.example.com/.well-known/oauth-protected-resource"
	for _, tt := range []struct {
		name        string
		code        verifier.Code
		need        scopes.Requirement
		realm, meta string
		want        string // "" for none
	}{
		{"no credentials", verifier.NoCredentials, all("b", "a"), "r", "", `Bearer realm="r", scope="a b"`},
		{"invalid request", verifier.InvalidRequest, all("a"), "r", "", `Bearer realm="r", error="invalid_request"`},
		{"invalid token", verifier.InvalidToken, all("a"), "r", "", `Bearer realm="r", error="invalid_token"`},
		{"insufficient scope", verifier.InsufficientScope, all("b", "a"), "r", "", `Bearer realm="r", error="insufficient_scope", scope="a b"`},
		{"no scope would do", verifier.InsufficientScope, scopes.Requirement{}, "r", "", `Bearer realm="r", error="insufficient_scope"`},
		{"the longest scope", verifier.InsufficientScope, all(name, name+"t"), "r", "",
			`Bearer realm="r", error="insufficient_scope", scope="` + name + " " + name + `t"`},
		{"a longer scope", verifier.InsufficientScope, all(name, name+"tt"), "r", "", `Bearer realm="r", error="insufficient_scope"`},
		{"hundreds of scopes", verifier.InsufficientScope, all(many...), "r", "", `Bearer realm="r", error="insufficient_scope"`},
		{"unavailable", verifier.Unavailable, all("a"), "r", url, ""},
		{"too many requests", verifier.TooManyRequests, all("a"), "r", url, ""},
		{"the zero Code", 0, all("a"), "r", url, ""},
		{"no realm", verifier.NoCredentials, scopes.Authenticated(), "", "", `Bearer realm="api"`},
		{"a realm that would end the string", verifier.NoCredentials, scopes.Authenticated(), `a", x="`, "", `Bearer realm="api"`},
		{"a realm that would end the field", verifier.NoCredentials, scopes.Authenticated(), "a\r\nX: y", "", `Bearer realm="api"`},
		{"metadata", verifier.InsufficientScope, all("a"), "r", url,
			`Bearer realm="r", error="insufficient_scope", scope="a", resource_metadata="` + url + `"`},
		{"metadata without credentials", verifier.NoCredentials, scopes.Authenticated(), "r", url, `Bearer realm="r", resource_metadata="` + url + `"`},
		{"metadata that would end the string", verifier.NoCredentials, scopes.Authenticated(), "r", url + `"`, `Bearer realm="r"`},
		{"metadata that would end the field", verifier.NoCredentials, scopes.Authenticated(), "r", url + "\n", `Bearer realm="r"`},
	} {
		e := &verifier.Error{
			Code: tt.code, Reason: "a_reason", Need: tt.need, Err: errors.New("a cause"),
			Realm: tt.realm, ResourceMetadata: tt.meta,
		}
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if got := e.Challenges(); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: Challenges() = %q, want %q", tt.name, got, want)
		}
	}
	if got := (*verifier.Error)(nil).Challenges(); got != nil {
		t.Errorf("Challenges() of nil = %q, want nil", got)
	}
}

// TestChallengeOfTheRequest: the realm and the metadata of a Request are in the
// challenge of its refusal.
func TestChallengeOfTheRequest(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, err = v.Authorize(t.Context(), verifier.Request{Realm: "orders", ResourceMetadata: "https://api.example.com/m"}, scopes.All("a"))
	const want = `Bearer realm="orders", scope="a", resource_metadata="https://api.example.com/m"`
	if got := verifier.AsError(err).Challenges(); !slices.Equal(got, []string{want}) {
		t.Errorf("Challenges() = %q, want %q", got, want)
	}
}
