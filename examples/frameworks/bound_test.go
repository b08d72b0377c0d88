package frameworks

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestRecipesProofs attacks each framework's routes with tokens that are bound to a DPoP
// key: the recipe tells the verifier the proof, and what it must name.
func TestRecipesProofs(t *testing.T) {
	const origin = "https://api.example.com"
	for name, build := range recipes {
		t.Run(name, func(t *testing.T) {
			authority := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256")})
			defer authority.Close()
			proofs, err := dpop.NewChecker(dpop.Config{})
			if err != nil {
				t.Fatal(err)
			}
			issuer := authority.Issuer()
			issuer.RequireBound = true
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: proofs})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			guard, err := httpmw.New(v, &httpmw.Options{Origin: origin})
			if err != nil {
				t.Fatal(err)
			}
			r := build(fiberGuard{v, guard, origin})
			list, _ := operations(r.routes, policy)
			attack.Run(t, attack.Target{Authority: authority, Handler: r.handler, HTTP: list, HTTPOrigin: origin, Skip: func(name string) bool {
				return r.wire && slices.Contains(trimmed, name)
			}})
		})
	}
}

// TestRecipesCertificates calls each framework over mutual TLS: a token that is bound to
// a certificate is accepted from its holder alone (RFC 8705).
func TestRecipesCertificates(t *testing.T) {
	service, mine, other := tlstest.New(t), tlstest.New(t), tlstest.New(t)
	for name, build := range recipes {
		t.Run(name, func(t *testing.T) {
			authority, v := m2mtest.Trust(t, nil)
			guard, err := httpmw.New(v, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := build(fiberGuard{v, guard, ""})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if r.serve == nil {
				r.serve = (&http.Server{Handler: r.handler}).Serve
			}
			go r.serve(tls.NewListener(l, service.ServerConfig()))

			token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"orders:read"}, Claims: map[string]any{
				"cnf": map[string]any{"x5t#S256": mine.Thumbprint()},
			}})
			for _, tt := range []struct {
				name string
				own  *tlstest.Pair
				want int
			}{{"its certificate", &mine, 200}, {"another", &other, 401}, {"none", nil, 401}} {
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: service.ClientConfig(tt.own), DisableKeepAlives: true}}
				request, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+l.Addr().String()+"/orders", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Authorization", "Bearer "+token)
				res, err := client.Do(request)
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					continue
				}
				res.Body.Close()
				if res.StatusCode != tt.want {
					t.Errorf("GET /orders with %s = %d, want %d", tt.name, res.StatusCode, tt.want)
				}
			}
		})
	}
}
