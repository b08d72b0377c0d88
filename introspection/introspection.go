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
	"fmt"
	"net/http"
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
	// verifier.New requires them, unless AllowNoAudience is set and the authority
	// names none.
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
	e := &endpoint{url: c.Endpoint, method: method, issuer: c.Issuer, http: outbound.NewClient(transport), own: c.Transport == nil, timeout: timeout}
	return verifier.Issuer{
		Name:            c.Issuer,
		Audiences:       c.Audiences,
		AllowNoAudience: c.AllowNoAudience,
		Introspect:      e.ask,
		IntrospectTTL:   c.TTL,
	}, nil
}
