package m2mtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// claims are attacks on who issued the token, for whom, and to whom.
func (f *forge) claims() {
	issuer := f.spec.Issuer
	if issuer == "" {
		issuer = "stytch.com/" + f.a.projectID
	}
	for name, iss := range inOrder(map[string]any{
		"missing": Absent, "null": nil, "empty": "", "a number": 1, "a list": []string{issuer}, "a stranger's": "https://evil.example",
		"with a slash": issuer + "/", "in upper case": strings.ToUpper(issuer), "with a scheme": "https://" + issuer,
		"with a space": issuer + " ", "a part of it": issuer[:len(issuer)-1],
	}) {
		f.claim("iss "+name, "iss", iss)
	}
	audience := f.a.projectID
	if len(f.spec.Audience) > 0 {
		audience = f.spec.Audience[0]
	}
	for name, aud := range inOrder(map[string]any{
		"missing": Absent, "null": nil, "empty": "", "an empty list": []string{}, "another's": "other", "a list of others": []string{"a", "b"},
		"a part of it": audience[:len(audience)-1], "more than it": audience + "x", "in upper case": strings.ToUpper(audience),
		"a list with a number": []any{audience, 1}, "a nested list": []any{[]string{audience}}, "an object": map[string]any{audience: true},
		"300 of them": append(slices.Repeat([]string{"a"}, 300), audience), "a wildcard": "*",
	}) {
		f.claim("aud "+name, "aud", aud)
	}
	for name, sub := range inOrder(map[string]any{
		"missing": Absent, "null": nil, "empty": "", "a number": 1, "a list": []string{defaultClientID},
		"a person": "user-test-00000000-0000-4000-8000-000000000000",
	}) {
		f.claim("sub "+name, "sub", sub)
	}
	f.claim("a person's session", "https://stytch.com/session", map[string]any{"id": "session-test-1"})
	f.claim("a connected app's client_id", "client_id", "connected-app-test-1")
	thumbprint := strings.Repeat("A", 43)
	for name, cnf := range inOrder(map[string]string{
		"null": `null`, "empty": `{}`, "a string": `"x"`, "a list": `[]`, "of another kind": `{"unknown":1}`,
		"of DPoP": `{"jkt":"` + thumbprint + `"}`, "of a certificate": `{"x5t#S256":"` + thumbprint + `"}`,
		"of no certificate": `{"x5t#S256":null}`,
	}) {
		f.claim("cnf "+name+", unproved", "cnf", json.RawMessage(cnf))
	}
}

// times are attacks on when the token is good. Ten minutes are more than any
// leeway.
func (f *forge) times() {
	now := f.a.now()
	numbers := []string{`"4102444800"`, `true`, `null`, `-1`, `1e400`, `1e308`, `253402300800`, `{}`, `[4102444800]`}
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, number := range numbers {
			if number == "null" && name != "exp" {
				continue // as if it were absent
			}
			f.claim(name+" "+number, name, json.RawMessage(number))
		}
	}
	f.claim("exp missing", "exp", Absent)
	f.claim("exp 0", "exp", 0)
	f.bent("claims: expired ten minutes ago", func(s *TokenSpec) {
		s.IssuedAt, s.ExpiresAt = now.Add(-time.Hour), now.Add(-10*time.Minute)
	})
	f.bent("claims: expired a year ago", func(s *TokenSpec) {
		s.IssuedAt, s.ExpiresAt = now.AddDate(-1, 0, -1), now.AddDate(-1, 0, 0)
	})
	for _, name := range []string{"nbf", "iat"} {
		f.claim(fmt.Sprintf("%s in ten minutes", name), name, now.Add(10*time.Minute).Unix())
	}
}
