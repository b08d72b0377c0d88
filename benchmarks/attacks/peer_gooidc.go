package main

import (
	"context"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
)

// goOIDC verifies access tokens as if they were ID tokens, which is how it is used for
// them; the header and the scope are read by hand.
func goOIDC(t trust, target *attack.Target) func() {
	ctx := oidc.ClientContext(context.Background(), t.client())
	check := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, "https://auth.example.com/keys"),
		&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}})
	allowed := func(r *http.Request, scope string) error {
		raw, err := bearer(r)
		if err != nil {
			return err
		}
		token, err := check.Verify(r.Context(), raw)
		if err != nil {
			return err
		}
		var claims struct {
			Scope string `json:"scope"`
		}
		if err := token.Claims(&claims); err != nil {
			return err
		}
		return hasScope(claims.Scope, scope)
	}
	target.HTTP = overHTTP
	target.Handler = routes(func(scope string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := allowed(r, scope); err != nil {
					http.Error(w, "refused", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	})
	return nothing
}
