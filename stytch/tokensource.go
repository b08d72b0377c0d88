package stytch

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Credentials authenticate a machine at the token endpoint.
type Credentials struct {
	ClientID     string
	ClientSecret Secret
}

// TokenSourceOptions are the optional parts of a [TokenSource]. The zero value is the
// default.
type TokenSourceOptions struct {
	// TokenURL is the token endpoint, such as that of a custom domain, of a SaaS
	// (package gateway) or of a local authority. It must be https, or http on
	// loopback. If it is "", the project's endpoint at Stytch is used.
	TokenURL string

	// Scopes are the requested scopes. If empty, the token has all scopes of the
	// machine.
	Scopes []string

	// Transport sends the requests. If nil, the source uses a copy of
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout limits one request, and one call of credentials: 10 s if zero.
	Timeout time.Duration

	// RefreshAhead is the time between the replacement of a token and its expiry: a
	// fifth of its lifetime if zero. It is at most half of the lifetime.
	RefreshAhead time.Duration

	// Observe, if set, is called after every fetch, with nil if it succeeded. It
	// reports failures that Token hides while an older token is valid. It runs on
	// the source's goroutine and delays the next fetch. A panic in it is recovered.
	Observe func(error)
}

// TokenSource returns a source of tokens for a machine that makes calls. Pass it to
// [oauth2.NewClient] or google.golang.org/grpc/credentials/oauth. opts may be nil.
// The error reports every mistake in the arguments. The source is safe for
// concurrent use.
//
// credentials is called for each fetch, and again if the authority refuses them. A
// rotated secret is therefore used without a restart, as soon as credentials returns
// it. credentials must return when its context ends.
//
// The first call of Token fetches the first token and waits for it. Later tokens are
// fetched in the background before the current one expires, if Token was called since
// the last fetch. An unused source makes no requests. At most one fetch runs at a
// time, and concurrent calls of Token wait for the same one.
//
// While the authority fails, Token returns the current token until it expires.
// Fetches are repeated with growing pauses of up to a minute, or of up to five minutes
// if Retry-After requests it. Without a valid token, Token fails at once during such a
// pause.
//
// An error of Token wraps an [*oauth2.RetrieveError] if the authority responded. It
// holds the status, Retry-After and the error code. Errors hold no token and no
// secret.
//
// The source has one goroutine, which ends when ctx ends. Token then returns the last
// token until it expires, and afterwards an error that wraps the context's cause.
func TokenSource(
	ctx context.Context, projectID string, credentials func(context.Context) (Credentials, error), opts *TokenSourceOptions,
) (oauth2.TokenSource, error) {
	if opts == nil {
		opts = &TokenSourceOptions{}
	}
	var missing error
	if credentials == nil {
		missing = errors.New("credentials is nil: write a function that returns the machine's ID and secret")
	}
	if err := outbound.Mistakes("stytch",
		stytchwire.CheckProjectID(projectID),
		missing,
		outbound.CheckURL("TokenURL", opts.TokenURL),
		stytchwire.CheckScopes(opts.Scopes),
		outbound.CheckNotNegative("Timeout", opts.Timeout),
		outbound.CheckNotNegative("RefreshAhead", opts.RefreshAhead),
	); err != nil {
		return nil, err
	}
	s := &tokenSource{
		ctx: ctx,
		fetcher: tokenFetcher{
			url:         opts.TokenURL,
			credentials: credentials,
			scopes:      slices.Clone(opts.Scopes),
			http:        outbound.NewClient(opts.Transport),
			timeout:     outbound.OrDefault(opts.Timeout, outbound.DefaultTimeout),
		},
		ahead:   opts.RefreshAhead,
		observe: opts.Observe,
		idle:    func() {},
		wake:    make(chan struct{}, 1),
	}
	if opts.Transport == nil {
		s.idle = s.fetcher.http.CloseIdleConnections
	}
	if s.fetcher.url == "" {
		s.fetcher.url = stytchwire.BaseURL(projectID, "") + stytchwire.TokenPath(projectID)
	}
	go s.run()
	return s, nil
}

// StaticCredentials returns credentials for [TokenSource] that never change. A secret
// that is rotated needs a function that reads the current one instead.
func StaticCredentials(clientID string, secret Secret) func(context.Context) (Credentials, error) {
	return func(context.Context) (Credentials, error) { return Credentials{clientID, secret}, nil }
}
