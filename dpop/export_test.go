package dpop

import "crypto/sha256"

// Remember records a use without a proof, for the benchmark of the memory.
func (c *Checker) Remember(key, jti string) {
	_, _ = c.memory.seen(sha256.Sum256([]byte(key+jti)), "client")
}

// KnownHeaders returns how many headers are remembered with their keys.
func (c *Checker) KnownHeaders() int { return c.keys.Len() }

// SameTarget is for fuzzing.
var SameTarget = sameTarget
