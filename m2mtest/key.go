package m2mtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Key signs tokens. [NewKey] returns a valid one. A test can also build one by
// hand, with any mistake. Don't change a Key that is in use.
type Key struct {
	ID        string // "kid"
	Algorithm string // "alg"; also selects how Sign works
	Private   crypto.Signer
}

// NewKey returns a new key for an algorithm of RFC 7518 §3.1, RFC 8037 or RFC 9864:
// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA or
// Ed25519. RSA keys have 2048 bits. It panics on any other name.
func NewKey(alg string) *Key {
	k := &Key{ID: "jwk-test-" + newUUID(), Algorithm: alg}
	var err error
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		k.Private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		k.Private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		k.Private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, k.Private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("unknown algorithm: write RS256, PS256, ES256, EdDSA or a relative of theirs")
	}
	if err != nil {
		panic(fmt.Sprintf("m2mtest: NewKey(%q): %v", alg, err))
	}
	return k
}

// Sign returns the JWS signature (RFC 7515 §5.1) by the key's Algorithm. For
// ECDSA it is r and s concatenated (RFC 7518 §3.4). Sign panics if the private
// key does not fit the Algorithm.
func (k *Key) Sign(signingInput []byte) []byte {
	signature, err := k.sign(signingInput)
	if err != nil {
		panic(fmt.Sprintf("m2mtest: key %q can't sign by %s: %v", k.ID, k.Algorithm, err))
	}
	return signature
}

func (k *Key) sign(input []byte) ([]byte, error) {
	if k.Algorithm == "EdDSA" || k.Algorithm == "Ed25519" {
		return k.Private.Sign(rand.Reader, input, crypto.Hash(0))
	}
	var hash crypto.Hash
	switch {
	case strings.HasSuffix(k.Algorithm, "256"):
		hash = crypto.SHA256
	case strings.HasSuffix(k.Algorithm, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(k.Algorithm, "512"):
		hash = crypto.SHA512
	default:
		return nil, fmt.Errorf("unknown algorithm")
	}
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch k.Algorithm[:2] {
	case "RS":
		return k.Private.Sign(rand.Reader, digest, hash)
	case "PS":
		return k.Private.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	case "ES":
		der, err := k.Private.Sign(rand.Reader, digest, hash)
		if err != nil {
			return nil, err
		}
		return k.fixedSize(der)
	default:
		return nil, fmt.Errorf("unknown algorithm")
	}
}

// fixedSize converts an ECDSA signature from DER to the form of JOSE.
func (k *Key) fixedSize(der []byte) ([]byte, error) {
	public, ok := k.Private.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("not an ECDSA key")
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, err
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}

// JWK returns the public key as a JWK (RFC 7517 §4) with the members that Stytch
// publishes, among them x5c and the non-standard x5tS256. The map is new: a
// test may change it.
func (k *Key) JWK() map[string]any {
	jwk := map[string]any{"use": "sig", "key_ops": []string{"verify"}, "alg": k.Algorithm, "kid": k.ID}
	switch p := k.Private.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = encode(p.N.Bytes())
		jwk["e"] = encode(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		jwk["kty"], jwk["crv"] = "EC", p.Curve.Params().Name
		if point, err := p.Bytes(); err == nil { // 4, x, y
			half := len(point) / 2
			jwk["x"], jwk["y"] = encode(point[1:half+1]), encode(point[half+1:])
		}
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(p)
	}
	if der, err := k.certificate(); err == nil {
		digest := sha256.Sum256(der)
		jwk["x5c"] = []string{base64.StdEncoding.EncodeToString(der)} // RFC 7517 §4.7
		jwk["x5tS256"] = encode(digest[:])
	}
	return jwk
}

// Thumbprint returns the RFC 7638 thumbprint of the public key, with SHA-256 in
// base64url: as revocation.Key wants it.
func (k *Key) Thumbprint() string {
	members := make(map[string]any)
	for name, value := range k.JWK() {
		if slices.Contains([]string{"kty", "crv", "e", "n", "x", "y"}, name) {
			members[name] = value
		}
	}
	text, _ := json.Marshal(members) // sorted, and strings alone: it can't fail
	digest := sha256.Sum256(text)
	return encode(digest[:])
}

// certificate returns a self-signed certificate without expiry. It fails for
// keys that X.509 does not support.
func (k *Key) certificate() ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: k.ID},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	return x509.CreateCertificate(rand.Reader, template, template, k.Private.Public(), k.Private)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
