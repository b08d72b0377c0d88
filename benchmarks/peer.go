package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc"
)

// A peer is a way to verify access tokens. Whatever it is, it has to check the
// signature by the key that the token names in a key set, the issuer, the
// audience, the expiry and one scope, and to say who the token stands for.
type peer struct {
	name   string
	module string // where it comes from, and which version is measured; "" for the standard library
	byHand string // the checks that it does not do itself, done by hand after it
	cached bool   // it remembers tokens, and was given this one before

	// build makes it ready: the keys are loaded.
	build func(trust) (verify, error)

	// http and grpc guard a whole request; if nil, the plainest guard around
	// what build makes does. bare peers are not measured in one.
	http func(trust) (httpGuard, error)
	grpc func(trust) (grpc.UnaryServerInterceptor, error)
	bare bool
}

// verify checks a token and returns its subject.
type verify func(ctx context.Context, token string) (subject string, err error)

const (
	// ours is m2mauth at the first sight of a token. When it comes again, the
	// cache may be full, as in a service that has run for a while, or hold
	// next to nothing. The first is dearer, for it notes what is read.
	ours      = "m2mauth"
	cached    = "m2mauth, seen again"
	cachedNew = "m2mauth, seen again, cache nearly empty"

	// The same with the rules of a Stytch project, which ask for more.
	oursStytch   = "m2mauth, stytch.Issuer"
	cachedStytch = "m2mauth, stytch.Issuer, seen again"

	raw = "raw"
)

// peers are all, in the order of the tables. raw comes first: it is what the
// others are measured by, and checks nothing but the signature.
func peers() []peer {
	return []peer{
		rawSignature(),
		m2mauth(), m2mauthCached(), m2mauthCachedNew(), m2mauthStytch(), m2mauthStytchCached(),
		golangJWT(), goJOSE(), goOIDC(), jwxV3(), jwxV2(), auth0(),
	}
}

var errScope = errors.New("the scope is missing")
var errExpiry = errors.New("the expiry is missing")

// hasScope looks a scope up in a "scope" claim, for peers that know no scopes.
func hasScope(claim string) error {
	if slices.Contains(strings.Fields(claim), scope) {
		return nil
	}
	return errScope
}
