package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// TokenEndpoint is an [http.Handler] that serves a SaaS's token endpoint (RFC 6749
// §3.2) and forwards each client's credentials to the project at Stytch. Any OAuth
// 2.0 client library can use it. It supports the client credentials grant alone.
//
// Stytch receives grant_type, client_id, client_secret, scope and the parameters
// that the options name, and nothing else of a request. The client receives the
// token, and nothing else of Stytch's response. An unknown client, a wrong secret and
// an inactive client get identical responses.
//
// Stytch signs the tokens. Their "iss" is the project's custom domain at Stytch, or else
// names the project, as their "aud" does. It is not this endpoint's domain.
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
	issuer     string  // "" for no check
	guesses    *guesses
	counts     counts
	observe    func(context.Context, Answer) // nil for none
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
		checkIssuer(opts.Issuer, opts.BaseURL, projectID),
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
		issuer:  opts.Issuer,
		guesses: newGuesses(tracked),
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
	answer := Answer{Addr: addr, Status: http.StatusOK, Warning: e.oneAddress.warning(from)}
	token, refused := e.serve(w, r, addr, &req, &answer)
	answer.ClientID, answer.Took = plain(req.clientID), time.Since(began)
	if refused != nil {
		answer.Status, answer.Code, answer.Err = refused.status, refused.code, refused
		answer.RequestID = refused.requestID
	} else {
		answer.describe(token, &req, began)
		answer.warn(token.issuerWarning(e.issuer, req.secrets()...))
	}
	e.counts.add(&answer)
	e.report(r.Context(), answer)
	if refused != nil {
		refused.write(w, req.usedHeader)
		return
	}
	token.write(w)
}

// serve returns the token or the refusal for a request. It fills req as far as it
// reads the request, and answer's LimiterErr and FailedFrom.
func (e *TokenEndpoint) serve(
	w http.ResponseWriter, r *http.Request, addr netip.Addr, req *tokenRequest, answer *Answer,
) (*issuedToken, *tokenRefusal) {
	if r.Method != http.MethodPost { // RFC 6749 §3.2
		return nil, &tokenRefusal{status: http.StatusMethodNotAllowed, code: stytchwire.OAuthInvalidRequest,
			cause: errMethod}
	}
	if wait := e.perAddress.take(addr); wait > 0 {
		return nil, tooMany(wait, errAddressLimit)
	}
	if wait := e.shared.takeAddress(r.Context(), addr, &answer.LimiterErr); wait > 0 {
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
			answer.FailedFrom = e.guesses.failed(req.clientID, addr)
			e.shared.chargeFailure(r.Context(), req.clientID, addr, &answer.LimiterErr)
		}
	}()
	if wait := e.shared.lookFailures(r.Context(), req.clientID, addr, &answer.LimiterErr); wait > 0 {
		return nil, tooMany(wait, errFailureLimit)
	}
	token, refused := e.upstream.request(r.Context(), req)
	badClient = refused != nil && refused.code == stytchwire.OAuthInvalidClient
	if token != nil && e.keys != nil {
		e.keys.learn(r.Context(), token.keyID())
	}
	return token, refused
}

// report calls Observe, if set, and recovers its panics.
func (e *TokenEndpoint) report(ctx context.Context, answer Answer) {
	if e.observe == nil {
		return
	}
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
