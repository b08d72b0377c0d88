package issuers

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// DiscoverOptions are the optional parts of [Discover]. The zero value is every
// default.
type DiscoverOptions struct {
	// Audiences are the names of this service, for Issuer.Audiences. Metadata
	// can't know them, and verifier.New wants them: name them here, or in the
	// result.
	Audiences []string

	// JWKS says how the keys are kept. FetchTimeout and MaxBytes bound each
	// fetch of metadata as well. A Transport takes the place of the guarded
	// one, for the metadata too: what it may connect to is then its business.
	JWKS verifier.JWKSOptions

	// RootCAs are the CAs that the servers' certificates may come from: the
	// system's if nil.
	RootCAs *x509.CertPool

	// AllowPrivate admits loopback, private, link-local and other addresses
	// that are not on the public Internet.
	AllowPrivate bool
}

// Discover makes an issuer of the metadata that an authority publishes: by
// OpenID Connect Discovery, or RFC 8414. issuerURL is the exact "iss" of its
// tokens, a slash at the end included. opts may be nil.
//
// Metadata tells where the keys are, and nothing about tokens: the [Report]
// says what is left to find out. In particular it does not tell what marks a
// machine, so that only tokens whose subject is the client are accepted. For
// an authority that has a preset here, the preset knows better.
//
// The metadata's "issuer" must be identical to issuerURL. Everything must be
// https; redirects are not followed, proxies not used, and addresses that are
// not on the public Internet refused when the connection is made, so that no
// name can be made to point at one afterwards. The keys are fetched under the
// same rules, for as long as the issuer is in use.
//
// It is for start-up: it fetches once, and fails with [DiscoveryError]s, one
// for each place that was tried.
func Discover(ctx context.Context, issuerURL string, opts *DiscoverOptions) (verifier.Issuer, Report, error) {
	if opts == nil {
		opts = &DiscoverOptions{}
	}
	f, err := newFetcher(opts)
	u, urlErr := httpsURL(issuerURL)
	if urlErr != nil {
		urlErr = &DiscoveryError{URL: issuerURL, Reason: MalformedURL, Err: urlErr}
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
		return iss, Report{MetadataURL: location, Untold: untold(opts)}, nil
	}
	return verifier.Issuer{}, Report{}, errors.Join(errs...)
}

// locations are the places of the metadata of an issuer, without a slash at
// the end of its path (OpenID Connect Discovery 1.0 §4, RFC 8414 §3.1). The
// first lies below the issuer's own path, the second at the root of the host.
func locations(u *url.URL) []string {
	root, path := "https://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	return []string{
		root + path + "/.well-known/openid-configuration",
		root + "/.well-known/oauth-authorization-server" + path,
	}
}

func httpsURL(raw string) (*url.URL, error) {
	u, err := issuerURL(raw)
	if err == nil && u.Scheme != "https" {
		return nil, errors.New("is not https")
	}
	return u, err
}

// bounds are those of a key set (verifier.JWKSOptions).
func bounds(o verifier.JWKSOptions) (timeout time.Duration, maxBytes int) {
	timeout, maxBytes = o.FetchTimeout, o.MaxBytes
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	if maxBytes == 0 {
		maxBytes = 256 << 10
	}
	return timeout, maxBytes
}
