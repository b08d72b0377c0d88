package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

// auth0Claims implements the validator's hook for checks of other claims.
type auth0Claims struct {
	Scope string `json:"scope"`
}

func (c *auth0Claims) Validate(context.Context) error { return hasScope(c.Scope) }

func auth0() peer {
	return peer{
		name:   "auth0/go-jwt-middleware v2",
		module: "github.com/auth0/go-jwt-middleware/v2",
		byHand: "that there is an expiry",
		build: func(t trust) (verify, error) {
			validate, err := auth0Validator(t)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, token string) (string, error) {
				result, err := validate(ctx, token)
				if err != nil {
					return "", err
				}
				return result.(*validator.ValidatedClaims).RegisteredClaims.Subject, nil
			}, nil
		},
		http: auth0Guard,
	}
}

func auth0Validator(t trust) (jwtmiddleware.ValidateToken, error) {
	provider := jwks.NewCachingProvider(
		&url.URL{Scheme: "https", Host: "auth.example.com"},
		time.Hour,
		jwks.WithCustomJWKSURI(&url.URL{Scheme: "https", Host: "auth.example.com", Path: "/keys"}),
		jwks.WithCustomClient(&http.Client{Transport: t.transport()}),
	)
	v, err := validator.New(
		provider.KeyFunc,
		validator.SignatureAlgorithm(t.algorithm),
		issuer,
		[]string{audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(auth0Claims) }),
	)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, token string) (any, error) {
		result, err := v.ValidateToken(ctx, token)
		if err != nil {
			return nil, err
		}
		if result.(*validator.ValidatedClaims).RegisteredClaims.Expiry == 0 {
			return nil, errExpiry
		}
		return result, nil
	}, nil
}

// auth0Guard is go-jwt-middleware's own middleware.
func auth0Guard(t trust) (httpGuard, error) {
	validate, err := auth0Validator(t)
	if err != nil {
		return nil, err
	}
	return jwtmiddleware.New(validate).CheckJWT, nil
}
