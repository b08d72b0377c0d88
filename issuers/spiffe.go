package issuers

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/spiffeid"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// SPIFFEOptions configures a [SPIFFE] issuer. Callers and one of BundleURL and
// FetchBundle are required.
type SPIFFEOptions struct {
	// Callers maps the workloads that may call to their scopes: by an exact SPIFFE
	// ID, "spiffe://example.org/ns/prod/sa/api", or by all IDs below one,
	// "spiffe://example.org/ns/prod/*". An exact ID decides before a prefix, and a
	// longer prefix before a shorter one: the rights of two rules are never added up.
	// A prefix ends at a slash: "/ns/prod/*" is neither "/ns/prod" nor
	// "/ns/production/x".
	Callers Callers

	// BundleURL is the address of the trust domain's bundle endpoint with the profile
	// https_web. The profile https_spiffe is not supported: fetch its bundle by
	// FetchBundle.
	BundleURL string

	// FetchBundle returns the bundle from elsewhere: the SPIFFE Workload API, a file.
	// It becomes Issuer.FetchJWKS. Keys without a use are then taken, too.
	FetchBundle func(context.Context) ([]byte, error)

	// Issuers are values of "iss" that the trust domain's server writes, if it writes
	// one: SPIRE's jwt_issuer. "spiffe://" and the trust domain is always accepted.
	Issuers []string

	// JWKS becomes Issuer.JWKS.
	JWKS verifier.JWKSOptions
}

// SPIFFE returns the issuer for the workloads of a SPIFFE trust domain, such as
// "example.org", by their JWT-SVIDs. audience is the one that callers ask their
// Workload API for. The client ID is the SPIFFE ID, and Client.Issuer is "spiffe://"
// and the trust domain, also for tokens with another "iss".
//
// Every workload of the trust domain can get a JWT-SVID for any audience:
// opts.Callers lists those that may call. Whoever receives a JWT-SVID can present it
// to every service of the same audience, so give each service one of its own.
//
// For federated trust domains, add one issuer for each.
func SPIFFE(trustDomain, audience string, opts *SPIFFEOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &SPIFFEOptions{}
	}
	m := mistakes{preset: "SPIFFE"}
	if !spiffeid.IsTrustDomain(trustDomain) {
		m.add("%s is no trust domain: write its name in lower case, such as example.org, without spiffe://", redact.Quote(trustDomain))
	}
	m.audience(audience, "the audience that callers ask their Workload API for, best this service's SPIFFE ID or URL")
	if (opts.BundleURL == "") == (opts.FetchBundle == nil) {
		m.add("want exactly one of BundleURL and FetchBundle: they say where the trust domain's keys are")
	}
	if len(opts.Callers) == 0 {
		m.add("no callers: every workload of the trust domain can get a token for this audience; name those that may call")
	}
	for _, id := range slices.Sorted(maps.Keys(opts.Callers)) {
		// An ID has no "*", so the two kinds can't be confused. The prefix of a whole
		// trust domain has no path.
		exact := strings.TrimSuffix(id, "/*")
		domain, _, ok := spiffeid.Split(exact)
		if !ok && exact != id {
			domain, ok = strings.CutPrefix(exact, spiffeid.Scheme)
		}
		if !ok || domain != trustDomain {
			m.add("the caller %s is no SPIFFE ID of the trust domain: write %s, or a path and /* for all below it",
				redact.Quote(id), redact.Quote(spiffeid.Scheme+trustDomain+"/PATH"))
		}
	}
	iss := verifier.Issuer{
		Name:        spiffeid.Scheme + trustDomain,
		Aliases:     slices.Clone(opts.Issuers),
		Audiences:   []string{audience},
		JWKSURL:     opts.BundleURL,
		FetchJWKS:   opts.FetchBundle,
		JWKS:        opts.JWKS,
		Algorithms:  []string{"RS256", "ES256", "ES384"}, // SPIRE's key types
		TrustDomain: trustDomain,
	}
	matchSPIFFE(maps.Clone(opts.Callers)).apply(&iss)
	return m.result(iss)
}

func matchSPIFFE(callers Callers) matcher {
	return func(c verifier.Client) (scopes.Set, error) {
		// The verifier has checked the ID: it has one spelling, and no dot segments.
		if set, ok := callers[c.Subject]; ok {
			return set, nil
		}
		for parent := c.Subject; ; {
			slash := strings.LastIndexByte(parent, '/')
			if slash < len(spiffeid.Scheme) {
				return scopes.Set{}, unlisted(c, "the workload", "sub")
			}
			parent = parent[:slash]
			if set, ok := callers[parent+"/*"]; ok {
				return set, nil
			}
		}
	}
}
