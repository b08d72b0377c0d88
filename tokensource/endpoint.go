package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// endpoint fetches tokens from an authority's token endpoint.
type endpoint struct {
	locate  func(context.Context) (address, error)
	method  clientauth.Method
	server  clientauth.Server
	form    url.Values
	http    *http.Client
	own     bool // http's transport is the source's own
	timeout time.Duration
	signer  *dpop.Signer // nil without DPoP

	client string // of the last request: "" if unknown
	url    string
	key    *dpop.Key // of the fetch under way; nil without DPoP
	nonce  string    // the last one of the authority (RFC 9449 §8)
}

// address is where an authority issues tokens.
type address struct {
	url     string
	methods []string // of client authentication: nil if unknown
}

// newFetcher expects a checked Config.
func newFetcher(c *Config) fetcher {
	timeout := outbound.OrDefault(c.Timeout, outbound.DefaultTimeout)
	if c.MaxAge > 0 {
		timeout = min(timeout, c.MaxAge/2)
	}
	if c.Fetch != nil {
		return &callback{call: c.Fetch, timeout: timeout}
	}
	style, _ := c.style()
	method := c.Credentials.ClientAuth()
	transport, own, _ := newTransport(c.Transport, method)
	e := &endpoint{
		method:  method,
		server:  clientauth.Server{Issuer: c.Issuer, Style: style},
		form:    c.form(),
		http:    outbound.NewClient(transport),
		own:     own,
		timeout: timeout,
		signer:  c.DPoP,
		url:     c.TokenURL,
	}
	e.locate = func(context.Context) (address, error) { return address{url: c.TokenURL}, nil }
	if c.TokenURL == "" {
		e.locate = newMetadata(c.Issuer, e.http, timeout, method).locate
		e.url = c.Issuer
	}
	return e
}

func (e *endpoint) closeIdle() {
	if e.own {
		e.http.CloseIdleConnections()
	}
}

// fetch requests a token. If the credentials are refused, it reads them again and
// tries others once: a rotation may just have been completed. Then it tries the
// other way to send a secret, until one has succeeded.
func (e *endpoint) fetch(ctx context.Context) (fetched, error) {
	at, err := e.locate(ctx)
	if err != nil {
		return e.outcome(), e.fail(ctx, err, nil)
	}
	e.url = at.url
	if e.signer != nil {
		e.key = e.signer.Key()
	}
	server := e.server
	server.Methods = at.methods
	f, used, err := e.attempt(ctx, server, nil)
	if mayBeOutdated(err) {
		if again, now, newErr := e.attempt(ctx, server, &used); newErr != errUnchanged {
			f, used, err = again, now, newErr
		}
	}
	if isInvalidClient(err) && used.Other != "" {
		server.Style = used.Other
		f, used, err = e.attempt(ctx, server, nil)
	}
	if err == nil {
		e.server.Style = used.Style
	}
	return f, err
}

// errUnchanged reports that an attempt would send the refused credentials again.
var errUnchanged = errors.New("the credentials are unchanged")

// attempt makes one authenticated request. If refused is not nil, it makes none
// with the same credentials, nor if they can't be read.
func (e *endpoint) attempt(
	ctx context.Context, server clientauth.Server, refused *clientauth.Used,
) (fetched, clientauth.Used, error) {
	r, used, err := e.prepare(ctx, server)
	switch {
	case refused != nil && (err != nil || used.Version == refused.Version):
		return fetched{}, used, errUnchanged
	case err != nil:
		return e.outcome(), used, e.fail(ctx, err, used.Secrets)
	case refused != nil:
		e.closeIdle() // a connection may carry the certificate that was refused
	}
	nonce := e.nonce
	f, err := e.request(ctx, r, used)
	if wantsNonce(err) && e.nonce != nonce { // RFC 9449 §8: once, with an assertion of its own
		if r, used, err = e.prepare(ctx, server); err != nil {
			return e.outcome(), used, e.fail(ctx, err, used.Secrets)
		}
		f, err = e.request(ctx, r, used)
	}
	return f, used, err
}

// wantsNonce reports whether the authority refused a request for its proof's nonce.
func wantsNonce(err error) bool {
	e, ok := retrieveError(err)
	return ok && e.ErrorCode == "use_dpop_nonce"
}

// prepare builds an authenticated request.
func (e *endpoint) prepare(ctx context.Context, server clientauth.Server) (clientauth.Request, clientauth.Used, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	r := clientauth.Request{Form: url.Values{}, Header: http.Header{}}
	for name, values := range e.form {
		r.Form[name] = values
	}
	r.Form.Set("grant_type", "client_credentials")
	used, err := clientauth.Add(ctx, e.method, server, &r)
	if used.ClientID != "" {
		e.client = used.ClientID
	}
	return r, used, err
}

func (e *endpoint) request(ctx context.Context, r clientauth.Request, used clientauth.Used) (fetched, error) {
	limited, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	f := e.outcome()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, e.url, strings.NewReader(r.Form.Encode()))
	if err != nil {
		return f, e.fail(ctx, outbound.WithoutURL(err), used.Secrets)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	if err := e.prove(req); err != nil {
		return f, e.fail(ctx, err, used.Secrets)
	}
	if proof := req.Header.Get("DPoP"); proof != "" {
		used.Secrets = append(used.Secrets, proof)
	}
	began := time.Now()
	res, err := e.http.Do(req)
	if err != nil {
		return f, e.fail(ctx, withoutQuotes(outbound.WithoutURL(err)), used.Secrets)
	}
	defer res.Body.Close()
	if nonce := res.Header.Get(nonceName); isNonce(nonce) {
		e.nonce = nonce
	}
	body, err := outbound.ReadBody(res.Body, maxResponse)
	if err != nil {
		return f, e.fail(ctx, err, used.Secrets)
	}
	token, err := parseResponse(res, body, began, e.scheme(), used.Secrets)
	if err != nil {
		return f, e.fail(ctx, err, used.Secrets)
	}
	f.token, f.key = token, e.key
	return f, nil
}

// prove adds a proof to a token request (RFC 9449 §5).
func (e *endpoint) prove(req *http.Request) error {
	if e.key == nil {
		return nil
	}
	proof, err := e.key.Proof(dpop.Request{Method: req.Method, URL: req.URL, Nonce: e.nonce})
	if err != nil {
		return err
	}
	req.Header.Set("DPoP", proof)
	return nil
}

func (e *endpoint) scheme() string {
	if e.key != nil {
		return dpopScheme
	}
	return bearerScheme
}

func (e *endpoint) outcome() fetched {
	return fetched{clientID: redact.Text(e.client), url: redact.URL(e.url)}
}

// fail describes why a fetch failed, without the secrets: errors of transports
// quote requests and responses.
func (e *endpoint) fail(ctx context.Context, err error, secrets []string) error {
	if ctx.Err() != nil {
		return e.describe(whyClosed(ctx))
	}
	if _, ok := retrieveError(err); ok { // holds none
		return e.describe(err)
	}
	return e.describe(outbound.ErrorWithoutSecrets(err, secrets...))
}

// withoutQuotes returns err without what its text quotes: net/http quotes malformed
// responses, which may hold a new token.
func withoutQuotes(err error) error {
	text, rest, found := strings.Cut(err.Error(), `"`)
	if !found {
		return err
	}
	text += outbound.Redacted
	if end := strings.LastIndexByte(rest, '"'); end >= 0 { // quotes within quotes are escaped: keep only the end
		text += rest[end+1:]
	}
	return errors.New(text)
}

func (e *endpoint) describe(err error) error {
	return &fetchError{client: e.client, url: redact.URL(e.url), err: err}
}

// fetchError is a failed fetch. It wraps an *oauth2.RetrieveError if the
// authority answered with an error.
type fetchError struct {
	client, url string
	err         error
}

func (e *fetchError) Unwrap() error { return e.err }

func (e *fetchError) Error() string {
	at := e.url
	if e.client != "" {
		at = "client " + strconv.Quote(redact.Text(e.client)) + " at " + at
	}
	text := e.err.Error()
	if refused, ok := retrieveError(e.err); ok {
		text = fmt.Sprintf("HTTP status %d", refused.Response.StatusCode)
		if refused.ErrorCode != "" {
			text += fmt.Sprintf(", error %q", refused.ErrorCode)
		}
	}
	return "tokensource: " + at + ": " + text
}
