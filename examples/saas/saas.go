package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
	"github.com/m2mauth/m2mauth/verifier"
)

var permitted = []string{"read:reports", "write:reports"} // to the customers' machines

// claimsTemplate is the custom claims template of the project: the owner becomes a claim.
const claimsTemplate = `{"tenant_id": {{ client.trusted_metadata.tenant_id }} }`

// newSaaS returns everything that the SaaS serves at url. It panics if something is
// misconfigured.
func newSaaS(url, file string, log *slog.Logger) (handler http.Handler, stop func()) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{ClaimsTemplate: claimsTemplate}) // plays Stytch
	id, base := authority.ProjectID(), authority.URL()                                  // at Stytch: the project's ID, and no URL
	store := openIndex(file)
	registry := must(tenants.New(tenants.Config{
		API:   must(stytch.New(id, stytch.NewSecret(authority.Secret()), &stytch.Options{BaseURL: base})),
		Store: store, Scopes: permitted, MaxClients: 10,
		Observe: func(_ context.Context, e tenants.Event) { log.Info("account", "event", e) },
	}))
	keys := must(gateway.NewKeySet(id, &gateway.KeySetOptions{BaseURL: base}))
	v := must(verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})) // at Stytch: stytch.Issuer
	mux := must(httpmw.NewMux(must(httpmw.New(v, nil))))
	mux.Handle("/account/", scopes.Public(), account(registry)) // has sessions instead of tokens
	mux.Handle("/oauth2/token", scopes.Public(),
		must(gateway.NewTokenEndpoint(id, &gateway.TokenEndpointOptions{BaseURL: base, KeySet: keys})))
	mux.Handle("/.well-known/jwks.json", scopes.Public(), keys)
	mux.Handle(gateway.MetadataPath, scopes.Public(), must(gateway.Metadata{
		Issuer: url, TokenEndpoint: url + "/oauth2/token", KeySet: url + "/.well-known/jwks.json", Scopes: permitted,
	}.Handler()))
	mux.HandleFunc("GET /v1/reports", scopes.All("read:reports"), reports)
	return must[http.Handler](mux, mux.CheckCoverage()), func() { v.Close(); store.db.Close(); authority.Close() }
}

// reports is the API for machines. The tenant is in the token, and never in the request.
func reports(w http.ResponseWriter, r *http.Request) {
	client, _ := verifier.ClientFromContext(r.Context())
	var claims struct {
		Tenant string `json:"tenant_id"`
	}
	if client.Claims(&claims) != nil || claims.Tenant == "" {
		http.Error(w, "the client belongs to no customer", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "reports of %s\n", claims.Tenant)
}

// must panics for a mistake that ends the program when it starts.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
