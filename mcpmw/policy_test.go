package mcpmw_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/mcpmw"
	"github.com/m2mauth/m2mauth/scopes"
)

func TestNewReportsEveryMistake(t *testing.T) {
	need := scopes.All("a")
	for _, tt := range []struct {
		name   string
		policy mcpmw.Policy
		want   string
	}{
		{"no kind", mcpmw.Policy{"delete": need}, `"delete" names nothing`},
		{"another kind", mcpmw.Policy{"tools/delete": need}, `begins with "tools/"`},
		{"no name", mcpmw.Policy{"tool/": need}, `"tool/" names nothing`},
		{"pattern of tools", mcpmw.Policy{"tool/del*": need}, `want the exact name, or "tool/*"`},
		{"pattern of prompts", mcpmw.Policy{"prompt/a*": need}, `want the exact name, or "prompt/*"`},
		{"relative URI", mcpmw.Policy{"resource/a/b": need}, "has no absolute URI"},
		{"template", mcpmw.Policy{"resource/file:///{name}": need}, "is no exact URI"},
		{"pattern of URIs", mcpmw.Policy{"resource/file:///*": need}, "is no exact URI"},
		{"every URI and one", mcpmw.Policy{"resource/*": need, "resource/file:///a": need}, `"resource/file:///a" and "resource/*" can't be combined`},
		{"a method that is free", mcpmw.Policy{"method/ping": need}, "is decided without a key"},
		{"a method that is a list", mcpmw.Policy{"method/tools/list": need}, "is decided without a key"},
		{"a method that names a tool", mcpmw.Policy{"method/tools/call": need}, "is decided without a key"},
		{"pattern of methods", mcpmw.Policy{"method/*": need}, "name each method"},
		{"zero", mcpmw.Policy{"tool/a": {}}, "has the zero Requirement"},
		{"public", mcpmw.Policy{"tool/a": scopes.Public()}, `"tool/a" is Public, but a session needs a verified client`},
	} {
		_, v := m2mtest.Trust(t, nil)
		if _, err := mcpmw.New(v, tt.policy, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want %q", tt.name, err, tt.want)
		}
	}
	_, err := mcpmw.New(nil, mcpmw.Policy{"a": need, "b": need}, nil)
	for _, want := range []string{"the Verifier is nil", `"a" names`, `"b" names`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(nil, two mistakes) = %v, want %q in it", err, want)
		}
	}
}

func TestOperationsAndACopyOfThePolicy(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	policy := mcpmw.Policy{"tool/b": scopes.All("b"), "tool/*": scopes.All("a"), "method/logging/setLevel": scopes.Authenticated()}
	guard := newGuard(t, v, policy, nil)
	policy["tool/c"] = scopes.All("c")
	var names []string
	for name, need := range guard.Operations() {
		if !need.Equal(policy[name]) {
			t.Errorf("Operations()[%q] = %v, want %v", name, need, policy[name])
		}
		names = append(names, name)
	}
	delete(policy, "tool/c")
	if want := slices.Sorted(maps.Keys(policy)); !slices.Equal(names, want) {
		t.Errorf("Operations() = %q, want %q", names, want)
	}
}
