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
	requireBound := func(i *verifier.Issuer) { i.RequireBound = true }
	return slices.Concat(
		invalid(verifier.Bound, rows...),
		invalid(verifier.Unbound,
			Case{Name: "RequireBound, a bearer token", Issuer: requireBound},
			Case{Name: "RequireBound, a bearer token beside a certificate", Issuer: requireBound, Certificates: []tlstest.Pair{f.Mine}}),
		invalid(verifier.Bound,
			Case{Name: "RequireBound, bound, no certificate", Spec: bound, Issuer: requireBound},
			Case{Name: "RequireBound, bound to a DPoP key", Spec: claim("cnf", map[string]any{"jkt": thumbprint}), Issuer: requireBound}),
		[]Case{{Name: "RequireBound, bound, its certificate", Spec: bound, Issuer: requireBound, Certificates: []tlstest.Pair{f.Mine}}},
		[]Case{{Name: "bound, its certificate", Spec: bound, Certificates: []tlstest.Pair{f.Mine, f.Other}}},
	)
}

func policy() []Case {
	granted := func(names ...string) spec { return spec{Scopes: names} }
	wildcards := func(i *verifier.Issuer) { i.WildcardScopes = true }
	limit := func(wildcards bool, names ...string) func(*verifier.Issuer) {
		set := scopes.Of(names...)
		return func(i *verifier.Issuer) { i.WildcardScopes, i.ScopeLimit = wildcards, &set }
	}
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
			{Name: "ScopeLimit, granted within", Spec: granted("a", "b"), Need: scopes.All("a"), Issuer: limit(false, "a", "c")},
			{Name: "ScopeLimit, a wildcard within", Spec: granted("read:*"), Need: scopes.All("read:x"), Issuer: limit(true, "read:x")},
			{Name: "ScopeLimit, a wildcard limit", Spec: granted("read:x"), Need: scopes.All("read:x"), Issuer: limit(true, "read:*")},
			{Name: "ScopeLimit, both wildcards", Spec: granted("read:*"), Need: scopes.All("read:x"), Issuer: limit(true, "read:*", "write:x")},
			{Name: "ScopeLimit of nothing, no scope required", Spec: granted("a"), Issuer: limit(false)},
			{Name: "public, no token", Need: scopes.Public(), Values: func(*Fixture) []string { return nil }},
			{Name: "public, a broken token", Need: scopes.Public(), Values: func(*Fixture) []string { return []string{"Bearer \x00", ""} }},
		},
		refused(insufficient, verifier.ScopeMissing,
			Case{Name: "no scopes", Need: scopes.Any("a", "b")},
			Case{Name: "ScopeLimit, granted beyond", Spec: granted("a", "b"), Need: scopes.All("b"), Issuer: limit(false, "a")},
			Case{Name: "ScopeLimit, not granted", Spec: granted("b"), Need: scopes.All("a"), Issuer: limit(false, "a")},
			Case{Name: "ScopeLimit, a wildcard beyond", Spec: granted("read:*"), Need: scopes.All("read:y"), Issuer: limit(true, "read:x")},
			Case{Name: "ScopeLimit, the wildcard itself", Spec: granted("read:*"), Need: scopes.All("read:*"), Issuer: limit(true, "read:x")},
			Case{Name: "ScopeLimit, a wildcard under the exact rule", Spec: granted("read:*"), Need: scopes.All("read:x"), Issuer: limit(false, "read:x")},
			Case{Name: "ScopeLimit of nothing", Spec: granted("a"), Need: scopes.All("a"), Issuer: limit(false)},
			Case{Name: "ScopeLimit, ScopesFrom grants beyond", Need: scopes.All("role"), Issuer: func(i *verifier.Issuer) {
				limit(false, "a")(i)
				i.ScopesFrom = func(verifier.Client) (scopes.Set, error) { return scopes.Of("role"), nil }
			}},
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
