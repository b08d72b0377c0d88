package jose

import (
	"crypto"
	"strings"
)

// algorithm is what a signature algorithm needs.
type algorithm struct {
	keyType string
	hash    crypto.Hash // none for EdDSA, which hashes by itself
	pss     bool
}

// Key types, as "kty" names them (RFC 7518 §6.1, RFC 8037 §2).
const (
	keyRSA = "RSA"
	keyEC  = "EC"
	keyOKP = "OKP"
)

// algorithms are the JWS algorithms that keys can be used with, by canonical
// name (RFC 7518 §3.1, RFC 8037). Neither "none" nor HMAC is among them, nor
// ever will be: with either, whoever can read the key set can sign.
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

// CanonicalAlgorithm maps both names of EdDSA over Curve25519 to one: "EdDSA",
// of RFC 8037, and "Ed25519", of RFC 9864. It reports false for an algorithm
// that no token may have.
func CanonicalAlgorithm(name string) (string, bool) {
	if name == "Ed25519" {
		name = "EdDSA"
	}
	_, ok := algorithms[name]
	return name, ok
}

// IsRSA reports whether an algorithm takes an RSA key.
func IsRSA(name string) bool { return algorithms[name].keyType == keyRSA }

// IsSymmetricOrNone reports whether name is an HMAC or "none", in any casing:
// mistakes that deserve a message of their own.
func IsSymmetricOrNone(name string) bool {
	upper := strings.ToUpper(name)
	return upper == "NONE" || strings.HasPrefix(upper, "HS")
}
