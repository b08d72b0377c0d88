package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// Config configures a [Source]. Exactly one of TokenURL, Fetch, or Issuer alone
// says where tokens come from.
type Config struct {
	// TokenURL names the authority's token endpoint: https, or http on loopback.
	TokenURL string

	// Issuer names the authority exactly as its metadata does (RFC 8414, OpenID
	// Connect Discovery), which is fetched to find the token endpoint. If TokenURL
	// is set as well, Issuer only sets the "aud" of assertions.
	Issuer string

	// Fetch returns a new token at each call, instead of a token endpoint:
	// [TokenFile] for example. It must return when its context ends.
	Fetch func(context.Context) (*oauth2.Token, error)

	// Credentials authenticate the client. They are required unless Fetch is set.
	Credentials Credentials

	// AuthStyle selects how a secret is sent: as HTTP Basic or in the form. If
	// zero, the metadata decides. Without metadata, or if it lists both, Basic
	// comes first, and a refused secret is sent the other way once; the way that
	// succeeds is kept. Set AuthStyle to avoid the second attempt.
	AuthStyle oauth2.AuthStyle

	// Scopes are requested: if empty, the authority's default, which for many is
	// every scope that the client has.
	Scopes []string

	// Audience names the services that the token is for, in the parameter
	// "audience" (Auth0 and others).
	Audience []string

	// Resource names the services that the token is for, by absolute URI (RFC
	// 8707).
	Resource []string

	// Parameters are further parameters of the token request.
	Parameters url.Values

	// DPoP, if set, binds the tokens to its key (RFC 9449), so that a stolen one is
	// worth nothing. [Source.RoundTripper] and package grpctoken add a proof to each
	// attempt; Token and TokenContext return an error. The authority must issue
	// tokens of the type DPoP.
	DPoP *dpop.Signer

	// RefreshAhead says how long before its end a token is replaced: a fifth of
	// its lifetime if zero, and never more than half of it.
	RefreshAhead time.Duration

	// MaxAge limits the age of the tokens, for services that refuse old ones: no
	// limit if zero. It also serves as the lifetime of tokens without an expiry.
	MaxAge time.Duration

	// Timeout bounds each request and each call of a callback: 10 s if zero, and
	// never more than half of MaxAge.
	Timeout time.Duration

	// Transport sends the requests to the authority: one like
	// http.DefaultTransport if nil.
	Transport http.RoundTripper

	// RepeatUnsafe lets [Source.RoundTripper] repeat requests whose method is not
	// idempotent after a refused token, also without an Idempotency-Key. Set it
	// only if every service refuses a token before it acts.
	RepeatUnsafe bool

	// Context closes the Source when it ends, like [Source.Close]: never if nil.
	// Requests to the authority and callbacks receive its values.
	Context context.Context

	// Observe, if set, is called for each fetch, replacement and refusal. It may
	// be called concurrently. The next fetch waits until Observe returns. So
	// Observe may call Invalidate and Close, but must not wait for a token.
	Observe func(Event)
}

// minMaxAge leaves a token time to be of use: it is replaced at half of its age
// at the earliest, and retires a tenth before its end.
const minMaxAge = 10 * time.Second

// check returns every mistake.
func (c *Config) check() error {
	return outbound.Mistakes("tokensource",
		c.checkOrigin(),
		c.checkParameters(),
		outbound.CheckNotNegative("RefreshAhead", c.RefreshAhead),
		outbound.CheckNotNegative("MaxAge", c.MaxAge),
		outbound.CheckNotNegative("Timeout", c.Timeout),
		c.checkTimes(),
	)
}

// checkOrigin checks where tokens come from.
func (c *Config) checkOrigin() error {
	var errs []error
	mistake := func(text string) { errs = append(errs, errors.New(text)) }
	switch {
	case c.Fetch == nil && c.TokenURL == "" && c.Issuer == "":
		mistake("no TokenURL, Issuer or Fetch: want one of them")
	case c.Fetch != nil && (c.TokenURL != "" || c.Issuer != ""):
		mistake("Fetch beside TokenURL or Issuer: want one of them")
	}
	if c.TokenURL != "" {
		if err := outbound.CheckEndpoint(c.TokenURL); err != nil {
			errs = append(errs, fmt.Errorf("Config.TokenURL %s %w", redact.Quote(c.TokenURL), err))
		}
	}
	if c.Issuer != "" {
		if _, err := outbound.ParseIssuer(c.Issuer, false); err != nil {
			errs = append(errs, fmt.Errorf("Config.Issuer %s %w", redact.Quote(c.Issuer), err))
		}
	}
	if c.Fetch != nil {
		parameters := len(c.Scopes) + len(c.Audience) + len(c.Resource) + len(c.Parameters)
		if c.Credentials != nil || c.AuthStyle != 0 || c.Transport != nil || c.DPoP != nil || parameters > 0 {
			mistake("Fetch makes its own requests: Credentials, AuthStyle, Transport, DPoP, Scopes, Audience, Resource " +
				"and Parameters have no effect")
		}
		return errors.Join(errs...)
	}
	style, err := c.style()
	if err != nil {
		errs = append(errs, err)
	}
	if c.DPoP != nil && c.DPoP.Key() == nil {
		mistake("Config.DPoP has no key: make it with dpop.NewSigner")
	}
	if c.Credentials == nil {
		mistake("no Credentials: want Secret, PrivateKeyJWT or another")
		return errors.Join(errs...)
	}
	method := c.Credentials.ClientAuth()
	_, _, err = newTransport(c.Transport, method)
	return errors.Join(append(errs, err, method.Check(clientauth.Server{Issuer: c.Issuer, Style: style}))...)
}

func (c *Config) style() (clientauth.Style, error) {
	switch c.AuthStyle {
	case oauth2.AuthStyleAutoDetect:
		return "", nil
	case oauth2.AuthStyleInHeader:
		return clientauth.Basic, nil
	case oauth2.AuthStyleInParams:
		return clientauth.Post, nil
	default:
		return "", fmt.Errorf("Config.AuthStyle is %d: want one of the constants of package oauth2", c.AuthStyle)
	}
}

// ours are the parameters that other fields and Credentials set.
var ours = []string{"grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "assertion"}

func (c *Config) checkParameters() error {
	var errs []error
	for _, name := range c.Scopes {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			errs = append(errs, fmt.Errorf("Config.Scopes: %s is no scope name: want printable ASCII without spaces, "+
				"quotes and backslashes (RFC 6749 §3.3)", redact.Quote(name)))
		}
	}
	if slices.Contains(c.Audience, "") {
		errs = append(errs, errors.New("Config.Audience holds an empty name"))
	}
	for _, resource := range c.Resource {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			errs = append(errs, fmt.Errorf("Config.Resource: %s is no absolute URI without a fragment (RFC 8707 §2)", redact.Quote(resource)))
		}
	}
	for name := range c.Parameters {
		switch {
		case name == "" || slices.Contains(ours, name):
			errs = append(errs, fmt.Errorf("Config.Parameters: %s is set by other fields", redact.Quote(name)))
		case name == "audience" && len(c.Audience) > 0, name == "resource" && len(c.Resource) > 0:
			errs = append(errs, fmt.Errorf("Config.Parameters: %s stands beside the field of this name: want one of them", redact.Quote(name)))
		}
	}
	return errors.Join(errs...)
}

// checkTimes refuses durations that no token can satisfy.
func (c *Config) checkTimes() error {
	if c.MaxAge <= 0 {
		return nil
	}
	var errs []error
	if c.MaxAge < minMaxAge {
		errs = append(errs, fmt.Errorf("Config.MaxAge is %v: want at least %v", c.MaxAge, minMaxAge))
	}
	if c.RefreshAhead > c.MaxAge/2 {
		errs = append(errs, fmt.Errorf("Config.RefreshAhead is %v: want at most half of MaxAge, %v", c.RefreshAhead, c.MaxAge/2))
	}
	if c.Timeout > c.MaxAge/2 {
		errs = append(errs, fmt.Errorf("Config.Timeout is %v: want at most half of MaxAge, %v", c.Timeout, c.MaxAge/2))
	}
	return errors.Join(errs...)
}

// form returns the parameters of every token request.
func (c *Config) form() url.Values {
	form := url.Values{}
	for name, values := range c.Parameters {
		form[name] = slices.Clone(values)
	}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	for name, values := range map[string][]string{"audience": c.Audience, "resource": c.Resource} {
		if len(values) > 0 {
			form[name] = slices.Clone(values)
		}
	}
	return form
}
