package stytch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/tokensource"
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

	// Timeout limits one request, and one call of credentials: 10 s if zero, and at
	// most half of MaxAge.
	Timeout time.Duration

	// RefreshAhead is the time between the replacement of a token and its expiry: a
	// fifth of its lifetime if zero. It is at most half of the lifetime.
	RefreshAhead time.Duration

	// MaxAge limits the age of the tokens, for services that refuse old ones: no
	// limit if zero.
	MaxAge time.Duration

	// RepeatUnsafe permits the source's RoundTripper to repeat every request after
	// a refused token: see tokensource.Config.
	RepeatUnsafe bool

	// Observe, if set, is called after every fetch and every refusal of a token. It
	// reports failures that Token hides while an older token is valid. It may be
	// called concurrently, and delays the next fetch. A panic in it is recovered.
	Observe func(tokensource.Event)
}

// TokenSource returns a source of tokens for a machine that makes calls. Send requests
// through its RoundTripper, or pass it to [oauth2.NewClient] or
// google.golang.org/grpc/credentials/oauth. opts may be nil. The error reports every
// mistake in the arguments. The source is safe for concurrent use.
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
// The source has one goroutine, which ends when ctx ends or Close is called. Token
// then returns the last token until it expires. Afterwards it returns an error that
// wraps [tokensource.ErrClosed], and the context's cause if ctx ended.
//
// For other credentials, such as files, use [tokensource.New] with the project's token
// endpoint and oauth2.AuthStyleInParams.
func TokenSource(
	ctx context.Context, projectID string, credentials func(context.Context) (Credentials, error), opts *TokenSourceOptions,
) (*tokensource.Source, error) {
	if opts == nil {
		opts = &TokenSourceOptions{}
	}
	var missing error
	if credentials == nil {
		missing = errors.New("credentials is nil: write a function that returns the machine's ID and secret")
	}
	mistakes := outbound.Mistakes("stytch", stytchwire.CheckProjectID(projectID), missing)
	config := tokensource.Config{
		TokenURL:    opts.TokenURL,
		Credentials: tokensource.SecretFunc(revealed(credentials)),
		// Not Basic, which some servers form-decode and others don't. Not the zero
		// value, which sends every refused secret twice.
		AuthStyle:    oauth2.AuthStyleInParams,
		Scopes:       opts.Scopes,
		RefreshAhead: opts.RefreshAhead,
		MaxAge:       opts.MaxAge,
		Timeout:      opts.Timeout,
		Transport:    opts.Transport,
		RepeatUnsafe: opts.RepeatUnsafe,
		Context:      ctx,
		Observe:      opts.Observe,
	}
	if config.TokenURL == "" {
		config.TokenURL = stytchwire.BaseURL(projectID, "") + stytchwire.TokenPath(projectID)
	}
	source, err := tokensource.New(config)
	if mistakes != nil {
		if source != nil {
			source.Close()
		}
		return nil, errors.Join(mistakes, err)
	}
	return source, err
}

// revealed returns credentials as [tokensource.SecretFunc] expects them.
func revealed(credentials func(context.Context) (Credentials, error)) func(context.Context) (string, string, error) {
	return func(ctx context.Context) (string, string, error) {
		c, err := credentials(ctx)
		return c.ClientID, c.ClientSecret.Reveal(), err
	}
}

// StaticCredentials returns credentials for [TokenSource] that never change. A secret
// that is rotated needs a function that reads the current one instead.
func StaticCredentials(clientID string, secret Secret) func(context.Context) (Credentials, error) {
	return func(context.Context) (Credentials, error) { return Credentials{clientID, secret}, nil }
}
