// Package discovery makes a [verifier.Issuer] from the metadata that an authority
// publishes by OpenID Connect Discovery or RFC 8414. For an authority that has a
// preset in package issuers, use the preset: metadata does not describe tokens.
// docs/issuers.md, "Without a preset", says what to find out about the tokens.
package discovery

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options are the optional parts of [Issuer]. The zero value is the default.
type Options struct {
	// Audiences are the names of this service, for Issuer.Audiences. Metadata does
	// not contain them, and verifier.New requires one: set them here or in the
	// result.
	Audiences []string

	// JWKS configures the key set of the result. FetchTimeout, MaxBytes and
	// InsecureHTTP apply to the metadata as well. Transport, if set, replaces the
	// guarded transport for metadata and keys: addresses are not checked then.
	JWKS verifier.JWKSOptions

	// RootCAs are the trusted CAs of the servers' certificates: the system's if
	// nil.
	RootCAs *x509.CertPool

	// AllowPrivate admits addresses that are not on the public Internet, such as
	// loopback, private and link-local ones. A local authority needs it.
	AllowPrivate bool
}

// Issuer fetches an authority's metadata and returns the issuer that it
// describes. issuerURL is the exact "iss" of the authority's tokens, including a
// trailing slash. opts may be nil.
//
// Metadata names the key set and nothing about tokens: Report.Assumptions lists
// the defaults that remain to be checked. In particular, metadata does not say
// what distinguishes machines from people. Only tokens whose subject is the
// client are accepted.
//
// The metadata's "issuer" must be identical to issuerURL. Issuer follows no
// redirects and uses no proxies. It refuses addresses that are not on the public
// Internet when it connects, after the name was resolved. URLs must be https. Plain
// http is admitted on loopback or with JWKS.InsecureHTTP. Without the latter, an https
// issuer's jwks_uri must be https, too. The verifier fetches the keys under the same
// rules.
//
// Call Issuer at start-up: it fetches once and does not retry. It tries two
// locations and fails with an [Error] for each.
func Issuer(ctx context.Context, issuerURL string, opts *Options) (verifier.Issuer, Report, error) {
	if opts == nil {
		opts = &Options{}
	}
	f, err := newFetcher(opts)
	u, urlErr := outbound.ParseIssuer(issuerURL, opts.JWKS.InsecureHTTP)
	if urlErr != nil {
		urlErr = &Error{URL: redact.URL(issuerURL), Reason: MalformedURL, Err: urlErr}
	}
	if err := errors.Join(urlErr, err); err != nil {
		return verifier.Issuer{}, Report{}, err
	}
	var errs []error
	for _, location := range locations(u) {
		keys, err := f.metadata(ctx, location, issuerURL)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		iss := verifier.Issuer{
			Name:      issuerURL,
			Audiences: slices.Clone(opts.Audiences),
			JWKSURL:   keys,
			JWKS:      opts.JWKS,
		}
		iss.JWKS.Transport = f.client.Transport
		return iss, Report{MetadataURL: location, Assumptions: assumptions(opts)}, nil
	}
	return verifier.Issuer{}, Report{}, errors.Join(errs...)
}

// locations returns the URLs of an issuer's metadata: below the issuer's own path
// (OpenID Connect Discovery 1.0 §4) and at the root of its host (RFC 8414 §3.1).
// Both remove a trailing slash of the path.
func locations(u *url.URL) []string {
	root, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	return []string{
		root + path + "/.well-known/openid-configuration",
		root + "/.well-known/oauth-authorization-server" + path,
	}
}
