package stytch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/scopes"
)

// Credentials are what a machine authenticates with.
type Credentials struct {
	ClientID     string
	ClientSecret Secret
}

// TokenSourceOptions are the optional parts of a [TokenSource]. The zero value
// is every default.
type TokenSourceOptions struct {
	// TokenURL is the token endpoint, if it is not that of the project at
	// Stytch: of a custom domain, of a SaaS (package gateway), of a local
	// authority. It is https, or on loopback.
	TokenURL string

	// Scopes are asked for: all that the machine has if empty.
	Scopes []string

	// Transport makes the requests: if nil, one like http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout is how long one request may take: 10 s if zero.
	Timeout time.Duration

	// RefreshAhead is how long before its expiry a token is replaced: a fifth
	// of its lifetime if zero, and never more than half of it.
	RefreshAhead time.Duration

	// Observe is told of every fetch, with nil if it succeeded, from a
	// goroutine of the source: while an old token serves, nobody else hears of
	// failures.
	Observe func(error)
}

// TokenSource is where a machine gets its tokens, for [oauth2.NewClient] and for
// google.golang.org/grpc/credentials/oauth. opts may be nil.
//
// credentials is asked at each fetch, and once more when they were refused: a
// secret that was rotated is picked up without a restart, as soon as
// credentials returns it. It must return when its context ends.
//
// The first fetch is made by the first Token, which waits for it. From then on
// a token is replaced in the background before it expires, as long as the
// source is in use: one that nobody has asked since its last fetch makes no
// requests. There is one fetch at a time, whoever waits for it. While the
// authority is down the token that is there serves until it expires, and
// fetches are tried again ever more slowly, up to once a minute, or as
// Retry-After asks. Without a token, Token fails at once between two attempts.
//
// Errors wrap an [*oauth2.RetrieveError] if the authority answered. It holds the
// status, Retry-After and the error code. Errors hold no token and no secret.
//
// The source has one goroutine, which ends when ctx does. After that, Token
// returns the last token until it expires, and then the context's cause. It is
// safe for concurrent use. All mistakes in the arguments are reported at once.
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
		checkScopes(opts.Scopes),
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

// StaticCredentials are credentials that never change.
func StaticCredentials(clientID string, secret Secret) func(context.Context) (Credentials, error) {
	return func(context.Context) (Credentials, error) { return Credentials{clientID, secret}, nil }
}

func checkScopes(names []string) error {
	if len(names) == 0 {
		return nil
	}
	// AllOf knows what a scope name is (RFC 6749 §3.3).
	if _, err := scopes.AllOf(names); err != nil {
		return fmt.Errorf("Scopes: %w", err)
	}
	return nil
}
