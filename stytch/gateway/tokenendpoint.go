package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// TokenEndpointOptions are the optional parts of a [TokenEndpoint]. The zero
// value is every default.
type TokenEndpointOptions struct {
	// BaseURL is where Stytch's API is, if it is not where the project ID says:
	// a custom domain, or a local authority. It is https, or on loopback.
	BaseURL string

	// Transport makes the requests to Stytch: if nil, one like
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout is how long Stytch may take: 10 s if zero.
	Timeout time.Duration

	// Parameters are further parameters of a token request that are passed on:
	// none if empty. A custom claims template may copy them into the token, and
	// then a claim is the caller's own word.
	Parameters []string

	// ClientAddr returns the address that a request came from, by which requests
	// are limited: the connection's other end if nil. Behind a proxy that is the
	// proxy's, and all clients share one limit: use [Proxies.ClientAddr] there.
	// Requests whose address is not valid share one limit.
	ClientAddr func(*http.Request) netip.Addr

	// KeySet, if set, is fetched anew when Stytch issues a token by a key that it
	// lacks, before the token is handed out. Stytch announces a rotation in no
	// other way.
	KeySet *KeySet

	// PerAddress limits all requests of an address: 10/s and 100 at once if
	// zero. An IPv6 address counts as its /64.
	PerAddress Limit

	// Failures limits the failed authentications of a client ID at an address:
	// one in 10 s and 10 at once if zero. Requests beyond it are refused
	// without asking Stytch. Other addresses are not concerned, so that
	// strangers can't lock a customer out.
	Failures Limit

	// Tracked is how many addresses, and how many pairs, are remembered: 50,000
	// of each if zero, which takes up to 24 MB. Beyond it, those that were seen
	// least are forgotten.
	Tracked int

	// Observe is called with every answer before it is sent, for an audit log or
	// metrics. It is called from many goroutines at once. A panic in it is
	// recovered.
	Observe func(context.Context, Answer)
}

// Answer is how a token request ended. It holds no secret and no token.
type Answer struct {
	ClientID string     // as the caller gave it, quoted and cut if it is not plain; "" if it was not read
	Addr     netip.Addr // as the limits count it: IPv6 as its /64
	Status   int        // HTTP
	Code     string     // of RFC 6749 §5.2: "invalid_client"; "" for a token
	Err      error      // why; nil for a token
	Took     time.Duration

	// Warning says that the configuration looks wrong: every request so far came
	// from one private address, which is probably a proxy's. "" nearly always.
	Warning string
}

// TokenEndpoint serves the token endpoint of a SaaS (RFC 6749 §3.2) at the SaaS's
// own URL. It forwards a client's credentials to the project at Stytch. It serves
// the client credentials grant alone, and any OAuth 2.0 client library can use it.
//
// It sends upstream what it read and nothing else: grant_type, client_id,
// client_secret, scope and the parameters that the options name. It returns the
// token and nothing else of Stytch's answer: no host, no project, no text. It
// answers an unknown client, a wrong secret and an inactive client alike.
//
// Stytch signs the tokens. Without a custom domain, their "iss" and "aud" name
// the project.
//
// Set ReadTimeout on the http.Server: a handler can't bound how slowly a
// request's body comes. Requests to Stytch are bounded: 128 at a time, 256 more
// wait for up to 2 s, and further ones are answered with 503 and Retry-After.
//
// A TokenEndpoint is safe for concurrent use and has no goroutines. Its zero value
// answers every request with 503.
type TokenEndpoint struct {
	parameters []string
	address    func(*http.Request) netip.Addr
	perAddress *limiters[netip.Addr]
	failures   *limiters[failureKey]
	upstream   tokenUpstream
	keys       *KeySet // nil for none
	observe    func(context.Context, Answer)
	oneAddress oneAddress
}

// NewTokenEndpoint makes the TokenEndpoint of a project. opts may be nil. It does
// no I/O, and reports all mistakes at once.
func NewTokenEndpoint(projectID string, opts *TokenEndpointOptions) (*TokenEndpoint, error) {
	if opts == nil {
		opts = &TokenEndpointOptions{}
	}
	perAddress := opts.PerAddress.orDefault(Limit{PerSecond: 10, Burst: 100})
	failures := opts.Failures.orDefault(Limit{PerSecond: 0.1, Burst: 10})
	if err := outbound.Mistakes("gateway",
		stytchwire.CheckProjectID(projectID),
		outbound.CheckOrigin("BaseURL", opts.BaseURL),
		outbound.CheckNotNegative("Timeout", opts.Timeout),
		checkParameters(opts.Parameters),
		perAddress.check("PerAddress"),
		failures.check("Failures"),
		outbound.CheckNotNegative("Tracked", opts.Tracked),
		checkKeySet(opts.KeySet, projectID),
	); err != nil {
		return nil, err
	}
	tracked := outbound.OrDefault(opts.Tracked, 50_000)
	e := &TokenEndpoint{
		parameters: slices.Clone(opts.Parameters),
		address:    opts.ClientAddr,
		perAddress: newLimiters[netip.Addr](perAddress, tracked),
		failures:   newLimiters[failureKey](failures, tracked),
		upstream: tokenUpstream{
			url:     stytchwire.BaseURL(projectID, opts.BaseURL) + stytchwire.TokenPath(projectID),
			http:    outbound.NewClient(opts.Transport),
			timeout: outbound.OrDefault(opts.Timeout, outbound.DefaultTimeout),
			slots:   newSlots(maxInFlight),
		},
		keys:    opts.KeySet,
		observe: opts.Observe,
	}
	if e.address == nil {
		e.address = connectionAddr
	}
	return e, nil
}

func checkKeySet(s *KeySet, projectID string) error {
	if s != nil && s.project != projectID {
		return errors.New("KeySet is another project's, or a zero value: write one that NewKeySet made for this project")
	}
	return nil
}

// checkParameters keeps out what decides how the client authenticates, and
// what belongs to grants of users, which the same upstream path serves.
func checkParameters(names []string) error {
	var errs []error
	for i, name := range names {
		switch name {
		case "":
			errs = append(errs, fmt.Errorf("Parameters[%d] is empty: write a parameter's name", i))
		case "grant_type", "client_id", "client_secret", "scope":
			errs = append(errs, fmt.Errorf("Parameters[%d] is %q, which is always passed on: leave it out", i, name))
		case "client_assertion", "client_assertion_type", "assertion", "code", "code_verifier", "redirect_uri",
			"refresh_token", "device_code", "username", "password", "subject_token", "actor_token":
			errs = append(errs, fmt.Errorf("Parameters[%d] is %q, which belongs to another grant or another way "+
				"of authentication: leave it out", i, name))
		}
	}
	return errors.Join(errs...)
}

func (e *TokenEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.upstream.http == nil {
		unready().write(w, false)
		return
	}
	began := time.Now()
	from := plainAddr(e.address(r))
	addr := limitedAddr(from)
	req := tokenRequest{}
	token, refused := e.serve(w, r, addr, &req)
	if e.observe != nil {
		answer := Answer{ClientID: plain(req.clientID), Addr: addr, Status: http.StatusOK, Took: time.Since(began),
			Warning: e.oneAddress.warning(from)}
		if refused != nil {
			answer.Status, answer.Code, answer.Err = refused.status, refused.code, refused
		}
		e.tell(r.Context(), answer)
	}
	if refused != nil {
		refused.write(w, req.usedHeader)
		return
	}
	token.write(w)
}

// serve decides one request. req is filled as far as it was read.
func (e *TokenEndpoint) serve(
	w http.ResponseWriter, r *http.Request, addr netip.Addr, req *tokenRequest,
) (*issuedToken, *tokenRefusal) {
	if r.Method != http.MethodPost { // RFC 6749 §3.2
		return nil, &tokenRefusal{status: http.StatusMethodNotAllowed, code: stytchwire.OAuthInvalidRequest,
			cause: errMethod}
	}
	if wait := e.perAddress.take(addr); wait > 0 {
		return nil, tooMany(wait, errAddressLimit)
	}
	if refused := req.read(w, r, e.parameters); refused != nil {
		return nil, refused
	}
	pair := newFailureKey(req.clientID, addr)
	attempt, wait := e.failures.begin(pair)
	if wait > 0 {
		return nil, tooMany(wait, errFailureLimit)
	}
	badClient := false
	defer func() { attempt.end(badClient) }() // whatever the transport does
	token, refused := e.upstream.request(r.Context(), req)
	badClient = refused != nil && refused.code == stytchwire.OAuthInvalidClient
	if token != nil && e.keys != nil {
		e.keys.learn(r.Context(), keyID(token.AccessToken))
	}
	return token, refused
}

// tell calls Observe; a panic in it stops here.
func (e *TokenEndpoint) tell(ctx context.Context, answer Answer) {
	defer func() { _ = recover() }()
	e.observe(ctx, answer)
}

// plain is a client ID for a log: as it is if it is short printable ASCII.
func plain(id string) string {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f || id[i] == '"' || i == 128 {
			return outbound.Quote(id)
		}
	}
	return id
}
