package doortest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// introspected are the rows of an issuer that is asked about its tokens (RFC 7662).
// verifier's own tests have every member of an answer; these show that each Reason
// gets through, and that a remembered answer gets the same decision.
func introspected(f *Fixture) []Case {
	type m = map[string]any
	asks := func(issuer *verifier.Issuer, answer func() ([]byte, error)) {
		issuer.FetchJWKS, issuer.ClientIDClaims, issuer.Accept = nil, nil, nil
		issuer.Introspect = func(context.Context, string) ([]byte, error) { return answer() }
	}
	row := func(name string, more m) Case {
		full := m{"active": true, "aud": f.ProjectID(), "client_id": "c", "sub": "c", "scope": "read:users"}
		maps.Copy(full, more)
		maps.DeleteFunc(full, func(_ string, v any) bool { return v == m2mtest.Absent })
		return Case{
			Name:   "introspection: " + name,
			Values: func(*Fixture) []string { return []string{"Bearer opaque-token-of-some-length"} },
			Issuer: func(i *verifier.Issuer) { asks(i, func() ([]byte, error) { return json.Marshal(full) }) },
		}
	}
	with := func(c Case, edit func(*Case)) Case {
		edit(&c)
		return c
	}
	down := func(name string, answer []byte, err error) Case {
		return with(row(name, nil), func(c *Case) {
			c.Issuer = func(i *verifier.Issuer) { asks(i, func() ([]byte, error) { return answer, err }) }
		})
	}
	jwt := func(c *Case) { c.Values, c.Spec = nil, spec{ClientID: "c"} }
	return slices.Concat(
		[]Case{
			row("active", nil),
			with(row("active, the scope", nil), func(c *Case) { c.Need = scopes.All("read:users") }),
			with(row("a JWT of the issuer", nil), jwt),
		},
		invalid(verifier.Inactive, row("inactive", m{"active": false}),
			with(row("inactive, a JWT of the issuer", m{"active": false}), jwt)),
		invalid(verifier.Audience, row("another audience", m{"aud": "other"}), row("no audience", m{"aud": m2mtest.Absent})),
		invalid(verifier.UnknownIssuer, row("another issuer in the answer", m{"iss": "https://other.example.com"}),
			with(row("another issuer's JWT", nil), func(c *Case) { c.Values, c.Spec = nil, spec{Issuer: "https://other.example.com"} })),
		invalid(verifier.TokenType, row("a refresh token", m{"token_use": "refresh_token"})),
		invalid(verifier.Expired, row("expired", m{"exp": 1})),
		invalid(verifier.ClaimMalformed, row("exp is a text", m{"exp": "soon"})),
		invalid(verifier.ClientIDMissing, row("no client ID", m{"client_id": m2mtest.Absent})),
		invalid(verifier.NotMachine, row("a person", m{"username": "ada"})),
		invalid(verifier.Bound, row("bound to a key, without proofs", m{"cnf": m{"jkt": "A"}}), row("token_type DPoP, bound to nothing", m{"token_type": "DPoP"})),
		invalid(verifier.Malformed, with(row("the form of a JWT, and malformed", nil), func(c *Case) {
			c.Values = func(*Fixture) []string { return []string{"Bearer eyJhbGciOiJub25lIn0.e30"} }
		})),
		refused(verifier.InsufficientScope, verifier.ScopeMissing, with(row("no scope", nil), func(c *Case) { c.Need = scopes.All("write:users") })),
		refused(verifier.Unavailable, verifier.IntrospectionUnavailable,
			down("the authority is down", nil, errors.New("connection refused")),
			down("no answer", []byte("<html>"), nil),
			row("active is a text", m{"active": "true"})),
	)
}
