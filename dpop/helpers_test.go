package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
)

const (
	token  = "an.access.token"
	origin = "https://api.example.com"
)

var now = time.Unix(1_700_000_000, 0)

// fields are the members of a JSON object.
type fields map[string]any

// with returns a copy of f with the members of edit; a nil value removes one.
func (f fields) with(edit fields) fields {
	f = maps.Clone(f)
	maps.Copy(f, edit)
	maps.DeleteFunc(f, func(_ string, v any) bool { return v == nil })
	return f
}

// prover writes proofs by hand, so that any of their parts can be wrong.
type prover struct{ key *ecdsa.PrivateKey }

func newProver(t testing.TB) prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return prover{key}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p prover) jwk() fields {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return fields{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// jkt computes the thumbprint by RFC 7638 §3.2.
func (p prover) jkt() string {
	jwk := p.jwk()
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + jwk["x"].(string) + `","y":"` + jwk["y"].(string) + `"}`))
	return encode(sum[:])
}

func (p prover) header() fields { return fields{"typ": "dpop+jwt", "alg": "ES256", "jwk": p.jwk()} }

func claims() fields {
	sum := sha256.Sum256([]byte(token))
	return fields{"jti": rand.Text(), "htm": "GET", "htu": origin + "/orders", "iat": now.Unix(), "ath": encode(sum[:])}
}

// sign signs a header and claims as they are.
func (p prover) sign(t testing.TB, header, claims fields) string {
	t.Helper()
	segment := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return encode(b)
	}
	signed := segment(header) + "." + segment(claims)
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

// call returns a call that carries the proofs.
func (p prover) call(proofs ...string) dpop.Call {
	return dpop.Call{Proofs: proofs, Method: "GET", Origin: origin, Path: "/orders", Token: token, Thumbprint: p.jkt(),
		Issuer: "https://issuer.example.com", Client: "client", Now: now}
}

func newChecker(t testing.TB, cfg dpop.Config) *dpop.Checker {
	t.Helper()
	c, err := dpop.NewChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
