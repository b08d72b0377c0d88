package doortest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func sender(f *Fixture) []Case {
	thumbprint := f.Mine.Thumbprint()
	bound := claim("cnf", map[string]any{"x5t#S256": thumbprint})
	rows := []Case{
		{Name: "bound, no certificate", Spec: bound},
		{Name: "bound, another certificate", Spec: bound, Certificates: []tlstest.Pair{f.Other, f.Mine}},
		{Name: "cnf with a member more", Certificates: []tlstest.Pair{f.Mine},
			Spec: claim("cnf", map[string]any{"x5t#S256": thumbprint, "jkt": "x"})},
	}
	for _, cnf := range []string{`null`, `{}`, `"x"`, `[]`, `1`, `{"jkt":"x"}`, `{"x5t#S256":null}`, `{"x5t#S256":""}`,
		`{"x5t#S256":"` + thumbprint + `="}`, `{"x5t#S256":"` + thumbprint[:42] + `"}`, `{"x5t#s256":"` + thumbprint + `"}`,
		`{"x5t#S256":"` + thumbprint[:20] + `\n` + thumbprint[20:] + `"}`,
		// As long as a digest in base64url, and one byte less once it is decoded:
		// white space does not count there.
		`{"x5t#S256":"` + strings.Repeat("A", 42) + `\n"}`} {
		name := strings.NewReplacer(thumbprint[:20], "half ", thumbprint[20:42], "a half ").Replace(cnf) // it is another each time
		rows = append(rows, Case{Name: "cnf " + name, Spec: claim("cnf", json.RawMessage(cnf)), Certificates: []tlstest.Pair{f.Mine}})
	}
	return slices.Concat(
		invalid(verifier.Bound, rows...),
		[]Case{{Name: "bound, its certificate", Spec: bound, Certificates: []tlstest.Pair{f.Mine, f.Other}}},
	)
}

func policy() []Case {
	granted := func(names ...string) spec { return spec{Scopes: names} }
	wildcards := func(i *verifier.Issuer) { i.WildcardScopes = true }
	const insufficient = verifier.InsufficientScope
	return slices.Concat(
		[]Case{
			{Name: "scope granted", Spec: granted("a", "b"), Need: scopes.All("a", "b")},
			{Name: "one of two", Spec: granted("b"), Need: scopes.Any("a", "b")},
			{Name: "scopes in a list", Spec: claim("scope", []string{"a", "b c"}), Need: scopes.All("a")},
			{Name: "wildcard", Spec: granted("read:*"), Need: scopes.All("read:users"), Issuer: wildcards},
			{Name: "scp, where scope is absent", Need: scopes.All("a"),
				Spec: spec{Claims: map[string]any{"scope": m2mtest.Absent, "scp": []string{"a"}}}},
			{Name: "ScopesFrom", Need: scopes.All("role"), Issuer: func(i *verifier.Issuer) {
				i.ScopesFrom = func(c verifier.Client) (scopes.Set, error) { return scopes.Of("role"), nil }
			}},
			{Name: "public, no token", Need: scopes.Public(), Values: func(*Fixture) []string { return nil }},
			{Name: "public, a broken token", Need: scopes.Public(), Values: func(*Fixture) []string { return []string{"Bearer \x00", ""} }},
		},
		refused(insufficient, verifier.ScopeMissing,
			Case{Name: "no scopes", Need: scopes.Any("a", "b")},
			Case{Name: "a scope in another alphabet's case", Spec: claim("scope", "adm\u0131n"), Need: scopes.All("admin")},
			Case{Name: "empty scope, no fall-through", Spec: claim("scp", "admin"), Need: scopes.All("admin")},
			Case{Name: "wildcards off", Spec: granted("read:*"), Need: scopes.All("read:users")},
			Case{Name: "bare star", Spec: granted("*"), Need: scopes.All("read:users"), Issuer: wildcards},
		),
		refused(insufficient, verifier.NoRequirement,
			Case{Name: "no requirement", NoNeed: true},
		),
	)
}
