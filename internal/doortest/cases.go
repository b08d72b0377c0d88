package doortest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// cases returns the table, ordered by the parts of a token.
func cases(t *testing.T, f *Fixture) []Case {
	return slices.Concat(good(f), hostileCases(f), credential(), header(f), signature(f), keys(f), claimsOf(f), times(), sender(f), proofs(t, f), policy(), callbacks(), authorities(f), later(f), revoked(t, f), spiffe(f), introspected(t, f))
}

type spec = m2mtest.TokenSpec

func claim(name string, value any) spec { return spec{Claims: map[string]any{name: value}} }
func head(name string, value any) spec  { return spec{Header: map[string]any{name: value}} }

// refused sets the Code and Reason of rows.
func refused(code verifier.Code, reason verifier.Reason, rows ...Case) []Case {
	for i := range rows {
		rows[i].Code, rows[i].Reason = code, reason
	}
	return rows
}

func invalid(reason verifier.Reason, rows ...Case) []Case {
	return refused(verifier.InvalidToken, reason, rows...)
}

func good(f *Fixture) []Case {
	now := time.Now()
	values := func(prefix string) func(*Fixture) []string {
		return func(f *Fixture) []string { return []string{prefix + f.Token(spec{})} }
	}
	rs512 := m2mtest.Key{ID: "512", Algorithm: "RS512", Private: f.Foreign.Private}
	return []Case{
		{Name: "good"},
		{Name: "lower-case scheme", Values: values("bearer ")},
		{Name: "upper-case scheme", Values: values("BEARER ")},
		{Name: "several spaces", Values: values("Bearer   ")},
		{Name: "application/ before the type", Spec: head("typ", "application/JWT")},
		{Name: "type in another case", Spec: head("typ", "At+JwT")},
		{Name: "no type, where that is admitted", Spec: head("typ", m2mtest.Absent),
			Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
		{Name: "another algorithm", Spec: spec{Key: f.Weak}},
		{Name: "a larger hash, where that is admitted", Spec: spec{Key: &rs512}, Issuer: func(i *verifier.Issuer) {
			i.Algorithms = []string{"RS512"}
			i.FetchJWKS = keySet(rs512.JWK())
		}},
		{Name: "no key ID, and one key that fits", Spec: head("kid", m2mtest.Absent)},
		{Name: "keys of its own in the header", Spec: spec{Header: map[string]any{
			"jwk": f.Foreign.JWK(), "jku": f.Trap, "x5u": f.Trap, "x5c": []string{"AA=="}}}},
		{Name: "unknown members", Spec: spec{Header: map[string]any{"ALG": "none", "x": 1}, Claims: map[string]any{"Exp": 1, "x": nil}}},
		{Name: "audience as a string", Spec: claim("aud", f.ProjectID())},
		{Name: "one of several audiences", Spec: claim("aud", []string{"other", f.ProjectID()})},
		{Name: "alias", Spec: spec{Issuer: "https://alias.example.com"},
			Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
		{Name: "fraction of a second", Spec: claim("exp", float64(time.Now().Add(time.Hour).UnixMilli())/1000)},
		{Name: "expired within the leeway", Spec: spec{ExpiresAt: now.Add(-20 * time.Second)},
			Config: func(c *verifier.Config) { c.Now = func() time.Time { return now } }}, // whenever the row runs
		{Name: "issued within the leeway", Spec: spec{IssuedAt: time.Now().Add(20 * time.Second)}},
		{Name: "without iat and nbf", Spec: spec{Claims: map[string]any{"iat": m2mtest.Absent, "nbf": m2mtest.Absent}}},
		{Name: "without a scope claim", Spec: claim("scope", m2mtest.Absent)},
		{Name: "subject absent", Spec: spec{Claims: map[string]any{"sub": m2mtest.Absent, "client_id": "c"}},
			Issuer: func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = nil, nil }},
	}
}

// keySet returns a FetchJWKS of fixed keys.
func keySet(keys ...map[string]any) func(context.Context) ([]byte, error) {
	doc, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return func(context.Context) ([]byte, error) { return doc, nil }
}
