package issuers

import (
	"fmt"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// matcher finds what the machine behind a token may do, or says why it may
// not call.
type matcher func(verifier.Client) (scopes.Set, error)

// apply makes the matcher an issuer's rule.
func (match matcher) apply(iss *verifier.Issuer) {
	iss.Accept = func(c verifier.Client) error {
		_, err := match(c)
		return err
	}
	// The scopes are asked for first. Whoever has none here is refused by
	// Accept, with its reason.
	iss.ScopesFrom = func(c verifier.Client) (scopes.Set, error) {
		set, err := match(c)
		if err != nil {
			return scopes.Set{}, nil
		}
		return set, nil
	}
}

// unlisted refuses a machine that is none of the callers.
func unlisted(what string) error { return fmt.Errorf("%s is none of the callers", what) }

// notMachine refuses a token that is not a machine's, and says why.
func notMachine(why string) error { return fmt.Errorf("%w: %s", verifier.NotMachine, why) }
