package hints

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// forScopes returns the hint for a client whose scopes do not meet need. claims
// are those of its token. No value of a claim is in the hint.
func forScopes(granted scopes.Set, need scopes.Requirement, claims map[string]json.RawMessage) string {
	if need.MetBy(granted.Wildcards()) {
		return "a granted wildcard would cover it, but wildcards are off: if the authority means them, set Issuer.WildcardScopes"
	}
	if name := ScopesElsewhere(need, claims); name != "" {
		return "the token has it in the claim " + name + ": Issuer.ScopeClaims does not list that, or ScopesFrom or ScopeLimit leaves it out"
	}
	for name := range granted.All() {
		for _, wanted := range need.Scopes() {
			if strings.EqualFold(name, wanted) {
				return "scopes differ in upper and lower case: write the requirement as the authority does"
			}
		}
	}
	return Usual(verifier.ScopeMissing)
}

// ScopesElsewhere returns the name of a common claim for scopes that would meet
// need, or "". It looks at none of the names in except.
func ScopesElsewhere(need scopes.Requirement, claims map[string]json.RawMessage, except ...string) string {
	for _, name := range []string{"scope", "scp", "scopes", "permissions", "roles", "groups"} {
		raw, present := claims[name]
		if !present || slices.Contains(except, name) {
			continue
		}
		var list []string
		var text string
		var set scopes.Set
		var err error
		switch {
		case json.Unmarshal(raw, &list) == nil:
			set, err = scopes.ParseList(list)
		case json.Unmarshal(raw, &text) == nil:
			set, err = scopes.Parse(text)
		}
		if err == nil && set.Len() > 0 && need.MetBy(set) {
			return name
		}
	}
	return ""
}
