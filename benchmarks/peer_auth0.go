package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	jwtgrpc "github.com/auth0/go-jwt-middleware/v3/integrations/grpc"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"google.golang.org/grpc"
)

// auth0Claims implements the validator's hook for checks of other claims.
type auth0Claims struct {
	Scope string `json:"scope"`
}

func (c *auth0Claims) Validate(context.Context) error { return hasScope(c.Scope) }

func auth0() peer {
	return peer{
		name:   "auth0/go-jwt-middleware v3",
		module: "github.com/auth0/go-jwt-middleware/v3",
		byHand: "that there is an expiry",
		build: func(t trust) (verify, error) {
			v, err := auth0Validator(t)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, token string) (string, error) {
				result, err := v.ValidateToken(ctx, token)
				if err != nil {
					return "", err
				}
				return result.(*validator.ValidatedClaims).RegisteredClaims.Subject, nil
			}, nil
		},
		http: auth0HTTP,
		grpc: auth0GRPC,
	}
}

func auth0Validator(t trust) (*validator.Validator, error) {
	provider, err := jwks.NewCachingProvider(
		jwks.WithIssuerURL(&url.URL{Scheme: "https", Host: "auth.example.com"}),
		jwks.WithCustomJWKSURI(&url.URL{Scheme: "https", Host: "auth.example.com", Path: "/keys"}),
		jwks.WithCacheTTL(time.Hour),
		jwks.WithCustomClient(&http.Client{Transport: t.transport()}),
	)
	if err != nil {
		return nil, err
	}
	return validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.SignatureAlgorithm(t.algorithm)),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
		validator.WithCustomClaims(func() *auth0Claims { return new(auth0Claims) }),
		validator.WithRegisteredClaimsValidator(func(claims validator.RegisteredClaims) error {
			if claims.Expiry == 0 {
				return errExpiry
			}
			return nil
		}),
	)
}

// auth0HTTP is go-jwt-middleware's own middleware.
func auth0HTTP(t trust) (httpGuard, error) {
	v, err := auth0Validator(t)
	if err != nil {
		return nil, err
	}
	guard, err := jwtmiddleware.New(jwtmiddleware.WithValidator(v))
	if err != nil {
		return nil, err
	}
	return guard.CheckJWT, nil
}

// auth0GRPC is go-jwt-middleware's own interceptor.
func auth0GRPC(t trust) (grpc.UnaryServerInterceptor, error) {
	v, err := auth0Validator(t)
	if err != nil {
		return nil, err
	}
	guard, err := jwtgrpc.New(jwtgrpc.WithValidator(v))
	if err != nil {
		return nil, err
	}
	return guard.UnaryServerInterceptor(), nil
}
