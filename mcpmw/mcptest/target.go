// Package mcptest tests guarded MCP servers over their HTTP endpoint. [Matrix] shows
// which client can call what, and [Attack] tries to call it nevertheless.
package mcptest

import (
	"cmp"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

// T is the part of a *testing.T that this package needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Target names what is tested. Every call has the arguments {} and reaches its tool if it
// is accepted: test servers that were made for the test.
type Target struct {
	// Authority issues the tokens that the endpoint accepts. Required.
	Authority *m2mtest.Authority

	// Handler serves the endpoint, with all of its middleware. Required.
	Handler http.Handler

	// Path is the endpoint's path: "/mcp" if "".
	Path string

	// Operations are what the endpoint requires, from mcpmw.Guard's Operations. Keys
	// with "*" stand for what the endpoint lists.
	Operations iter.Seq2[string, scopes.Requirement]

	// Token describes accepted tokens, scopes excepted: the zero TokenSpec for most.
	Token m2mtest.TokenSpec

	// Other is the ID of a second client that the endpoint accepts: one that Stytch
	// could have issued if "".
	Other string

	// Stateless says that the endpoint keeps no sessions.
	Stateless bool
}

// operation is one tool, prompt or resource, and what it requires.
type operation struct {
	name, method string
	params       string // in JSON
	need         scopes.Requirement
}

// The parts of an operation's name, with the methods that list and call them, the member
// of the list and the one that names the item.
var kinds = []struct{ prefix, list, call, member, name string }{
	{"tool/", "tools/list", "tools/call", "tools", "name"},
	{"prompt/", "prompts/list", "prompts/get", "prompts", "name"},
	{"resource/", "resources/list", "resources/read", "resources", "uri"},
}

// token mints a token of the first client.
func (t *Target) token(granted ...string) string {
	spec := t.Token
	spec.Scopes = granted
	return t.Authority.Token(spec)
}

// otherToken mints a token of the second client.
func (t *Target) otherToken(granted ...string) string {
	spec := t.Token
	spec.ClientID = cmp.Or(t.Other, "m2m-client-test-ffffffff-ffff-4fff-8fff-ffffffffffff")
	spec.Scopes = granted
	return t.Authority.Token(spec)
}

// everyScope returns the scopes that meet every requirement.
func (t *Target) everyScope() (all []string) {
	for _, need := range t.Operations {
		all = append(all, need.Scopes()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// inventory returns what can be called: the keys without "*", and what the endpoint lists
// to a client with every scope.
func (t *Target) inventory() (all []operation) {
	needs := make(map[string]scopes.Requirement)
	names := make(map[string]bool)
	for name, need := range t.Operations {
		needs[name] = need
		if !strings.HasSuffix(name, "/*") && !strings.HasPrefix(name, "method/") {
			names[name] = true
		}
	}
	token := t.token(t.everyScope()...)
	session := t.open(token)
	for _, kind := range kinds {
		for _, item := range t.listed(kind.list, kind.member, kind.name, token, session) {
			names[kind.prefix+item] = true
		}
	}
	for name := range names {
		for _, kind := range kinds {
			item, ok := strings.CutPrefix(name, kind.prefix)
			if !ok {
				continue
			}
			need, exact := needs[name]
			if !exact {
				need = needs[kind.prefix+"*"]
			}
			quoted, _ := json.Marshal(item) // a string: it can't fail
			params := `{"` + kind.name + `":` + string(quoted) + `,"arguments":{}}`
			all = append(all, operation{name, kind.call, params, need})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	return all
}

// listed returns the names in a list.
func (t *Target) listed(method, member, name, token, session string) (names []string) {
	var result map[string]json.RawMessage
	var items []map[string]any
	if json.Unmarshal(t.post(token, session, message(method, "{}")).result, &result) != nil ||
		json.Unmarshal(result[member], &items) != nil {
		return nil
	}
	for _, item := range items {
		if text, ok := item[name].(string); ok {
			names = append(names, text)
		}
	}
	return names
}
