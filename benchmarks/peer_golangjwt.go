package main

import (
	"context"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

type golangJWTClaims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

// golangJWT is golang-jwt with keyfunc, which fetches the key set.
func golangJWT() peer {
	return peer{
		name:   "golang-jwt v5 + keyfunc v3",
		module: "github.com/golang-jwt/jwt/v5",
		byHand: "scope",
		build: func(t trust) (verify, error) {
			keys, err := keyfunc.NewJWKSetJSON(t.keySet)
			if err != nil {
				return nil, err
			}
			parser := jwt.NewParser(
				jwt.WithValidMethods([]string{t.algorithm}),
				jwt.WithIssuer(issuer),
				jwt.WithAudience(audience),
				jwt.WithExpirationRequired(),
			)
			return func(_ context.Context, token string) (string, error) {
				var claims golangJWTClaims
				if _, err := parser.ParseWithClaims(token, &claims, keys.Keyfunc); err != nil {
					return "", err
				}
				return claims.Subject, hasScope(claims.Scope)
			}, nil
		},
	}
}
