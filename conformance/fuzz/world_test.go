// Package fuzz tests the parsers with arbitrary bytes: the credential of a call,
// tokens, JSON, the headers of a key set's response, the names of a policy. It
// contains only tests, and they use exported names. Fuzz tests of unexported names
// are in the packages themselves.
package fuzz

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
)

var (
	now = time.Unix(1_800_000_000, 0)
	key = &m2mtest.Key{ID: "ed", Algorithm: "EdDSA", Private: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
)

// guard returns a Verifier with a constant clock and without a cache, so that each
// input is decided on its own.
var guard = sync.OnceValue(func() *verifier.Verifier {
	jwk := key.JWK()
	delete(jwk, "x5c")
	keySet := must(json.Marshal(map[string]any{"keys": []any{jwk}}))
	v := must(verifier.New(verifier.Config{
		CacheSize: -1,
		Now:       func() time.Time { return now },
		Issuers: []verifier.Issuer{{
			Name:      issuer,
			Audiences: []string{audience},
			FetchJWKS: func(context.Context) ([]byte, error) { return keySet, nil },
		}},
	}))
	if err := v.Ready(context.Background()); err != nil {
		panic(err)
	}
	return v
})

const (
	goodHeader = `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`
	goodClaims = `{"iss":"https://issuer.example","aud":"https://api.example","sub":"m","client_id":"m","exp":1800000600,"nbf":1799999999.5,"iat":1799999999,"jti":"1","scope":"a b:c"}`
)

// sign returns a compact JWS of any two texts.
func sign(header, payload string) string {
	signed := encode(header) + "." + encode(payload)
	return signed + "." + encode(string(key.Sign([]byte(signed))))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// refusal returns err as a *verifier.Error, and fails if it is another error or is too
// long.
func refusal(t *testing.T, err error) *verifier.Error {
	t.Helper()
	e, ok := errors.AsType[*verifier.Error](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	if e.Code == 0 || e.Reason == "" || len(e.Error()) > 1024 {
		t.Errorf("code %d, reason %q, %d bytes", e.Code, e.Reason, len(e.Error()))
	}
	return e
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
