package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	jwtgrpc "github.com/auth0/go-jwt-middleware/v3/integrations/grpc"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// auth0Claims has the scope, as the README's CustomClaims.
type auth0Claims struct {
	Scope string `json:"scope"`

	required string // "" if somebody else checks the scope
}

func (c *auth0Claims) Validate(context.Context) error {
	if c.required == "" {
		return nil
	}
	return hasScope(c.Scope, c.required)
}

func auth0Validator(t trust, scope string) *validator.Validator {
	host := &url.URL{Scheme: "https", Host: "auth.example.com"}
	provider := must(jwks.NewCachingProvider(
		jwks.WithIssuerURL(host),
		jwks.WithCustomJWKSURI(host.JoinPath("keys")),
		jwks.WithCustomClient(t.client()),
	))
	return must(validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.RS256),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
		validator.WithCustomClaims(func() *auth0Claims { return &auth0Claims{required: scope} }),
		validator.WithRegisteredClaimsValidator(func(claims validator.RegisteredClaims) error {
			if claims.Expiry == 0 || claims.Subject == "" { // as the documentation's example
				return errors.New("expiry and subject are required")
			}
			return nil
		}),
	))
}

func auth0HTTP(t trust, target *attack.Target) func() {
	target.HTTP = overHTTP
	target.Handler = routes(func(scope string) func(http.Handler) http.Handler {
		return must(jwtmiddleware.New(jwtmiddleware.WithValidator(auth0Validator(t, scope)))).CheckJWT
	})
	return nothing
}

func auth0GRPC(t trust, target *attack.Target) func() {
	guard := must(jwtgrpc.New(jwtgrpc.WithValidator(auth0Validator(t, ""))))
	conn, stop := serveGRPC(grpc.ChainUnaryInterceptor(guard.UnaryServerInterceptor(), auth0Scopes))
	target.Conn, target.GRPC = conn, overGRPC
	return stop
}

// auth0Scopes checks the scope of the method.
func auth0Scopes(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	claims, err := jwtgrpc.GetClaims[*validator.ValidatedClaims](ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, "no claims")
	}
	if err := hasScope(claims.CustomClaims.(*auth0Claims).Scope, scopeOf[info.FullMethod]); err != nil {
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
	return handler(ctx, req)
}
