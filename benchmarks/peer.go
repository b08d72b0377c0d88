package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc"
)

// A peer is a way to verify access tokens. Each peer must find the token's key in
// a key set by its ID, verify the signature, check issuer, audience, expiry and
// one scope, and return the subject.
type peer struct {
	name   string
	module string // where it comes from, and which version is measured; "" for the standard library
	byHand string // the checks that it does not do itself, done by hand after it
	cached bool   // it remembers tokens, and was given this one before

	// build returns it with its keys loaded.
	build func(trust) (verify, error)

	// http and grpc guard a whole request; nil means the simplest guard around
	// build's result. bare peers are not measured in a guard.
	http func(trust) (httpGuard, error)
	grpc func(trust) (grpc.UnaryServerInterceptor, error)
	bare bool
}

// verify verifies a token and returns its subject.
type verify func(ctx context.Context, token string) (subject string, err error)

const (
	// ours is m2mauth for a token that it sees first. For a token that it sees
	// again, the cache may be full, as in a service that has run for a while, or
	// nearly empty. The full cache is slower, because it marks what is read.
	ours      = "m2mauth"
	cached    = "m2mauth, seen again"
	cachedNew = "m2mauth, seen again, cache nearly empty"

	// The same with the rules of a Stytch project, which require more.
	oursStytch   = "m2mauth, stytch.Issuer"
	cachedStytch = "m2mauth, stytch.Issuer, seen again"

	raw = "raw"
)

// peers lists all peers in the order of the tables. raw is first: it verifies only
// the signature, and the others are compared with it.
func peers() []peer {
	return []peer{
		rawSignature(),
		m2mauth(), m2mauthCached(), m2mauthCachedNew(), m2mauthStytch(), m2mauthStytchCached(),
		golangJWT(), goJOSE(), goOIDC(), jwxV3(), jwxV2(), auth0(),
	}
}

var errScope = errors.New("the scope is missing")
var errExpiry = errors.New("the expiry is missing")

// hasScope reports whether a "scope" claim holds a scope, for peers without scopes.
func hasScope(claim string) error {
	if slices.Contains(strings.Fields(claim), scope) {
		return nil
	}
	return errScope
}
