package dpop_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

const (
	token  = "an.access.token"
	origin = "https://api.example.com"
)

var now = time.Unix(1_700_000_000, 0)

type fields = prooftest.Fields

func claims() fields { return prooftest.Claims("GET", origin+"/orders", token, now) }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// callOf returns a call that carries the proofs, with a token that is bound to p's
// key.
func callOf(p prooftest.Prover, proofs ...string) dpop.Call {
	return dpop.Call{Proofs: proofs, Method: "GET", Origin: origin, Path: "/orders", Token: token, Thumbprint: p.Thumbprint(),
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

var jsonNull = json.RawMessage("null")

func jsonNumber(literal string) json.RawMessage { return json.RawMessage(literal) }
