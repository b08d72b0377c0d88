package authorities_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
)

// credential authenticates one client of the matrix.
type credential struct {
	name     string // the row
	clientID string
	method   string // token_endpoint_auth_method

	secret string
	key    crypto.Signer
	alg    string // of the key
	handed bool   // the client is handed finished assertions, and has no key itself
	cert   *tls.Certificate
	proof  crypto.Signer // P-256: proves possession by DPoP
}

// bound reports whether the credential's tokens are bound to a certificate.
func (c credential) bound() bool { return c.cert != nil }

// credentials returns one credential of each kind.
func credentials(t *testing.T, ca *authorities.CA) []credential {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, selfSigned := ca.Client("worker.example.com"), ca.SelfSigned("worker.example.com")
	plain := strings.Repeat("s3cret-", 6)
	all := []credential{
		{name: "client_secret_basic", method: "client_secret_basic", secret: plain},
		{name: "client_secret_basic, odd characters", method: "client_secret_basic", secret: `a+b/c=:d %41&"e\f~` + plain, clientID: "odd+id:with/%41"},
		{name: "client_secret_post", method: "client_secret_post", secret: plain},
		{name: "client_secret_post, odd characters", method: "client_secret_post", secret: `a+b/c=:d %41&"e\f~` + plain},
		{name: "client_secret_basic and DPoP", method: "client_secret_basic", secret: plain, proof: newECKey(t)},
		{name: "private_key_jwt RS256", method: "private_key_jwt", key: rsaKey, alg: "RS256"},
		{name: "private_key_jwt PS256", method: "private_key_jwt", key: rsaKey, alg: "PS256"},
		{name: "private_key_jwt ES256", method: "private_key_jwt", key: newECKey(t), alg: "ES256"},
		{name: "private_key_jwt EdDSA", method: "private_key_jwt", key: edKey, alg: "EdDSA"},
		{name: "private_key_jwt ES256 and DPoP", method: "private_key_jwt", key: newECKey(t), alg: "ES256", proof: newECKey(t)},
		{name: "an assertion of the workload's", method: "private_key_jwt", key: newECKey(t), alg: "ES256", handed: true},
		{name: "tls_client_auth", method: "tls_client_auth", cert: &signed},
		{name: "self_signed_tls_client_auth", method: "self_signed_tls_client_auth", cert: &selfSigned},
	}
	for i := range all {
		if all[i].clientID == "" {
			all[i].clientID = strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(all[i].name)
		}
	}
	return all
}

// wrong returns the credential with another secret, key or certificate of the same
// kind, which no authority has registered.
func (c credential) wrong(t *testing.T, ca *authorities.CA) credential {
	t.Helper()
	switch {
	case c.secret != "":
		c.secret += "x"
	case c.alg == "RS256" || c.alg == "PS256":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		c.key = key
	case c.alg == "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.key = key
	case c.key != nil:
		c.key = newECKey(t)
	case c.method == "tls_client_auth":
		other := ca.Client("other.example.com")
		c.cert = &other
	default:
		other := ca.SelfSigned("worker.example.com")
		c.cert = &other
	}
	return c
}

// metadata returns what an authority has to know of the client (RFC 7591 §2).
func (c credential) metadata(t *testing.T) map[string]any {
	t.Helper()
	m := map[string]any{"token_endpoint_auth_method": c.method, "scope": "read:users write:users"}
	switch {
	case c.secret != "":
		m["client_secret"] = c.secret
	case c.key != nil:
		m["jwks"] = keySet(publicJWK(t, c.key.Public(), c.alg))
		m["token_endpoint_auth_signing_alg"] = c.alg
	case c.method == "tls_client_auth":
		m["tls_client_auth_san_dns"] = c.cert.Leaf.DNSNames[0]
	default:
		jwk := publicJWK(t, c.cert.Leaf.PublicKey, "ES256")
		jwk["x5c"] = []string{base64.StdEncoding.EncodeToString(c.cert.Leaf.Raw)}
		m["jwks"] = keySet(jwk)
	}
	if c.cert != nil {
		m["tls_client_certificate_bound_access_tokens"] = true
	}
	if c.proof != nil {
		m["dpop_bound_access_tokens"] = true
	}
	return m
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keyFor returns a new key for an algorithm: ES256, EdDSA or RS256.
func keyFor(t *testing.T, algorithm string) crypto.Signer {
	t.Helper()
	switch algorithm {
	case "ES256":
		return newECKey(t)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keySet(keys ...map[string]any) map[string]any { return map[string]any{"keys": keys} }

// publicJWK returns key as a JWK (RFC 7517, RFC 8037), with a "kid" unless alg is "".
func publicJWK(t *testing.T, key crypto.PublicKey, alg string) map[string]any {
	t.Helper()
	var jwk map[string]any
	switch key := key.(type) {
	case *rsa.PublicKey:
		jwk = map[string]any{"kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, x, y
		if err != nil {
			t.Fatal(err)
		}
		half := (len(point) - 1) / 2
		jwk = map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
	case ed25519.PublicKey:
		jwk = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(key)}
	default:
		t.Fatalf("publicJWK(%T)", key)
	}
	if alg != "" {
		jwk["alg"], jwk["use"], jwk["kid"] = alg, "sig", keyID(t, key)
	}
	return jwk
}

func keyID(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return b64(sum[:9])
}

// signJWT returns a JWS of the claims by the standard library alone, so that the
// control owes nothing to what is under test.
func signJWT(t *testing.T, key crypto.Signer, header, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b64(text)
	}
	input := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	switch header["alg"] {
	case "RS256":
		sig, err = key.Sign(rand.Reader, sum[:], crypto.SHA256)
	case "PS256":
		sig, err = key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case "ES256":
		r, s, failed := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), sum[:])
		if err = failed; err == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case "EdDSA":
		sig, err = key.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	default:
		t.Fatalf("signJWT: alg %v", header["alg"])
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(sig)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
