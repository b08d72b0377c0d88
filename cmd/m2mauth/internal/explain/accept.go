package explain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// acceptRules returns the Accept of a list of rules, every one of which must accept
// the token, or every mistake in them. where names the list.
func acceptRules(where string, list []string) (func(verifier.Client) error, error) {
	var all []func(verifier.Client) error
	var errs []error
	for i, text := range list {
		rule := acceptRule(text)
		if rule == nil {
			errs = append(errs, fmt.Errorf("%s, rule %d: not known; -help lists the rules", where, i+1))
			continue
		}
		all = append(all, rule)
	}
	return verifier.AcceptAll(all...), errors.Join(errs...)
}

// acceptRule returns the rule that text describes, or nil. A VALUE may hold spaces.
func acceptRule(text string) func(verifier.Client) error {
	words := strings.Fields(text)
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	// rest returns the text after n words.
	rest := func(n int) string {
		rest := strings.TrimSpace(text)
		for range n {
			_, rest, _ = strings.Cut(rest, " ")
			rest = strings.TrimLeft(rest, " ")
		}
		return rest
	}
	if checkClaimNames("", []string{word(1)}) != nil {
		return nil
	}
	switch n := len(words); {
	case n == 1 && word(0) == "subject-is-client":
		return verifier.SubjectIsClient
	case n == 2 && word(0) == "subject-prefix":
		return verifier.SubjectHasPrefix(word(1))
	case n >= 2 && word(0) == "client-id":
		return verifier.ClientIDIn(words[1:]...)
	case n >= 4 && word(0) == "claim" && word(2) == "equals":
		return verifier.ClaimEquals(word(1), rest(3))
	case n >= 4 && word(0) == "claim" && word(2) == "contains":
		return verifier.ClaimContains(word(1), rest(3))
	case n == 3 && word(0) == "claim" && word(2) == "absent":
		return verifier.ClaimAbsent(word(1))
	case n == 3 && word(0) == "claim-prefix" && word(2) == "absent":
		return verifier.ClaimPrefixAbsent(word(1))
	}
	return nil
}
