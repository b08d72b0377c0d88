package main

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
)

var need = scopes.All(scope)

const (
	noCache      = -1
	defaultCache = 0
	fewTokens    = 256
)

// m2mauth is this module for tokens that it has not seen before.
func m2mauth() peer {
	return own(ours, func(t trust) (*verifier.Verifier, error) { return ready(t.config(noCache)) })
}

// m2mauthCached is this module for a token that it has seen before.
func m2mauthCached() peer {
	p := own(cached, func(t trust) (*verifier.Verifier, error) { return t.filled(t.config(fewTokens)) })
	p.cached = true
	return p
}

func m2mauthCachedNew() peer {
	p := own(cachedNew, func(t trust) (*verifier.Verifier, error) { return ready(t.config(defaultCache)) })
	p.cached = true
	return p
}

// m2mauthStytch is this module with the further checks of stytch.Issuer: the token
// is a machine's, and has no claim of a person's session.
func m2mauthStytch() peer {
	p := own(oursStytch, func(t trust) (*verifier.Verifier, error) { return ready(t.stytchConfig(noCache)) })
	p.bare = true
	return p
}

func m2mauthStytchCached() peer {
	p := own(cachedStytch, func(t trust) (*verifier.Verifier, error) { return t.filled(t.stytchConfig(fewTokens)) })
	p.cached, p.bare = true, true
	return p
}

func own(name string, open func(trust) (*verifier.Verifier, error)) peer {
	return peer{
		name: name,
		build: func(t trust) (verify, error) {
			v, err := open(t)
			return ownVerify(v), err
		},
		http: func(t trust) (httpGuard, error) {
			v, err := open(t)
			if err != nil {
				return nil, err
			}
			guard, err := httpmw.New(v, nil)
			return guard.Require(need), err
		},
		grpc: func(t trust) (grpc.UnaryServerInterceptor, error) {
			v, err := open(t)
			if err != nil {
				return nil, err
			}
			guard, err := grpcmw.New(v, grpcmw.Policy{grpcMethod: need, healthMethod: need}, nil)
			return guard.Unary(), err
		},
	}
}

// config returns a Config that trusts the issuer of t and has defaults otherwise.
func (t trust) config(cacheSize int) verifier.Config {
	return verifier.Config{
		Issuers: []verifier.Issuer{{
			Name:           issuer,
			Audiences:      []string{audience},
			FetchJWKS:      t.authority.FetchJWKS,
			Algorithms:     []string{t.algorithm},
			ClientIDClaims: []string{"sub"},
			Accept:         verifier.SubjectHasPrefix("m2m-client-"),
		}},
		CacheSize: cacheSize,
	}
}

func (t trust) stytchConfig(cacheSize int) verifier.Config {
	cfg := t.config(cacheSize)
	iss := must(stytch.Issuer(projectID, nil))
	iss.JWKSURL, iss.FetchJWKS = "", t.authority.FetchJWKS
	iss.Algorithms = []string{t.algorithm}
	cfg.Issuers = []verifier.Issuer{iss}
	return cfg
}

// ready returns a Verifier that has its keys. It is never closed, and lives as long
// as the program.
func ready(cfg verifier.Config) (*verifier.Verifier, error) {
	v, err := verifier.New(cfg)
	if err != nil {
		return nil, err
	}
	return v, v.Ready(context.Background())
}

// filled returns a Verifier whose cache is full of other clients' tokens.
func (t trust) filled(cfg verifier.Config) (*verifier.Verifier, error) {
	v, err := ready(cfg)
	if err != nil {
		return nil, err
	}
	for n := range 2 * cfg.CacheSize {
		other := t.token(m2mtest.TokenSpec{ClientID: fmt.Sprintf("%s-%d", clientID, n), Scopes: []string{scope}})
		if _, err := v.Verify(context.Background(), other); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func ownVerify(v *verifier.Verifier) verify {
	return func(ctx context.Context, token string) (string, error) {
		client, err := v.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		if !need.MetBy(client.Scopes) {
			return "", errScope
		}
		return client.Subject, nil
	}
}
