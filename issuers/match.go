package issuers

import (
	"fmt"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// matcher returns the scopes of a token's machine, or an error if the machine may
// not call.
type matcher func(verifier.Client) (scopes.Set, error)

// apply sets Accept and ScopesFrom of iss.
func (match matcher) apply(iss *verifier.Issuer) {
	iss.Accept = func(c verifier.Client) error {
		_, err := match(c)
		return err
	}
	// The verifier calls ScopesFrom first. It returns no error here, so that
	// Accept refuses the token with its own reason.
	iss.ScopesFrom = func(c verifier.Client) (scopes.Set, error) {
		set, err := match(c)
		if err != nil {
			return scopes.Set{}, nil
		}
		return set, nil
	}
}

// unlisted returns the error for a machine that is none of the callers.
func unlisted(what string) error { return fmt.Errorf("%s is none of the callers", what) }

// notMachine returns the error for a token that is not a machine's.
func notMachine(why string) error { return fmt.Errorf("%w: %s", verifier.NotMachine, why) }
