// Package revocation will hold lists of revoked tokens. It is not available yet:
// [New] returns an error, and so does verifier.New if its Config has a List. Until
// then, refuse revoked tokens by verifier.Config.Check.
package revocation

import (
	"errors"
	"fmt"
)

// Config configures a List. It has no fields yet.
type Config struct{}

// List selects tokens to refuse. Make one with [New].
type List struct{ _ struct{} }

// New returns an error that wraps [errors.ErrUnsupported], until this package is
// available.
func New(Config) (*List, error) {
	return nil, fmt.Errorf("revocation: %w: lists are not available yet", errors.ErrUnsupported)
}
