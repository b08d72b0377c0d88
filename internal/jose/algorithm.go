package jose

import (
	"crypto"
	"strings"
)

// algorithm describes a signature algorithm.
type algorithm struct {
	keyType string
	hash    crypto.Hash // 0 for EdDSA, which hashes by itself
	pss     bool
}

// Key types, as "kty" names them (RFC 7518 §6.1, RFC 8037 §2).
const (
	keyRSA = "RSA"
	keyEC  = "EC"
	keyOKP = "OKP"
)

// algorithms lists the JWS algorithms that keys can be used with, by canonical
// name (RFC 7518 §3.1, RFC 8037). "none" and HMAC must never be added: every
// reader of the key set could then sign.
var algorithms = map[string]algorithm{
	"RS256": {keyRSA, crypto.SHA256, false},
	"RS384": {keyRSA, crypto.SHA384, false},
	"RS512": {keyRSA, crypto.SHA512, false},
	"PS256": {keyRSA, crypto.SHA256, true},
	"PS384": {keyRSA, crypto.SHA384, true},
	"PS512": {keyRSA, crypto.SHA512, true},
	"ES256": {keyEC, crypto.SHA256, false},
	"ES384": {keyEC, crypto.SHA384, false},
	"ES512": {keyEC, crypto.SHA512, false},
	"EdDSA": {keyType: keyOKP},
}

// CanonicalAlgorithm returns the name of an algorithm that this package uses:
// "EdDSA" (RFC 8037) for "Ed25519" (RFC 9864), and every other name unchanged. ok
// is false for an algorithm that no token may have.
func CanonicalAlgorithm(name string) (canonical string, ok bool) {
	if name == "Ed25519" {
		name = "EdDSA"
	}
	_, ok = algorithms[name]
	return name, ok
}

// IsRSA reports whether an algorithm takes an RSA key.
func IsRSA(name string) bool { return algorithms[name].keyType == keyRSA }

// IsSymmetricOrNone reports whether name is an HMAC or "none", in any case.
// Configuration errors name these mistakes.
func IsSymmetricOrNone(name string) bool {
	upper := strings.ToUpper(name)
	return upper == "NONE" || strings.HasPrefix(upper, "HS")
}
