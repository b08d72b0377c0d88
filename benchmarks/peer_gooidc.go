package main

import (
	"context"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
)

func goOIDC() peer {
	return peer{
		name:   "go-oidc v3",
		module: "github.com/coreos/go-oidc/v3",
		byHand: "scope",
		build: func(t trust) (verify, error) {
			ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: t.transport()})
			keys := oidc.NewRemoteKeySet(ctx, "https://auth.example.com/keys")
			verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{
				ClientID:             audience,
				SupportedSigningAlgs: []string{t.algorithm},
			})
			check := func(ctx context.Context, token string) (string, error) {
				parsed, err := verifier.Verify(ctx, token)
				if err != nil {
					return "", err
				}
				var claims struct {
					Scope string `json:"scope"`
				}
				if err := parsed.Claims(&claims); err != nil {
					return "", err
				}
				return parsed.Subject, hasScope(claims.Scope)
			}
			_, err := check(ctx, t.good()) // it fetches the keys
			return check, err
		},
	}
}
