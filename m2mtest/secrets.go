package m2mtest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

// secretHash is the stored form of a secret. The zero secretHash matches no
// secret, and takes the same time to compare.
//
// SHA-256 suffices for random secrets. For imported ones, a production
// authority would need a slow hash.
type secretHash struct {
	salt, sum [sha256.Size]byte
	set       bool
}

func hashSecret(secret string) secretHash {
	h := secretHash{set: true}
	rand.Read(h.salt[:])
	h.sum = h.digest(secret)
	return h
}

func (h *secretHash) digest(secret string) [sha256.Size]byte {
	return sha256.Sum256(append(h.salt[:], secret...))
}

func (h *secretHash) matches(secret string) bool {
	sum := h.digest(secret)
	return subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1 && h.set
}

// equal compares two secrets in constant time, their lengths included.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

const minSecretLength = 8

// guessable reports whether an imported secret is easy to guess: short, a
// common word, its client's ID, or mostly repetition and runs like "12345678".
func guessable(secret, clientID string) bool {
	if len(secret) < minSecretLength {
		return true
	}
	rest := strings.ToLower(secret)
	if len(clientID) >= 4 { // a shorter one would only break the words below
		rest = strings.ReplaceAll(rest, strings.ToLower(clientID), "")
	}
	for _, word := range []string{
		"password", "passwort", "secret", "qwerty", "asdfgh", "letmein", "welcome",
		"changeme", "admin", "client", "test", "abc123", "p@ssw0rd", "passw0rd",
	} {
		rest = strings.ReplaceAll(rest, word, "")
	}
	// Count the characters that neither repeat nor continue the one before.
	surprises, step := 0, 0
	seen := map[byte]bool{}
	for i := range len(rest) {
		next := 2 // no run
		if i > 0 {
			next = int(rest[i]) - int(rest[i-1])
		}
		run := next == 0 || (next == 1 || next == -1) && (next == step || i == 1)
		if !run && !seen[rest[i]] {
			surprises++
		}
		seen[rest[i]] = true
		step = next
	}
	return surprises < 5
}
