// Package introspection is for authorities that issue opaque tokens: it asks them
// about each token (RFC 7662), where a JWT would be verified locally.
//
//	issuer, err := introspection.Issuer(introspection.Config{
//		Issuer:      "https://auth.example.com",
//		Endpoint:    "https://auth.example.com/introspect",
//		Credentials: tokensource.SecretFile("/var/run/secrets/orders"),
//		Audiences:   []string{"https://orders.example.com"},
//	})
//	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
//
// The Verifier remembers answers for Config.TTL, which is how long a token that is
// revoked at the authority is still accepted, asks one question at a time about a
// token, and bounds what a flood of junk causes. Change further fields of the result,
// such as Accept, before it is used.
package introspection

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/introspect"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// Config describes an authority and its introspection endpoint.
type Config struct {
	// Issuer names the authority: the "iss" of its answers and of its JWTs, if they
	// have one. Required.
	Issuer string

	// Endpoint is the introspection endpoint: https, or http on loopback. Required.
	Endpoint string

	// Credentials authenticate this service to the authority (RFC 7662 §2.1). Required.
	// Those with a certificate need a Transport that presents it.
	Credentials tokensource.Credentials

	// Audiences are the names of this service, one of which an answer must name.
	// Required, unless AllowNoAudience is set and the authority names none.
	Audiences       []string
	AllowNoAudience bool

	// TTL is how long an answer counts: 30 s if zero, 1 s to 5 min.
	TTL time.Duration

	// Timeout bounds one request: 5 s if zero, at most 10 s.
	Timeout time.Duration

	// Transport sends the requests: one like http.DefaultTransport if nil.
	Transport http.RoundTripper
}

const maxIdle = 8 // connections

// maxAnswer bounds an answer: a longer one is refused.
const maxAnswer = 64 << 10

// Issuer returns the Issuer for verifier.Config, or an error that reports every
// mistake in c. It makes no request.
func Issuer(c Config) (verifier.Issuer, error) {
	timeout := outbound.OrDefault(c.Timeout, 5*time.Second)
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("Config."+format, args...)) }
	if c.Issuer == "" {
		mistake("Issuer is empty")
	}
	if err := outbound.CheckEndpoint(c.Endpoint); err != nil {
		mistake("Endpoint %s %w", redact.Quote(c.Endpoint), err)
	}
	if timeout < 0 || timeout > introspect.Timeout {
		mistake("Timeout is %v: want a positive duration, at most %v", c.Timeout, introspect.Timeout)
	}
	server := clientauth.Server{Issuer: c.Issuer}
	var method clientauth.Method
	if c.Credentials == nil {
		mistake("Credentials is nil: want those of this service at the authority")
	} else if method = c.Credentials.ClientAuth(); method.Check(server) != nil {
		errs = append(errs, method.Check(server))
	} else if _, ok := clientauth.PresenterOf(method); ok && c.Transport == nil {
		mistake("Credentials hold a certificate: set a Transport that presents it")
	}
	if err := outbound.Mistakes("introspection", errs...); err != nil {
		return verifier.Issuer{}, err
	}
	transport := c.Transport
	if transport == nil {
		transport = outbound.NewTransport(maxIdle)
	}
	e := &endpoint{url: c.Endpoint, method: method, server: server, http: outbound.NewClient(transport), own: c.Transport == nil, timeout: timeout}
	return verifier.Issuer{
		Name:            c.Issuer,
		Audiences:       c.Audiences,
		AllowNoAudience: c.AllowNoAudience,
		Introspect:      e.ask,
		IntrospectTTL:   c.TTL,
	}, nil
}

// endpoint asks an introspection endpoint. It is the transport alone: the Verifier
// remembers, bounds and retries.
type endpoint struct {
	url     string
	method  clientauth.Method
	server  clientauth.Server
	http    *http.Client // follows no redirect
	own     bool         // http's transport is the endpoint's own
	timeout time.Duration

	closing sync.Once
}

// ask sends one question (RFC 7662 §2.1) and returns the JSON of the answer. No error
// holds the token or a secret.
func (e *endpoint) ask(ctx context.Context, token string) ([]byte, error) {
	if e.own {
		e.closing.Do(func() { context.AfterFunc(introspect.Lifetime(ctx), e.http.CloseIdleConnections) })
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	r := clientauth.Request{Form: url.Values{}, Header: http.Header{}}
	used, err := clientauth.Add(ctx, e.method, e.server, &r)
	if err != nil {
		return nil, outbound.ErrorWithoutSecrets(err, used.Secrets...)
	}
	secrets := append([]string{token}, used.Secrets...)
	r.Form.Set("token", token)
	r.Form.Set("token_type_hint", "access_token")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(r.Form.Encode()))
	if err != nil {
		return nil, outbound.ErrorWithoutSecrets(outbound.WithoutURL(err), secrets...)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", outbound.UserAgent)
	res, err := e.http.Do(req)
	if err != nil {
		return nil, outbound.ErrorWithoutSecrets(outbound.WithoutURL(err), secrets...)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.CopyN(io.Discard, res.Body, maxAnswer) // so that the connection can be used again
		return nil, &introspect.StatusError{
			Status: res.StatusCode, RetryAfter: outbound.RetryAfter(res.Header), Err: fmt.Errorf("%s: HTTP status %d", redact.URL(e.url), res.StatusCode),
		}
	}
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind == "application/token-introspection+jwt" {
		return nil, fmt.Errorf("%w: it is signed (RFC 9701), want application/json", introspect.ErrAnswer)
	}
	body, err := outbound.ReadBody(res.Body, maxAnswer)
	if err != nil {
		return nil, outbound.ErrorWithoutSecrets(err, secrets...)
	}
	return body, nil
}
