package scopes

import "slices"

// maxTerms bounds the work of Implies. Requirements that people write stay far
// below.
const maxTerms = 4096

// Implies reports whether every client that meets r meets o as well, so that r is
// at least as strict. Use it to check a policy; calls need MetBy. It does not
// consider [Set.Wildcards], and returns false for a pair that is too complex to
// decide.
func (r Requirement) Implies(o Requirement) bool {
	if r.level != levelScopes || o.level != levelScopes {
		return r.level <= o.level
	}
	terms, ok := r.expr.terms()
	if !ok {
		return false
	}
	// Both formulas are monotone, so the smallest sets that meet r decide.
	return !slices.ContainsFunc(terms, func(t Set) bool { return !o.MetBy(t) })
}

// terms returns sets of scopes. A Set meets e if and only if it contains one of
// them. ok is false if there are more than maxTerms.
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
