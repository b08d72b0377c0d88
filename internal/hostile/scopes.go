package hostile

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// scopes are tokens that are good except for what they grant. There are none
// where any verified client may call.
func (m *maker) scopes() []Credential {
	named := m.Need.Scopes()
	if len(named) == 0 {
		return nil
	}
	each := func(change func(string) string) []string {
		list := slices.Clone(named)
		for i := range list {
			list[i] = change(list[i])
		}
		return list
	}
	instead := func(name string, value any) Credential { return m.claim(name, "scope", value) }
	rows := m.insufficient("none", nil)
	rows = append(rows, m.insufficient("in upper case", each(strings.ToUpper))...)
	rows = append(rows, m.insufficient("with a letter more", each(func(s string) string { return s + "x" }))...)
	rows = append(rows, m.insufficient("with a letter less", each(func(s string) string { return s[:len(s)-1] }))...)
	rows = append(rows, m.insufficient("a bare star", []string{"*", "*:*", ".*"})...)
	for i := range named {
		rows = append(rows, m.insufficient("all but one of those that are named", slices.Delete(slices.Clone(named), i, i+1))...)
	}
	for _, other := range m.Others {
		if len(other.Scopes()) > 0 {
			rows = append(rows, m.insufficient("those of another operation", other.Scopes())...)
		}
	}
	for _, claim := range []string{"scp", "scopes", "roles", "permissions", "Scope"} {
		rows = append(rows, m.changed("in "+claim+", beside an empty scope", func(s *spec) { s.Scopes, s.Claims[claim] = nil, named }))
	}
	all := strings.Join(named, " ")
	return slices.Concat(
		refused(verifier.InsufficientScope, verifier.ScopeMissing, rows...),
		refused(verifier.InsufficientScope, verifier.ScopeMissing,
			instead("claim missing", m2mtest.Absent),
			instead("only spaces", "   "),
			// Scopes are separated by spaces alone (RFC 6749 §3.3), items of a list not at all.
			instead("between tabs", "x\t"+strings.Join(named, "\t")+"\tx"),
			instead("between commas", "x,"+strings.Join(named, ",")+",x"),
			instead("between line feeds", "x\n"+strings.Join(named, "\n")+"\nx"),
			instead("within an item of a list", []string{"x " + all}),
			instead("in items with spaces around", each(func(s string) string { return " " + s + " " })),
			instead("in quoted items", each(func(s string) string { return `"` + s + `"` })),
			m.changed("in scp, beside another scope", func(s *spec) { s.Scopes, s.Claims["scp"] = []string{"x"}, all }),
			m.changed("in Scope, without scope", func(s *spec) { s.Claims["scope"], s.Claims["Scope"] = m2mtest.Absent, all }),
		),
		invalid(verifier.ClaimMalformed,
			instead("a number", 1),
			instead("an object", map[string]any{named[0]: true}),
			instead("a list with a number", []any{named[0], 1}),
			instead("257 of them", strings.Join(append(slices.Repeat([]string{"x"}, 256), named...), " ")),
			instead("257 of them in a list", append(slices.Repeat([]string{"x"}, 256), named...)),
		),
	)
}

// insufficient returns a row with a token of these scopes, or nothing if they
// meet the requirement after all, be it by Stytch's rule of wildcards.
func (m *maker) insufficient(name string, list []string) []Credential {
	set, err := scopes.Parse(strings.Join(list, " "))
	if err != nil || m.Need.MetBy(set.Wildcards()) {
		return nil
	}
	return []Credential{m.changed(name, func(s *spec) { s.Scopes = list })}
}
