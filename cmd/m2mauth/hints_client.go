package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hints"
)

// personMark returns a hint if a claim marks the token as a person's, or "".
func (s *subject) personMark() string {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "auth_time"} {
		if _, present := s.shown.claims[name]; present {
			return "it looks like an ID token, because it has the claim " + name + ": send the access token"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.shown.claims)) {
		if strings.HasPrefix(name, "https://stytch.com/") {
			return "it is a person's session token: a machine requests its own with the client-credentials grant"
		}
	}
	return ""
}

func (s *subject) hintMachine() string {
	if mark := s.personMark(); mark != "" {
		return mark
	}
	return hints.Person
}

func (s *subject) hintScopes() string {
	granted := s.decision.Client.Scopes
	if !s.issuer.WildcardScopes && s.need.MetBy(granted.Wildcards()) {
		return "a granted wildcard would cover it, but wildcards are off: if the authority means them, " +
			"set Issuer.WildcardScopes (-wildcards)"
	}
	if name := s.scopesElsewhere(); name != "" {
		return "the scopes are in the claim " + name + ", which is not configured: see Issuer.ScopeClaims"
	}
	for name := range granted.All() {
		for _, wanted := range s.need.Scopes() {
			if strings.EqualFold(name, wanted) {
				return "scopes differ in upper and lower case"
			}
		}
	}
	return "the client was not granted it, or did not request it: a new token for the same client would not change that"
}

// scopesElsewhere returns the name of an unconfigured claim that would meet the
// requirement, or "".
func (s *subject) scopesElsewhere() string {
	if s.issuer.ScopesFrom != nil {
		return ""
	}
	return hints.ScopesElsewhere(s.need, s.shown.claims, s.shown.first(s.issuer.ScopeClaims))
}

// keyID returns the header's kid, or "".
func (s *subject) keyID() (id string) {
	_ = json.Unmarshal(s.shown.header["kid"], &id)
	return id
}
