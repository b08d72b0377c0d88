package tokensource

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/m2mauth/m2mauth/internal/challenge"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// maxDrain is how much of a refusal's body is read so that its connection can be
// used again.
const maxDrain = 64 << 10

// RoundTripper returns a transport for http.Client that adds the token to each
// request to one of origins ("https://api.example.com"), and to no other: neither
// a redirect nor a request that is derived from a response carries it elsewhere.
// base sends the requests: http.DefaultTransport if nil. An origin is https, or
// http on loopback.
//
// If a service answers 401 with the challenge Bearer error="invalid_token", the
// token is replaced once and the request is repeated once. Until then other
// origins keep the token. A Retry-After of the refusal delays that by up to 5 s.
// The 401 is returned if there is no other token (see [Source.Invalidate]), or if
// the request can't be repeated: its body has no GetBody, or its method is not
// idempotent and it has no Idempotency-Key (see Config.RepeatUnsafe). Every other
// response is returned unchanged: for a service that refuses tokens without this
// challenge, call [Source.Invalidate].
//
// With Config.DPoP, each attempt carries a proof of its own for its method and URL. A
// request whose proof is refused, or that needs a nonce of the service, is repeated
// once, by the same rule (RFC 9449 §7.1, §9).
//
// The result is safe for concurrent use. Its requests end with their own context;
// the fetch of a token goes on for other requests.
func (s *Source) RoundTripper(base http.RoundTripper, origins ...string) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &roundTripper{source: s, base: base}
	var errs []error
	if s.ctx == nil {
		errs = append(errs, errZero)
	}
	if len(origins) == 0 {
		errs = append(errs, errors.New("no origins: want those of the services that the token is for"))
	}
	for _, raw := range origins {
		o, err := parseOrigin(raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("origin %s %w", redact.Quote(raw), err))
			continue
		}
		t.origins = append(t.origins, destination{o, o.String()})
	}
	if err := outbound.Mistakes("tokensource", errs...); err != nil {
		return nil, err
	}
	return t, nil
}

type roundTripper struct {
	source  *Source
	base    http.RoundTripper
	origins []destination
}

// destination is an origin with its text.
type destination struct {
	origin
	text string
}

// RoundTrip implements [http.RoundTripper].
func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	to, ok := t.destination(req)
	if !ok {
		return t.base.RoundTrip(t.source.withoutToken(req))
	}
	h, err := t.source.heldFor(req.Context(), to)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	body := req.Body
	for triedToken, triedProof := false, false; ; {
		res, err := t.send(req, h, body, to)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			return res, err
		}
		refused := challenge.RefusalOf(res.Header["Www-Authenticate"], h.scheme())
		switch {
		case refused == challenge.Token && !triedToken:
			triedToken = true
			if h, err = t.another(req, res, h, to); err != nil {
				res.Body.Close()
				return nil, err
			}
		case refused == challenge.Proof && !triedProof && t.repeatable(req):
			triedProof = true
		default:
			return res, nil
		}
		if h == nil {
			return res, nil
		}
		if req.GetBody != nil {
			if body, err = req.GetBody(); err != nil {
				return res, nil
			}
		}
		io.CopyN(io.Discard, res.Body, maxDrain)
		res.Body.Close()
	}
}

// another returns the token that replaces the one that res refuses, or nil if there
// is none or the request can't be repeated.
func (t *roundTripper) another(req *http.Request, res *http.Response, h *held, to string) (*held, error) {
	after := outbound.RetryAfter(res.Header)
	if !t.repeatable(req) {
		t.source.refuse(to, h.token.AccessToken, after) // for later requests
		return nil, nil
	}
	return t.source.replacement(req.Context(), to, h.token.AccessToken, after)
}

// destination returns the text of the origin that req goes to, if the token is
// for it. A Host that differs from the URL may lead to another service behind the
// same address.
func (t *roundTripper) destination(req *http.Request) (string, bool) {
	if req.URL == nil {
		return "", false
	}
	o := originOf(req.URL)
	if req.Host != "" && req.Host != req.URL.Host && originOf(&url.URL{Scheme: req.URL.Scheme, Host: req.Host}) != o {
		return "", false
	}
	for i := range t.origins { // few
		if t.origins[i].origin == o {
			return t.origins[i].text, true
		}
	}
	return "", false
}

// attempt is a request on its way, with the value of its Authorization header: one
// allocation for both.
type attempt struct {
	request       http.Request
	authorization [1]string
}

// send sends a copy of req with the token, and a proof if it is bound. The response
// refers to req itself: a client that copies headers from Response.Request, to follow a
// redirect by hand, must not find the token there.
func (t *roundTripper) send(req *http.Request, h *held, body io.ReadCloser, to string) (*http.Response, error) {
	a := &attempt{*req, [...]string{h.authorization}}
	sent := &a.request
	sent.Header = without(req.Header, "Authorization")
	sent.Header["Authorization"] = a.authorization[:]
	proof := ""
	if h.key != nil {
		var err error
		if proof, err = h.proof(req.Method, req.URL, t.source.nonces.get(to)); err != nil {
			if body != nil {
				body.Close()
			}
			return nil, err
		}
		sent.Header = without(sent.Header, "DPoP")
		sent.Header["Dpop"] = []string{proof}
	}
	sent.Body = body
	res, err := t.base.RoundTrip(sent)
	if res != nil {
		res.Request = req
		if h.key != nil {
			t.source.nonces.set(to, res.Header.Get(nonceName))
		}
	}
	if err != nil { // net/http quotes malformed responses, which may repeat the request
		err = outbound.ErrorWithoutSecrets(err, h.token.AccessToken, proof)
	}
	return res, err
}

// without returns a copy of h without a field, in any spelling of its name.
func without(h http.Header, name string) http.Header {
	copied := maps.Clone(h)
	if copied == nil {
		copied = http.Header{}
	}
	for key := range copied {
		if len(key) == len(name) && strings.EqualFold(key, name) {
			delete(copied, key)
		}
	}
	return copied
}

// withoutToken returns req without the source's token, which must not get to
// another origin by a copied header.
func (s *Source) withoutToken(req *http.Request) *http.Request {
	if len(req.Header["Authorization"]) == 0 || !s.holds(req.Header["Authorization"]) {
		return req
	}
	sent := req.WithContext(req.Context())
	sent.Header = without(req.Header, "Authorization")
	return sent
}

// repeatable reports whether req may be sent again after a refusal. Methods and
// header fields are those that net/http goes by; PUT and DELETE are idempotent,
// too (RFC 9110 §9.2.2).
func (t *roundTripper) repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return t.source.repeatUnsafe || len(req.Header["Idempotency-Key"]) > 0 || len(req.Header["X-Idempotency-Key"]) > 0
}

// CloseIdleConnections is called by http.Client.CloseIdleConnections.
func (t *roundTripper) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
