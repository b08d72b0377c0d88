package hostile

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// algorithms are tokens whose "alg" is none, unknown, or not that of the key
// (RFC 8725 §2.1, §3.1).
func (m *maker) algorithms() []Credential {
	absurd := map[string]any{
		"none": "none", "None": "None", "NONE": "NONE", "nOnE": "nOnE", "empty": "", "null": nil, "missing": m2mtest.Absent,
		"a number": 1, "a list": []string{m.key.Algorithm},
	}
	others := []string{
		"HS256", "HS384", "HS512", "hs256", "HS256 ", " " + m.key.Algorithm, strings.ToLower(m.key.Algorithm), "RS1", "ES256K",
		"dir", "A128KW", "RSA-OAEP", "PBES2-HS256+A128KW", "RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "EdDSA",
	}
	var unfit []Credential
	for _, alg := range others {
		if alg == m.key.Algorithm || alg == "EdDSA" && m.key.Algorithm == "Ed25519" {
			continue
		}
		unfit = append(unfit, m.member("alg "+alg+", the key's signature", "alg", alg))
		_, isRSA := m.key.Private.(*rsa.PrivateKey)
		if isRSA && slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS512"}, alg) {
			unfit = append(unfit, m.changed("alg "+alg+", a signature of it by a key of another", func(s *spec) {
				s.Key = &m2mtest.Key{ID: m.key.ID, Algorithm: alg, Private: m.key.Private}
			}))
		}
	}
	return slices.Concat(
		invalid(verifier.Malformed, each(absurd, func(name string, alg any) Credential {
			return m.changed("alg "+name+", no signature", func(s *spec) { s.Header["alg"], s.Signature = alg, []byte{} })
		})...),
		invalid(verifier.Algorithm, each(absurd, func(name string, alg any) Credential {
			return m.member("alg "+name+", a good signature", "alg", alg)
		})...),
		invalid(verifier.Algorithm, unfit...),
		invalid(verifier.Algorithm, each(m.publicSecrets(), func(name string, secret []byte) Credential {
			return m.changed("HMAC with "+name, func(s *spec) {
				s.Header["alg"] = "HS256"
				s.Sign = func(input []byte) []byte {
					mac := hmac.New(sha256.New, secret)
					mac.Write(input)
					return mac.Sum(nil)
				}
			})
		})...),
	)
}

// publicSecrets are public texts that a verifier can take for the secret of
// HMAC if the token chooses the algorithm.
func (m *maker) publicSecrets() map[string][]byte {
	secrets := map[string][]byte{"nothing": {}, "the key's ID": []byte(m.key.ID)}
	if jwk, err := json.Marshal(m.key.JWK()); err == nil {
		secrets["the JWK"] = jwk
		secrets["the key set"] = slices.Concat([]byte(`{"keys":[`), jwk, []byte(`]}`))
	}
	if der, err := x509.MarshalPKIXPublicKey(m.key.Private.Public()); err == nil {
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		secrets["the public key, DER"] = der
		secrets["the public key, PEM"] = text
		secrets["the public key, PEM after white space"] = append([]byte(" \n"), text...)
		secrets["the public key, PEM without its last line feed"] = text[:len(text)-1]
	}
	return secrets
}

// headers are tokens whose header names another key, another type, or
// something that a verifier would have to understand.
func (m *maker) headers() []Credential {
	// unpublished names a key that nobody can have published since.
	unpublished := func(name, kid string) Credential {
		return m.changed("kid "+name, func(s *spec) { s.Header["kid"] = kid; m.old(s) })
	}
	brought := m.Foreign.JWK()
	// withKey presents a key beside the signature that it made.
	withKey := func(which string, kid any) []Credential {
		return each(map[string]any{"jwk": brought, "x5c": brought["x5c"], "jku": m.Trap, "x5u": m.Trap},
			func(member string, value any) Credential {
				return m.changed(fmt.Sprintf("%s of a forger's key, %s kid", member, which), func(s *spec) {
					s.Key, s.Header[member], s.Header["kid"] = m.Foreign, value, kid
					m.old(s)
				})
			})
	}
	return slices.Concat(
		invalid(verifier.KeyID,
			m.member("kid a number", "kid", 1),
			m.member("kid null", "kid", nil),
			m.member("kid empty", "kid", ""),
			m.member("kid a list", "kid", []string{m.key.ID}),
			m.member("kid of 257 bytes", "kid", strings.Repeat("k", 257)),
		),
		invalid(verifier.KeyUnknown,
			unpublished("a path", "../../../../../../dev/null"),
			unpublished("a URL", m.Trap),
			unpublished("SQL", "x' UNION SELECT 'x"),
			unpublished("a template", "%s%n{{.}}\x00"),
			unpublished("in another case", strings.ToUpper(m.key.ID)),
			unpublished("with a space", m.key.ID+" "),
		),
		invalid(verifier.KeyUnknown, withKey("its own", m.Foreign.ID)...),
		invalid(verifier.BadSignature, withKey("a published", m.key.ID)...),
		invalid(verifier.BadSignature, withKey("no", m2mtest.Absent)...),
		invalid(verifier.HeaderExtension,
			m.member("crit", "crit", []string{"exp"}),
			m.changed("crit of something unknown", func(s *spec) { s.Header["crit"], s.Header["x"] = []string{"x"}, true }),
			m.member("crit null", "crit", nil),
			m.member("empty crit", "crit", []string{}),
			m.changed("crit of an unencoded payload", func(s *spec) { s.Header["crit"], s.Header["b64"] = []string{"b64"}, false }),
			m.member("b64", "b64", true),
			m.member("b64 false", "b64", false),
			m.member("zip", "zip", "DEF"),
			m.member("enc", "enc", "A256GCM"),
			m.member("cty JWT", "cty", "JWT"),
			m.member("cty application/jwt", "cty", "application/jwt"),
		),
		invalid(verifier.TokenType,
			m.member("typ empty", "typ", ""),
			m.member("typ of a logout token", "typ", "logout+jwt"),
			m.member("typ of an ID token", "typ", "id+jwt"),
			m.member("typ of another media type", "typ", "application/x/JWT"),
			m.member("typ of another tree", "typ", "xpplication/JWT"),
			m.member("typ without a slash", "typ", "application-JWT"),
			m.member("typ application/ alone", "typ", "application/"),
		),
		invalid(verifier.Malformed,
			m.member("typ a number", "typ", 1),
		),
	)
}
