// Package m2mtest provides an authority for tests and local development. Never
// use it in production: it mints every token that a test wants, and hashes
// secrets with a fast hash. It keeps everything in memory, unless it has a
// [Store].
//
// Most tests call [Trust], which returns an authority and a verifier that
// accepts its tokens. [NewAuthority] also starts an HTTP server on 127.0.0.1
// with Stytch's M2M API, for tests of clients and token sources:
//
//	authority := m2mtest.NewAuthority(nil)
//	defer authority.Close()
//	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
//	// … guard a handler with v, and call it with
//	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"reports:read"}})
//
// An authority can stand in for another than Stytch: see [TrustAs] and package
// m2mtest/shapes.
//
// Tokens can be well-formed or forged ([TokenSpec]), keys rotate
// ([Authority.RotateKeys]), and endpoints fail on demand ([Authority.Fail]).
// m2mtest/attack tests servers with hostile calls.
//
// Sockets don't work in virtual time (testing/synctest). There, use Trust, or
// set [Options].NoServer and call [Authority.ServeHTTP] from a transport. An
// Authority from outside of the bubble works, too.
//
// Mistakes in a test's code panic with a message that says what to write.
package m2mtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options holds the optional settings of an [Authority]. The zero value has
// every default.
type Options struct {
	// ProjectID is the simulated Stytch project: a random "project-test-…" if "".
	ProjectID string

	// Secret is the project's secret, which authenticates calls of the API: a
	// random one if "".
	Secret string

	// Issuer, if set, makes the authority stand in for another than Stytch, such as
	// the result of a preset of package issuers. [Authority.Issuer] returns it with
	// the keys of this authority, and [Authority.Token] mints tokens that it accepts.
	// The key set, rotation, outages and the token endpoint work as without it; the
	// API remains Stytch's.
	Issuer *verifier.Issuer

	// Shape, if set, returns what marks a machine at Issuer. m2mtest/shapes has those
	// of the presets. Without one, tokens have the form that most authorities agree
	// on: see [Shape].
	Shape Shape

	// Key is the first signing key: a new RS256 key if nil, or one of the first
	// algorithm of Issuer. RSA keys are slow to make: share one between tests, or use
	// NewKey("ES256"), which [Authority.Issuer] then accepts instead.
	Key *Key

	// TokenTTL is the lifetime of issued tokens, in whole seconds: 1 h if zero.
	TokenTTL time.Duration

	// CustomDomain simulates the project's own domain: an https URL, or http on
	// loopback, that is the "iss" of all tokens. If "", "iss" names the project.
	CustomDomain string

	// ClaimsTemplate is the project's custom claims template, as at Stytch: a JSON
	// object in which {{ client.trusted_metadata.NAME }} and {{ request.NAME }} stand for
	// values. The first is the client's own metadata, the second a parameter of
	// the token request. Members without a value are left out. "" for none.
	ClaimsTemplate string

	// DPoP, if set, binds the tokens of the token endpoint to the key of the proof that
	// a request carries (RFC 9449 §5). Stytch does not do that.
	DPoP *dpop.Checker

	// Now returns the time for issued tokens: time.Now if nil.
	Now func() time.Time

	// NoServer disables the HTTP server. Everything else works in virtual time.
	NoServer bool

	// Addr is the address and port of the server: "127.0.0.1:0", any free port, if
	// "". It must be on loopback, unless there are Hosts.
	Addr string

	// Hosts are names, besides those of loopback, by which the server may be
	// called: "host.docker.internal" for a container. All others are refused,
	// because a web page can let its own name resolve to the server. The first one
	// is in [Authority.URL] if Addr is no address of a single interface.
	Hosts []string

	// TLS, if set, makes the server use https. It needs a certificate.
	TLS *tls.Config

	// Store keeps clients and signing keys across restarts: nil for memory alone.
	// If it has keys, they replace Key.
	Store Store
}

// Authority issues tokens and publishes keys, as Stytch does for one project. All
// methods are safe for concurrent use.
type Authority struct {
	projectID string
	secret    string
	ttl       time.Duration
	domain    string          // "" without a custom domain
	custom    *claimsTemplate // nil without one
	now       func() time.Time
	proofs    *dpop.Checker // nil without Options.DPoP
	standsFor *standIn      // nil for Stytch

	keys    keyRing
	clients clientStore
	outages outages

	url     string
	handler http.Handler
	server  *http.Server // nil without one
}

// Format implements fmt.Formatter: every verb prints the project and the URL, and
// not the secret.
func (a *Authority) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "authority of %s at %s", a.projectID, a.url)
}

// NewAuthority starts an authority. Close it when done. Nil opts are the zero
// Options. It panics where [Start] returns an error, like net/http/httptest.
func NewAuthority(opts *Options) *Authority {
	a, err := Start(opts)
	if err != nil {
		panic(err.Error())
	}
	return a
}

// Start is [NewAuthority] for programs. It returns an error if it can't listen or
// load its Store, or one that reports every mistake in the Options.
func Start(opts *Options) (*Authority, error) {
	if opts == nil {
		opts = &Options{}
	}
	a := &Authority{
		projectID: opts.ProjectID,
		secret:    opts.Secret,
		ttl:       opts.TokenTTL,
		domain:    opts.CustomDomain,
		now:       opts.Now,
		proofs:    opts.DPoP,
		url:       "http://m2mtest.invalid", // RFC 6761 §6.4: never resolves
	}
	if a.projectID == "" {
		a.projectID = "project-test-" + newUUID()
	}
	if err := a.check(opts); err != nil {
		return nil, err
	}
	if a.secret == "" {
		a.secret = "secret-" + a.environment() + "-" + newSecret()
	}
	if a.ttl == 0 {
		a.ttl = time.Hour
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.keys.use = a.keyUse()
	if err := a.load(opts.Store); err != nil {
		return nil, fmt.Errorf("m2mtest: can't load the Store: %w", err)
	}
	if a.keys.current() == nil {
		key := opts.Key
		if key == nil {
			key = a.newKey(a.firstAlgorithm())
		}
		a.keys.publish(key, true)
	}
	a.handler = a.routes()
	if !opts.NoServer {
		if err := a.listen(opts); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// ServeHTTP serves the whole API, for virtual time and for your own servers. An
// outage with Drop panics with http.ErrAbortHandler.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// URL returns the base URL of the API, without a slash at the end.
func (a *Authority) URL() string { return a.url }

// ProjectID returns the ID of the simulated project.
func (a *Authority) ProjectID() string { return a.projectID }

// Key returns the key that signs tokens. Do not change it.
func (a *Authority) Key() *Key { return a.keys.current() }

// Secret returns the project's secret. With the project ID it forms the HTTP
// Basic credentials of the API.
func (a *Authority) Secret() string { return a.secret }

// TokenURL returns the URL of the token endpoint.
func (a *Authority) TokenURL() string { return a.url + stytchwire.TokenPath(a.projectID) }

// Issuer returns the [stytch.Issuer] of the project, with keys from this
// authority and with the clients that are imported so far. With Options.Issuer, it
// returns that, with the keys of this authority and without its JWKS.Transport.
func (a *Authority) Issuer() verifier.Issuer {
	return a.issuer(a.clients.imported())
}

func (a *Authority) issuer(imported []string) verifier.Issuer {
	var issuer verifier.Issuer
	if a.standsFor != nil {
		issuer = a.standsFor.issuer
		issuer.JWKS.Transport = nil
	} else {
		var err error
		issuer, err = stytch.Issuer(a.projectID, &stytch.IssuerOptions{ImportedClients: imported})
		if err != nil {
			panic("m2mtest: " + err.Error())
		}
		if a.domain != "" {
			issuer.Aliases = []string{a.domain}
		}
	}
	if alg := a.keys.firstAlgorithm(); !slices.Contains(algorithmsOf(issuer), alg) {
		issuer.Algorithms = []string{alg}
	}
	issuer.JWKSURL, issuer.FetchJWKS = "", a.FetchJWKS
	if a.server != nil {
		issuer.JWKSURL, issuer.FetchJWKS = a.url+stytchwire.KeysPath(a.projectID, false), nil
	}
	return issuer
}

// FetchJWKS returns the key set without a network, for [verifier.Issuer]. It
// counts as a fetch, and fails in outages of [KeysEndpoint].
func (a *Authority) FetchJWKS(ctx context.Context) ([]byte, error) {
	a.keys.fetched()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o, err := a.outages.meet(ctx, KeysEndpoint)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		body, _ := a.keySet()
		return body, nil
	case o.Drop:
		return nil, errDropped
	case o.status() != http.StatusOK:
		return nil, fmt.Errorf("m2mtest: key set: HTTP status %d", o.status())
	default:
		return []byte(o.Body), nil
	}
}

// KeyFetches returns how often the key set was fetched, over HTTP and by
// [Authority.FetchJWKS], failures included.
func (a *Authority) KeyFetches() int { return a.keys.fetchCount() }

// Close stops the server and closes its connections. Afterwards FetchJWKS fails,
// and Token still works. Closing again does nothing.
func (a *Authority) Close() {
	a.outages.close()
	if a.server != nil {
		a.server.Close()
	}
}

// environment returns "test" or "live".
func (a *Authority) environment() string {
	if strings.HasPrefix(a.projectID, "project-live-") {
		return "live"
	}
	return "test"
}

func (a *Authority) newRequestID() string {
	return "request-id-" + a.environment() + "-" + newUUID()
}
