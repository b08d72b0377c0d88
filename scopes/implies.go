package scopes

import "slices"

// maxTerms bounds what Implies works out. Requirements that people write stay
// far below.
const maxTerms = 4096

// Implies reports whether whoever meets r meets o as well: r is at least as
// strict. It is for checks of a policy, not for calls. Set.Wildcards is not
// considered, and a pair too complex to work out is reported as false.
func (r Requirement) Implies(o Requirement) bool {
	if r.level != levelScopes || o.level != levelScopes {
		return r.level <= o.level
	}
	terms, ok := r.expr.terms()
	if !ok {
		return false
	}
	// Both formulas are monotone, so it is enough to look at the smallest sets
	// that meet r.
	return !slices.ContainsFunc(terms, func(t Set) bool { return !o.MetBy(t) })
}

// terms are sets of scopes such that e is met by exactly those that hold one
// of them whole. It gives up at maxTerms.
func (e *expr) terms() (terms []Set, ok bool) {
	var parts [][]Set
	for _, name := range e.names {
		parts = append(parts, []Set{{names: []string{name}}})
	}
	for _, sub := range e.subs {
		of, ok := sub.terms()
		if !ok {
			return nil, false
		}
		parts = append(parts, of)
	}
	if e.any {
		terms = slices.Concat(parts...)
		return terms, len(terms) <= maxTerms
	}
	terms = []Set{{}}
	for _, part := range parts {
		var next []Set
		for _, a := range terms {
			for _, b := range part {
				if len(next) == maxTerms {
					return nil, false
				}
				next = append(next, newSet(slices.Concat(a.names, b.names)))
			}
		}
		terms = next
	}
	return terms, true
}
