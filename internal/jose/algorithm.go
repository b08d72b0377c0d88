package jose

import "strings"

// algorithms are the JWS algorithms that keys can be used with, by canonical
// name (RFC 7518 §3.1, RFC 8037). Neither "none" nor HMAC is among them, nor
// ever will be: with either, whoever can read the key set can sign.
var algorithms = map[string]string{ // to the key type
	"RS256": "RSA", "RS384": "RSA", "RS512": "RSA",
	"PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
	"ES256": "EC", "ES384": "EC", "ES512": "EC",
	"EdDSA": "OKP",
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

// IsSymmetricOrNone reports whether name is an HMAC or "none", in any casing:
// mistakes that deserve a message of their own.
func IsSymmetricOrNone(name string) bool {
	upper := strings.ToUpper(name)
	return upper == "NONE" || strings.HasPrefix(upper, "HS")
}
