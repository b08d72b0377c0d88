package hostile

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// claims returns tokens of another issuer, for another audience, of a person, or
// bound to a key that the call does not prove.
func (m *maker) claims() []Credential {
	iss, aud, sub := m.names()
	claim := func(claim string) func(string, any) Credential {
		return func(name string, value any) Credential { return m.claim(claim+" "+name, claim, value) }
	}
	thumbprint := strings.Repeat("A", 43)
	return slices.Concat(
		invalid(verifier.UnknownIssuer, each(map[string]any{
			"missing": m2mtest.Absent, "null": nil, "empty": "", "a number": 1, "a list": []string{iss}, "an object": map[string]any{iss: true},
			"a list with a stranger's": []string{"https://evil.example", iss}, "a stranger's": "https://evil.example",
			"with a slash": iss + "/", "in upper case": strings.ToUpper(iss), "with a scheme": "https://" + iss, "with a space": iss + " ",
			"with a line feed": iss + "\n", "with a NUL": iss + "\x00", "more than it": iss + "x",
			"a part of it": iss[:len(iss)-1], "the end of it": iss[1:],
		}, claim("iss"))...),
		invalid(verifier.Audience, each(map[string]any{
			"missing": m2mtest.Absent, "null": nil, "empty": "", "an empty list": []string{}, "another's": "other", "a list of others": []string{"a", "b"},
			"an empty one among others": []string{"", "other"}, "a part of it": aud[:len(aud)-1], "a beginning of it": aud[:len(aud)/2],
			"the end of it": aud[1:], "more than it": aud + "x", "in upper case": strings.ToUpper(aud), "with a space": aud + " ",
			"several in one string": "other " + aud, "a list with a number": []any{aud, 1}, "a nested list": []any{[]string{aud}},
			"an object": map[string]any{aud: true}, "257 of them": append(slices.Repeat([]string{"a"}, 256), aud), "a wildcard": "*",
		}, claim("aud"))...),
		invalid(verifier.ClientIDMissing, each(map[string]any{
			"missing": m2mtest.Absent, "null": nil, "empty": "", "a number": 1, "a list": []string{sub},
		}, claim("sub"))...),
		invalid(verifier.NotMachine,
			m.claim("sub a person", "sub", "user-test-00000000-0000-4000-8000-000000000000"),
			m.claim("a person's session", "https://stytch.com/session", map[string]any{"id": "session-test-1"}),
			m.claim("a connected app's client_id", "client_id", "connected-app-test-1"),
		),
		invalid(verifier.Bound, each(map[string]string{
			"null": `null`, "empty": `{}`, "a string": `"x"`, "a list": `[]`, "a number": `1`, "of another kind": `{"unknown":1}`,
			"of DPoP": `{"jkt":"` + thumbprint + `"}`, "of a certificate": `{"x5t#S256":"` + thumbprint + `"}`,
			"of no certificate": `{"x5t#S256":null}`, "of an empty thumbprint": `{"x5t#S256":""}`,
		}, func(name, cnf string) Credential {
			return m.claim("cnf "+name+", unproved", "cnf", json.RawMessage(cnf))
		})...),
		invalid(verifier.ClaimMalformed,
			m.claim("jti a number", "jti", 1),
		),
	)
}

// names returns the issuer, an audience and the subject of accepted tokens, or
// the project's if they have none.
func (m *maker) names() (iss, aud, sub string) {
	var claims map[string]any
	if err := json.Unmarshal([]byte(m.payload), &claims); err != nil {
		panic("hostile: the claims of an accepted token: " + err.Error())
	}
	list, _ := claims["aud"].([]any)
	for _, first := range append(list, claims["aud"]) {
		if aud, _ = first.(string); aud != "" {
			break
		}
	}
	iss, _ = claims["iss"].(string)
	sub, _ = claims["sub"].(string)
	return cmp.Or(iss, "stytch.com/"+m.Authority.ProjectID()), cmp.Or(aud, m.Authority.ProjectID()), sub
}

// times are tokens that are not valid yet, not valid any more, or say so in a
// way that is no NumericDate (RFC 7519 §2). Ten minutes exceed every leeway.
func (m *maker) times() []Credential {
	var malformed, future []Credential
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, number := range []string{`"4102444800"`, `true`, `null`, `-1`, `-1e-300`, `1e400`, `1e308`, `253402300800`, `{}`, `[4102444800]`} {
			if number == "null" && name != "exp" {
				continue // like an absent one, which is optional
			}
			malformed = append(malformed, m.claim(name+" "+number, name, json.RawMessage(number)))
		}
	}
	soon := m.now.Add(10 * time.Minute).Unix()
	future = append(future,
		m.claim("nbf in ten minutes", "nbf", soon),
		m.changed("nbf in ten minutes, of a forger's key", func(s *spec) {
			s.Key, s.Header["kid"], s.Claims["nbf"] = m.Foreign, m.key.ID, soon
		}),
	)
	expired := func(s *spec) { s.IssuedAt, s.ExpiresAt = m.now.Add(-time.Hour), m.now.Add(-10*time.Minute) }
	return slices.Concat(
		invalid(verifier.ClaimMalformed, malformed...),
		invalid(verifier.ClaimMalformed,
			m.claim("exp missing", "exp", m2mtest.Absent),
			m.claim("exp of 33 digits", "exp", json.RawMessage("4102444800."+strings.Repeat("0", 22))),
			m.claim("exp of 5,000 digits", "exp", json.RawMessage(strings.Repeat("1", 5000))),
		),
		invalid(verifier.Expired,
			m.claim("exp 0", "exp", 0),
			m.changed("expired ten minutes ago", expired),
			m.claim("expired ten minutes ago, a fraction", "exp", float64(m.now.Add(-10*time.Minute).Unix())+0.5),
			m.changed("expired a year ago", func(s *spec) { s.IssuedAt, s.ExpiresAt = m.now.AddDate(-1, 0, -1), m.now.AddDate(-1, 0, 0) }),
			// Two things are wrong with these, and neither hides the other.
			m.changed("expired, of a forger's key", func(s *spec) { expired(s); s.Key, s.Header["kid"] = m.Foreign, m.key.ID }),
			m.changed("expired, of a key that nobody publishes", func(s *spec) { expired(s); s.Key = m.Foreign }),
		),
		invalid(verifier.NotYetValid, future...),
		invalid(verifier.IssuedInFuture,
			m.claim("iat in ten minutes", "iat", soon),
		),
	)
}
