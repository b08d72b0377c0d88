package issuers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

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

// unlisted returns the error for a machine that is none of the callers. It shows the
// claims that were compared: an operator completes the list of callers by them.
func unlisted(c verifier.Client, what string, claims ...string) error {
	var members map[string]json.RawMessage
	if err := c.Claims(&members); err != nil {
		return err
	}
	shown := make([]string, len(claims))
	for i, name := range claims {
		shown[i] = strconv.Quote(name) + " is " + show(members[name])
	}
	return fmt.Errorf("%s is none of the callers: %s", what, strings.Join(shown, ", "))
}

// show quotes a claim and cuts it at 64 bytes, as package verifier does.
func show(claim json.RawMessage) string {
	const maxQuoted = 64
	var text string
	switch {
	case claim == nil:
		return "missing"
	case json.Unmarshal(claim, &text) != nil || string(claim) == "null":
		return "no text"
	case len(text) > maxQuoted:
		return strconv.QuoteToASCII(text[:maxQuoted]) + "..."
	default:
		return strconv.QuoteToASCII(text)
	}
}

// notMachine returns the error for a token that is not a machine's.
func notMachine(why string) error { return fmt.Errorf("%w: %s", verifier.NotMachine, why) }
