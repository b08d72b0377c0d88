// Package dpop will verify and sign proofs of possession (RFC 9449). It is not
// available yet: [NewChecker] returns an error, and so does verifier.New if its
// Config has a Checker. Tokens that are bound to a DPoP key are refused as Bound.
package dpop

import (
	"errors"
	"fmt"
)

// Config configures a Checker. It has no fields yet.
type Config struct{}

// Checker verifies proofs. Make one with [NewChecker].
type Checker struct{ _ struct{} }

// NewChecker returns an error that wraps [errors.ErrUnsupported], until this
// package is available.
func NewChecker(Config) (*Checker, error) {
	return nil, fmt.Errorf("dpop: %w: proofs are not verified yet", errors.ErrUnsupported)
}
