package main

import (
	"context"

	jwkv2 "github.com/lestrrat-go/jwx/v2/jwk"
	jwtv2 "github.com/lestrrat-go/jwx/v2/jwt"
	jwkv3 "github.com/lestrrat-go/jwx/v3/jwk"
	jwtv3 "github.com/lestrrat-go/jwx/v3/jwt"
)

func jwxV3() peer {
	return peer{
		name:   "jwx v3",
		module: "github.com/lestrrat-go/jwx/v3",
		byHand: "scope",
		build: func(t trust) (verify, error) {
			keys, err := jwkv3.Parse(t.keySet)
			if err != nil {
				return nil, err
			}
			options := []jwtv3.ParseOption{
				jwtv3.WithKeySet(keys),
				jwtv3.WithIssuer(issuer),
				jwtv3.WithAudience(audience),
				jwtv3.WithRequiredClaim("exp"),
			}
			return func(_ context.Context, token string) (string, error) {
				parsed, err := jwtv3.ParseString(token, options...)
				if err != nil {
					return "", err
				}
				var scopes string
				if err := parsed.Get("scope", &scopes); err != nil {
					return "", err
				}
				subject, _ := parsed.Subject()
				return subject, hasScope(scopes)
			}, nil
		},
	}
}

func jwxV2() peer {
	return peer{
		name:   "jwx v2",
		module: "github.com/lestrrat-go/jwx/v2",
		byHand: "scope",
		build: func(t trust) (verify, error) {
			keys, err := jwkv2.Parse(t.keySet)
			if err != nil {
				return nil, err
			}
			options := []jwtv2.ParseOption{
				jwtv2.WithKeySet(keys),
				jwtv2.WithIssuer(issuer),
				jwtv2.WithAudience(audience),
				jwtv2.WithRequiredClaim("exp"),
			}
			return func(_ context.Context, token string) (string, error) {
				parsed, err := jwtv2.ParseString(token, options...)
				if err != nil {
					return "", err
				}
				claim, _ := parsed.Get("scope")
				scopes, _ := claim.(string)
				return parsed.Subject(), hasScope(scopes)
			}, nil
		},
	}
}
