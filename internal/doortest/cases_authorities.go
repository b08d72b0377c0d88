package doortest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// authorities returns rows with what tokens of real authorities lack, leave empty
// or have in large numbers.
func authorities(f *Fixture) []Case {
	byDefault := func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = []string{"client_id"}, nil }
	with := func(claims map[string]any) spec {
		all := map[string]any{"client_id": "c", "sub": m2mtest.Absent}
		maps.Copy(all, claims)
		return spec{Claims: all}
	}
	accept := func(rule func(verifier.Client) error) func(*verifier.Issuer) {
		return func(i *verifier.Issuer) { i.Accept = rule }
	}
	rows := []Case{
		{Name: "nbf null", Spec: claim("nbf", nil)},
		{Name: "iat null", Spec: claim("iat", nil)},
		{Name: "jti null", Spec: claim("jti", nil)},
		{Name: "jti empty", Spec: claim("jti", "")},
		{Name: "scope null", Spec: claim("scope", nil)},
		{Name: "scope empty", Spec: claim("scope", "")},
		{Name: "scope null, scp decides", Spec: spec{Claims: map[string]any{"scope": nil, "scp": "a"}}, Need: scopes.All("a")},
		{Name: "sub absent, no person's mark", Spec: with(nil), Issuer: byDefault},
		{Name: "sub empty, no person's mark", Spec: with(map[string]any{"sub": ""}), Issuer: byDefault},
		{Name: "sub null, no person's mark", Spec: with(map[string]any{"sub": nil}), Issuer: byDefault},
		{Name: "sub absent, a mark that is null", Spec: with(map[string]any{"email": nil}), Issuer: byDefault},
		{Name: "sub the client, and marks of a person", Issuer: byDefault,
			Spec: with(map[string]any{"sub": "c", "acr": "1", "preferred_username": "service-account-c"})},
		{Name: "the roles of 130 clients", Spec: clientRoles(130)},
		{Name: "512 members", Spec: members(512 - standardMembers)},
		{Name: "4,096 members in 64 KiB", Spec: members(4096 - standardMembers), Config: func(c *verifier.Config) { c.MaxTokenBytes = 64 << 10 }},
		{Name: "16 deep", Spec: claim("deep", nest(15))},
		{Name: "ClaimContains", Spec: claim("roles", []string{"other", "machine"}), Issuer: accept(verifier.ClaimContains("roles", "machine"))},
		{Name: "ClaimContains in a long array", Spec: claim("roles", append(slices.Repeat([]string{"r"}, 300), "machine")),
			Issuer: accept(verifier.ClaimContains("roles", "machine"))},
		{Name: "ClientIDIn", Spec: spec{ClientID: "m2m-client-b"}, Issuer: accept(verifier.ClientIDIn("m2m-client-c", "m2m-client-b", "m2m-client-a"))},
	}
	var people, others []Case
	for name, value := range map[string]any{"preferred_username": "ada", "email": "ada@example.com", "name": "Ada", "given_name": "Ada",
		"auth_time": 1, "amr": []string{"pwd"}, "acr": "0", "sid": "s", "nonce": "n", "at_hash": "h"} {
		people = append(people, Case{Name: "sub absent, and " + name, Spec: with(map[string]any{name: value}), Issuer: byDefault},
			Case{Name: "sub empty, and " + name, Spec: with(map[string]any{"sub": "", name: value}), Issuer: byDefault},
			Case{Name: "sub null, and " + name, Spec: with(map[string]any{"sub": nil, name: value}), Issuer: byDefault})
	}
	for name, value := range map[string]any{"a string": "machine", "a part of an item": []string{"machines"}, "another case": []string{"Machine"},
		"an array in the array": []any{[]string{"machine"}}, "a number beside it": []any{"machine", 1}, "an empty array": []string{},
		"an object": map[string]any{"machine": true}, "null": nil, "nothing": m2mtest.Absent} {
		others = append(others, Case{Name: "ClaimContains of " + name, Spec: claim("roles", value), Issuer: accept(verifier.ClaimContains("roles", "machine"))})
	}
	others = append(others,
		Case{Name: "ClaimEquals of an array", Spec: claim("gty", []string{"machine"}), Issuer: accept(verifier.ClaimEquals("gty", "machine"))})
	return slices.Concat(rows,
		invalid(verifier.NotMachine, people...),
		invalid(verifier.NotMachine, others...),
		invalid(verifier.NotAccepted,
			Case{Name: "ClientIDIn of others", Issuer: accept(verifier.ClientIDIn("m2m-client-a"))},
			Case{Name: "ClientIDIn of none", Issuer: accept(verifier.ClientIDIn())},
		),
		invalid(verifier.ClientIDMissing,
			Case{Name: "sub empty, where it is the client ID", Spec: claim("sub", "")},
			Case{Name: "sub null, where it is the client ID", Spec: claim("sub", nil)},
		),
		invalid(verifier.ClaimMalformed,
			Case{Name: "iat null under MaxTokenAge", Spec: claim("iat", nil), Issuer: func(i *verifier.Issuer) { i.MaxTokenAge = 3600e9 }},
			Case{Name: "sub false", Spec: with(map[string]any{"sub": false}), Issuer: byDefault},
		),
		invalid(verifier.Malformed,
			Case{Name: "17 deep", Spec: claim("deep", nest(16))},
			Case{Name: "513 members of a good token", Spec: members(513 - standardMembers)},
			Case{Name: "513 members of a header", Spec: head("many", members(513).Claims["many"])},
			Case{Name: "members by a smaller size", Spec: members(129 - standardMembers), Config: func(c *verifier.Config) { c.MaxTokenBytes = 2 << 10 }},
		),
	)
}

// standardMembers is the number of members of a fixture's token, including the
// one that holds the others.
const standardMembers = 8

// members returns a token with n more members, in an object.
func members(n int) spec {
	many := make(map[string]any)
	for i := range n {
		many[fmt.Sprint(i)] = 0
	}
	return claim("many", many)
}

// clientRoles returns a token with the roles of n clients, as Keycloak writes
// them.
func clientRoles(n int) spec {
	access := make(map[string]any)
	for i := range n {
		access[fmt.Sprintf("client-%d", i)] = map[string]any{"roles": []string{"r"}}
	}
	return claim("resource_access", access)
}

// nest returns n levels of arrays.
func nest(n int) any {
	var v any = strings.Repeat("x", 3)
	for range n {
		v = []any{v}
	}
	return v
}
