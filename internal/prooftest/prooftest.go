// Package prooftest writes DPoP proofs (RFC 9449 §4.2) by hand, so that any part of
// them can be wrong.
package prooftest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// TB is the part of a testing.TB that a Prover needs. Package testing itself would add
// its flags to the programs that link m2mtest/attack.
type TB interface {
	Helper()
	Fatal(args ...any)
}

// Fields are the members of a JSON object.
type Fields map[string]any

// With returns a copy of f with the members of edit. A nil value removes one.
func (f Fields) With(edit Fields) Fields {
	f = maps.Clone(f)
	maps.Copy(f, edit)
	maps.DeleteFunc(f, func(_ string, v any) bool { return v == nil })
	return f
}

// Prover has a key on P-256.
type Prover struct{ key *ecdsa.PrivateKey }

// New returns a Prover with a key of its own.
func New(t TB) Prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Prover{key}
}

// JWK returns the public key.
func (p Prover) JWK() Fields {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return Fields{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// Thumbprint returns the thumbprint of the key by RFC 7638 §3.2.
func (p Prover) Thumbprint() string {
	jwk := p.JWK()
	return hash(`{"crv":"P-256","kty":"EC","x":"` + jwk["x"].(string) + `","y":"` + jwk["y"].(string) + `"}`)
}

// Header returns the header of a good proof.
func (p Prover) Header() Fields { return Fields{"typ": "dpop+jwt", "alg": "ES256", "jwk": p.JWK()} }

// Claims returns the claims of a good proof, with a "jti" of its own.
func Claims(method, url, token string, issued time.Time) Fields {
	return Fields{"jti": rand.Text(), "htm": method, "htu": url, "iat": issued.Unix(), "ath": hash(token)}
}

// Sign signs a header and claims as they are.
func (p Prover) Sign(t TB, header, claims Fields) string {
	t.Helper()
	return p.SignText(t, text(t, header), text(t, claims))
}

// SignText signs the text of a header and of claims: JSON that Fields can't express,
// or no JSON.
func (p Prover) SignText(t TB, header, claims string) string {
	t.Helper()
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(signature)
}

func text(t TB, f Fields) string {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}
