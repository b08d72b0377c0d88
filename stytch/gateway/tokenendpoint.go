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

// TokenEndpointOptions are the optional parts of a [TokenEndpoint]. The zero value is
// the default.
type TokenEndpointOptions struct {
	// BaseURL is the base URL of Stytch's API, such as a custom domain or a local
	// authority. It must be https, or http on loopback. If it is "", the project ID
	// determines it.
	BaseURL string

	// Transport sends the requests to Stytch. If nil, the TokenEndpoint uses a copy
	// of http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout limits a request to Stytch: 10 s if zero.
	Timeout time.Duration

	// Parameters names further parameters of token requests to forward: none if
	// empty. A custom claims template can copy them into the token. The caller
	// chooses the value of such a claim.
	Parameters []string

	// ClientAddr returns the address of the client, for the limits. If nil, it is
	// the connection's remote address. Behind a proxy that is the proxy's address,
	// and all clients share one limit: use [Proxies.ClientAddr] there. Requests
	// with an invalid address share one limit.
	ClientAddr func(*http.Request) netip.Addr

	// KeySet, if set, learns new keys from the tokens: before a token with an
	// unknown key is returned, the KeySet is fetched again. Stytch announces a
	// rotation in no other way.
	KeySet *KeySet

	// PerAddress limits the requests of an address: 10 per second with bursts of 100
	// if zero. IPv6 addresses are counted by their /64.
	PerAddress Limit

	// Failures limits the failed authentications of a client ID at an address: one
	// in 10 s with bursts of 10 if zero. Requests beyond the limit are refused
	// without a request to Stytch. The same client ID at other addresses is not
	// affected, so that strangers can't lock a customer out.
	Failures Limit

	// Tracked limits the addresses, and the pairs of client ID and address, that are
	// remembered: 50,000 of each if zero, which takes up to 24 MB. The least used are
	// forgotten first.
	Tracked int

	// Limiter, if set, counts PerAddress and Failures for all replicas of the gateway
	// together, in addition to the limits of this process. If it fails, those alone
	// apply, and Answer.LimiterErr has the error. Client IDs are tried at several
	// replicas at once: the first failures can exceed the burst of Failures, and count
	// afterwards. A Limiter that is used by gateways of several projects counts an
	// address once for all.
	Limiter Limiter

	// Observe, if set, is called with every Answer before it is sent, for an audit
	// log or metrics. It must be safe for concurrent use. A panic in it is
	// recovered.
	Observe func(context.Context, Answer)
}

// Answer describes the response to a token request. It holds no token, and of a secret
// at most the last four characters.
type Answer struct {
	ClientID string        // from the request, quoted and cut unless plain; "" if it was not read
	Addr     netip.Addr    // as the limits count it: IPv6 by its /64
	Status   int           // the HTTP status
	Code     string        // the error code, such as "invalid_client" (RFC 6749 §5.2); "" for a token
	Err      error         // the cause of a refusal; nil for a token
	Took     time.Duration // until the response was ready

	// SecretLastFour holds the last four characters of the secret that a token was
	// issued for. During a rotation, it tells which secret the client uses: complete
	// the rotation when no instance's Answers show M2MClient.SecretLastFour anymore.
	// It is "" for a refusal, whose secret may belong to something else, and for
	// secrets of fewer than 8 characters.
	SecretLastFour string

	Scopes    []string  // that were granted; nil for a refusal
	Expires   time.Time // of the token, by its expires_in; zero for a refusal
	RequestID string    // Stytch's, for its support; "" if Stytch did not respond with one

	// LimiterErr is why Limiter did not count the request, so that the limits of this
	// process alone applied; nil nearly always.
	LimiterErr error

	// Warning is "" nearly always. It reports that all requests so far came from one
	// private address, which is probably a proxy's.
	Warning string
}

// TokenEndpoint is an [http.Handler] that serves a SaaS's token endpoint (RFC 6749
// §3.2) and forwards each client's credentials to the project at Stytch. Any OAuth
// 2.0 client library can use it. It supports the client credentials grant alone.
//
// Stytch receives grant_type, client_id, client_secret, scope and the parameters
// that the options name, and nothing else of a request. The client receives the
// token, and nothing else of Stytch's response. An unknown client, a wrong secret and
// an inactive client get identical responses.
//
// Stytch signs the tokens. Without a custom domain, their "iss" and "aud" name the
// project.
//
// Set ReadTimeout on the http.Server, because a handler can't limit the time that a
// client takes to send its request. At most 128 requests to Stytch run at a time. Up
// to 256 more wait for at most 2 s; further ones are refused with 503 and Retry-After.
//
// A TokenEndpoint is safe for concurrent use and has no goroutines. The zero value
// refuses every request with 503.
type TokenEndpoint struct {
	parameters []string
	address    func(*http.Request) netip.Addr
	perAddress *limiters[netip.Addr]
	failures   *limiters[failureKey]
	shared     sharedLimits
	upstream   tokenUpstream
	keys       *KeySet // nil for none
	observe    func(context.Context, Answer)
	oneAddress oneAddress
}

// NewTokenEndpoint returns a TokenEndpoint for a project. opts may be nil. It does no
// I/O. Its error reports every mistake in the arguments.
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
		shared:     sharedLimits{opts.Limiter, perAddress, failures},
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
		return errors.New("KeySet is a zero value or belongs to another project: make it with NewKeySet and this project's ID")
	}
	return nil
}

// checkParameters refuses parameters of other ways to authenticate, and of grants for
// people, which Stytch serves at the same path.
func checkParameters(names []string) error {
	var errs []error
	for i, name := range names {
		switch name {
		case "":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is empty: write a parameter's name", i))
		case "grant_type", "client_id", "client_secret", "scope":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is %q, which is always forwarded: leave it out", i, name))
		case "client_assertion", "client_assertion_type", "assertion", "code", "code_verifier", "redirect_uri",
			"refresh_token", "device_code", "username", "password", "subject_token", "actor_token":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is %q, which belongs to another grant or another way "+
				"to authenticate: leave it out", i, name))
		}
	}
	return errors.Join(errs...)
}

// ServeHTTP answers a token request.
func (e *TokenEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.upstream.http == nil {
		unready().write(w, false)
		return
	}
	began := time.Now()
	from := plainAddr(e.address(r))
	addr := limitedAddr(from)
	req := tokenRequest{}
	var outage error // of the Limiter
	token, refused := e.serve(w, r, addr, &req, &outage)
	if e.observe != nil {
		answer := Answer{ClientID: plain(req.clientID), Addr: addr, Status: http.StatusOK, Took: time.Since(began),
			LimiterErr: outage, Warning: e.oneAddress.warning(from)}
		if refused != nil {
			answer.Status, answer.Code, answer.Err = refused.status, refused.code, refused
			answer.RequestID = refused.requestID
		} else {
			answer.describe(token, &req, began)
		}
		e.report(r.Context(), answer)
	}
	if refused != nil {
		refused.write(w, req.usedHeader)
		return
	}
	token.write(w)
}

// serve returns the token or the refusal for a request. It fills req as far as it
// reads the request, and outage if the Limiter fails.
func (e *TokenEndpoint) serve(
	w http.ResponseWriter, r *http.Request, addr netip.Addr, req *tokenRequest, outage *error,
) (*issuedToken, *tokenRefusal) {
	if r.Method != http.MethodPost { // RFC 6749 §3.2
		return nil, &tokenRefusal{status: http.StatusMethodNotAllowed, code: stytchwire.OAuthInvalidRequest,
			cause: errMethod}
	}
	if wait := e.perAddress.take(addr); wait > 0 {
		return nil, tooMany(wait, errAddressLimit)
	}
	if wait := e.shared.takeAddress(r.Context(), addr, outage); wait > 0 {
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
	defer func() { // also after a panic of the transport
		attempt.end(badClient)
		if badClient {
			e.shared.chargeFailure(r.Context(), req.clientID, addr, outage)
		}
	}()
	if wait := e.shared.lookFailures(r.Context(), req.clientID, addr, outage); wait > 0 {
		return nil, tooMany(wait, errFailureLimit)
	}
	token, refused := e.upstream.request(r.Context(), req)
	badClient = refused != nil && refused.code == stytchwire.OAuthInvalidClient
	if token != nil && e.keys != nil {
		e.keys.learn(r.Context(), token.keyID())
	}
	return token, refused
}

// report calls Observe and recovers its panics.
func (e *TokenEndpoint) report(ctx context.Context, answer Answer) {
	defer func() { _ = recover() }()
	e.observe(ctx, answer)
}

// plain returns a client ID for a log: unchanged if it is short printable ASCII, and
// otherwise quoted and cut.
func plain(id string) string {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f || id[i] == '"' || i == 128 {
			return outbound.Quote(id)
		}
	}
	return id
}
