package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

const (
	projectID = "project-test-benchmarks"
	clientID  = "m2m-client-test-benchmarks"
	issuer    = "stytch.com/" + projectID
	audience  = projectID
	scope     = "reports:read"

	// tokenBytes is the approximate length of the token in all measurements.
	// Shorter ones are padded.
	tokenBytes = 650
)

var algorithms = []string{"RS256", "ES256", "EdDSA"}

// trust holds a service's configuration: whose tokens it accepts, by which keys.
type trust struct {
	algorithm string
	key       *m2mtest.Key
	keySet    []byte // the JWK Set document
	authority *m2mtest.Authority
}

func newTrust(algorithm string) trust {
	key := m2mtest.NewKey(algorithm)
	key.ID = "jwk-test-" + algorithm
	a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: projectID, Key: key, NoServer: true})
	return trust{algorithm, key, must(a.FetchJWKS(context.Background())), a}
}

// token mints a token. A zero spec with the scope added gives the good one.
func (t trust) token(spec m2mtest.TokenSpec) string {
	if spec.ClientID == "" {
		spec.ClientID = clientID
	}
	if spec.IssuedAt.IsZero() {
		// Issued a while ago, like most tokens, so that every peer is past "nbf".
		spec.IssuedAt = time.Now().Add(-10 * time.Minute)
	}
	return t.authority.Token(spec)
}

// good returns the token that every peer must accept, of about tokenBytes.
func (t trust) good() string {
	spec := m2mtest.TokenSpec{Scopes: []string{scope}}
	missing := tokenBytes - len(t.token(spec))
	if text := missing*3/4 - len(`,"tenant":""`); text > 0 {
		spec.Claims = map[string]any{"tenant": strings.Repeat("t", text)}
	}
	return t.token(spec)
}

// transport answers every request with the key set, for peers that fetch it.
func (t trust) transport() http.RoundTripper {
	return roundTrip(func(r *http.Request) *http.Response {
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=3600"}},
			Body:       io.NopCloser(bytes.NewReader(t.keySet)),
			Request:    r,
		}
	})
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// keySet returns the JWK Set document of keys.
func keySet(keys ...*m2mtest.Key) []byte {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.JWK())
	}
	return must(json.Marshal(set))
}

// must panics on an error that only a mistake in the program can cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
