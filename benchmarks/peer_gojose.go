package main

import (
	"context"
	"encoding/json"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

type goJOSEClaims struct {
	jwt.Claims
	Scope string `json:"scope"`
}

func goJOSE() peer {
	return peer{
		name:   "go-jose v4",
		module: "github.com/go-jose/go-jose/v4",
		byHand: "that there is an expiry, scope",
		build: func(t trust) (verify, error) {
			var keys jose.JSONWebKeySet
			if err := json.Unmarshal(t.keySet, &keys); err != nil {
				return nil, err
			}
			algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.algorithm)}
			expected := jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}}
			return func(_ context.Context, token string) (string, error) {
				parsed, err := jwt.ParseSigned(token, algorithms)
				if err != nil {
					return "", err
				}
				var claims goJOSEClaims
				if err := parsed.Claims(&keys, &claims); err != nil {
					return "", err
				}
				if err := claims.Validate(expected); err != nil {
					return "", err
				}
				if claims.Expiry == nil {
					return "", errExpiry
				}
				return claims.Subject, hasScope(claims.Scope)
			}, nil
		},
	}
}
