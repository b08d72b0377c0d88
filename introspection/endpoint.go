package introspection

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/introspect"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// maxAnswer bounds an answer: a longer one is refused.
const maxAnswer = 64 << 10

// endpoint asks an introspection endpoint. It is the transport alone: the Verifier
// remembers, bounds and retries.
type endpoint struct {
	url     string
	method  clientauth.Method
	issuer  string       // for the "aud" of assertions
	http    *http.Client // follows no redirect
	own     bool         // http's transport is the endpoint's own
	timeout time.Duration

	style   atomic.Value // the clientauth.Style that has succeeded
	closing sync.Once
}

// ask sends one question (RFC 7662 §2.1) and returns the JSON of the answer. If the
// authority refuses the secret, it is sent in the other way, until one has succeeded.
// Errors name the endpoint; none holds the token or a secret.
func (e *endpoint) ask(ctx context.Context, token string) ([]byte, error) {
	if e.own {
		e.closing.Do(func() { context.AfterFunc(introspect.Lifetime(ctx), e.http.CloseIdleConnections) })
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	server := clientauth.Server{Issuer: e.issuer}
	server.Style, _ = e.style.Load().(clientauth.Style)
	body, used, err := e.attempt(ctx, server, token)
	if s, ok := errors.AsType[*introspect.StatusError](err); ok && s.Status == http.StatusUnauthorized && used.Other != "" {
		server.Style = used.Other
		body, used, err = e.attempt(ctx, server, token)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", redact.URL(e.url), err)
		return nil, outbound.ErrorWithoutToken(outbound.ErrorWithoutSecrets(err, used.Secrets...), token)
	}
	e.style.Store(used.Style)
	return body, nil
}

// attempt sends one request, with credentials for server.
func (e *endpoint) attempt(ctx context.Context, server clientauth.Server, token string) ([]byte, clientauth.Used, error) {
	r := clientauth.Request{Form: url.Values{}, Header: http.Header{}}
	used, err := clientauth.Add(ctx, e.method, server, &r)
	if err != nil {
		return nil, used, err
	}
	r.Form.Set("token", token)
	r.Form.Set("token_type_hint", "access_token")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(r.Form.Encode()))
	if err != nil {
		return nil, used, outbound.WithoutURL(err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := e.http.Do(req)
	if err != nil {
		return nil, used, outbound.WithoutURL(err)
	}
	defer res.Body.Close()
	body, err := read(res, append(used.Secrets, token))
	return body, used, err
}

// read returns the body of an answer, or says why the response is none.
func read(res *http.Response, secrets []string) ([]byte, error) {
	if res.StatusCode != http.StatusOK {
		body, _ := outbound.ReadBody(res.Body, maxAnswer) // so that the connection can be used again
		return nil, &introspect.StatusError{
			Status:     res.StatusCode,
			RetryAfter: outbound.RetryAfter(res.Header),
			Err:        fmt.Errorf("HTTP status %d%s%s", res.StatusCode, errorCode(body, secrets), meaning(res.StatusCode)),
		}
	}
	if err := checkType(res.Header.Get("Content-Type")); err != nil {
		return nil, fmt.Errorf("%w: %w", introspect.ErrAnswer, err)
	}
	return outbound.ReadBody(res.Body, maxAnswer)
}

// errorCode returns what an error response (RFC 6749 §5.2) says, for an error. Its
// description is not shown: it could repeat the request.
func errorCode(body []byte, secrets []string) string {
	obj, err := strictjson.Parse(string(body), strictjson.Limits{Depth: 4, Members: 64}, nil)
	if err != nil {
		return ""
	}
	v, _ := obj.Get("error")
	text, _ := v.Text()
	if text = outbound.Code(text, secrets...); text == "" {
		return ""
	}
	return fmt.Sprintf(", error %q", text)
}

// meaning explains a status whose usual cause is the configuration of this service. It
// says nothing about the caller's token.
func meaning(status int) string {
	const signed = " does the authority sign or encrypt its answers for this service's client (RFC 9701)? Only application/json is asked for and read"
	switch {
	case status == http.StatusUnauthorized: // RFC 7662 §2.3
		return ": the authority refuses this service's own Credentials"
	case status == http.StatusForbidden:
		return ": the authority does not let this service's own client ask about tokens"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return ": is Endpoint the introspection endpoint?"
	case status == http.StatusBadRequest:
		return ": is Endpoint the introspection endpoint, and" + signed
	case status == http.StatusNotAcceptable:
		return ":" + signed
	case status >= 300 && status < 400:
		return ": redirects are not followed"
	}
	return ""
}

// checkType reports why a body of this media type is no answer.
func checkType(contentType string) error {
	switch kind, _, _ := mime.ParseMediaType(contentType); kind {
	case "application/json":
		return nil
	case "application/token-introspection+jwt":
		return errors.New("the answer is a signed or encrypted JWT (RFC 9701), want application/json: " +
			"let the authority neither sign nor encrypt them for this service's client, or heed Accept: application/json")
	}
	return fmt.Errorf("the media type is %s, want application/json", outbound.Quote(contentType))
}
