// Package m2mtest is an authority for tests and local development, and for
// nothing else: it hashes secrets with a fast hash, and mints any token that it
// is asked for. It keeps everything in memory, unless it is given a [Store].
//
// [NewAuthority] starts an HTTP server on 127.0.0.1 that speaks Stytch's M2M
// API, so that clients, token sources and verifiers meet in a test what they
// meet in production:
//
//	authority := m2mtest.NewAuthority(nil)
//	defer authority.Close()
//	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
//	// … guard a handler with v, and call it with
//	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"reports:read"}})
//
// Tokens can be well-formed or hostile ([TokenSpec]), keys rotate
// ([Authority.RotateKeys]), and outages are scripted ([Authority.Fail]).
//
// In virtual time (testing/synctest) sockets don't work. There, set
// [Options].NoServer, or give the issuer [Authority.FetchJWKS] in place of its
// JWKSURL, and call [Authority.ServeHTTP] from a transport: everything but
// sockets works in a bubble, for an Authority made outside of it too.
//
// Mistakes in a test's own code panic, with a message that says what to write.
package m2mtest

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options are the optional parts of an [Authority]. The zero value is every
// default.
type Options struct {
	// ProjectID is the Stytch project that is played: a random
	// "project-test-…" if "".
	ProjectID string

	// Secret is the project's own secret, which the API's calls present: a
	// random one if "".
	Secret string

	// Key is the first signing key: a new RS256 key if nil. RSA keys take a
	// moment to make; a test can share one, or take NewKey("ES256"), which
	// [Authority.Issuer] then admits in place of RS256.
	Key *Key

	// TokenTTL is how long issued tokens live: 1 h if zero.
	TokenTTL time.Duration

	// CustomClaims plays the project's custom claims template: it makes claims
	// of a client's trusted_metadata for the tokens that the token endpoint
	// issues. The claims of every token can't be replaced.
	CustomClaims func(trustedMetadata map[string]any) map[string]any

	// Now is the clock that tokens are issued by: time.Now if nil.
	Now func() time.Time

	// NoServer leaves the HTTP server out: what is left works in virtual time.
	NoServer bool

	// Addr is where the server listens, a loopback address and a port:
	// "127.0.0.1:0", which is any free port, if "".
	Addr string

	// Store keeps clients and signing keys across restarts: nil for memory
	// alone. Key is for a Store without keys; one with keys goes on with them.
	Store Store
}

// Authority is a running authority. All methods are safe for concurrent use.
type Authority struct {
	projectID string
	secret    string
	ttl       time.Duration
	custom    func(map[string]any) map[string]any
	now       func() time.Time

	keys    keyRing
	clients clientStore
	outages outages

	url     string
	handler http.Handler
	server  *http.Server // nil without one
}

// NewAuthority starts an authority; opts may be nil. Close it when done. Like
// net/http/httptest, it panics where [Start] returns an error.
func NewAuthority(opts *Options) *Authority {
	a, err := Start(opts)
	if err != nil {
		panic(err.Error())
	}
	return a
}

// Start is [NewAuthority] for programs: that it can't listen, can't load its
// Store, or that Options are malformed, is an error.
func Start(opts *Options) (*Authority, error) {
	if opts == nil {
		opts = &Options{}
	}
	a := &Authority{
		projectID: opts.ProjectID,
		secret:    opts.Secret,
		ttl:       opts.TokenTTL,
		custom:    opts.CustomClaims,
		now:       opts.Now,
		url:       "http://m2mtest.invalid", // RFC 6761 §6.4: it will never resolve
	}
	if a.projectID == "" {
		a.projectID = "project-test-" + newUUID()
	}
	if _, err := stytch.Issuer(a.projectID, nil); err != nil {
		return nil, fmt.Errorf("m2mtest: %w", err)
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
	if err := a.load(opts.Store); err != nil {
		return nil, fmt.Errorf("m2mtest: can't load the Store: %w", err)
	}
	if a.keys.current() == nil {
		key := opts.Key
		if key == nil {
			key = a.newKey("RS256")
		}
		a.keys.publish(key, true)
	}
	a.handler = a.routes()
	if !opts.NoServer {
		if err := a.listen(opts.Addr); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Authority) listen(addr string) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if host, _, err := net.SplitHostPort(addr); err != nil || !outbound.IsLoopback(host) {
		return fmt.Errorf(`m2mtest: Addr %s is no loopback address: write "127.0.0.1:" and a port`, redact.Quote(addr))
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("m2mtest: can't listen: %w", err)
	}
	a.url = "http://" + l.Addr().String()
	a.server = &http.Server{
		Handler:           loopbackOnly(a.handler),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(discard{}, "", 0), // outages are made on purpose
	}
	go a.server.Serve(l)
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// ServeHTTP is the whole API without a socket, for virtual time and for servers
// of one's own. Outages that drop connections panic with http.ErrAbortHandler.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// URL is the base URL of the API, without a slash at the end.
func (a *Authority) URL() string { return a.url }

// ProjectID is the project that is played.
func (a *Authority) ProjectID() string { return a.projectID }

// Key returns the key that signs tokens. Do not change it.
func (a *Authority) Key() *Key { return a.keys.current() }

// Secret is the project's secret: with the project ID it makes the HTTP Basic
// credentials of the API's calls.
func (a *Authority) Secret() string { return a.secret }

// TokenURL is the token endpoint.
func (a *Authority) TokenURL() string { return a.url + stytchwire.TokenPath(a.projectID) }

// Issuer is what [stytch.Issuer] makes of the project, with the keys fetched
// from this authority, and with the clients that have been imported so far.
func (a *Authority) Issuer() verifier.Issuer {
	return a.issuer(a.clients.imported())
}

func (a *Authority) issuer(imported []string) verifier.Issuer {
	issuer, err := stytch.Issuer(a.projectID, &stytch.IssuerOptions{ImportedClients: imported})
	if err != nil {
		panic("m2mtest: " + err.Error())
	}
	if alg := a.keys.firstAlgorithm(); alg != "RS256" {
		issuer.Algorithms = []string{alg}
	}
	if a.server == nil {
		issuer.JWKSURL, issuer.FetchJWKS = "", a.FetchJWKS
		return issuer
	}
	issuer.JWKSURL = a.url + stytchwire.KeysPath(a.projectID, false)
	return issuer
}

// FetchJWKS returns the key set as the server would, without a network: for
// [verifier.Issuer].FetchJWKS. It is counted, and outages of [KeysEndpoint]
// hit it.
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

// KeyFetches is how often the key set has been asked for, over HTTP and by
// [Authority.FetchJWKS], failures included.
func (a *Authority) KeyFetches() int { return a.keys.fetchCount() }

// Close stops the server and ends its connections, and from then on FetchJWKS
// fails: the authority is down for good. Minting and the rest go on. Closing
// again does nothing.
func (a *Authority) Close() {
	a.outages.close()
	if a.server != nil {
		a.server.Close()
	}
}

// environment is "test" or "live".
func (a *Authority) environment() string {
	if strings.HasPrefix(a.projectID, "project-live-") {
		return "live"
	}
	return "test"
}

func (a *Authority) newRequestID() string {
	return "request-id-" + a.environment() + "-" + newUUID()
}
