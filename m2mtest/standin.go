package m2mtest

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// Shape returns the claims by which an authority marks the token of a machine with a
// client ID and scopes: members that are added to the following or replace them, or
// remove them if they are [Absent]. issuer is Options.Issuer.
//
// Without a Shape, "iss", the audience, the client ID and the scopes are in the claims
// from which issuer reads them, the subject is the client ID, and there are "iat",
// "nbf", "exp" and "jti". An issuer with ScopesFrom has scopes that only a Shape can
// write. A token of a SPIFFE trust domain has no "iss".
type Shape func(issuer verifier.Issuer, clientID string, scopes []string) map[string]any

// standIn is the authority that an [Authority] stands in for.
type standIn struct {
	issuer verifier.Issuer
	shape  Shape
}

// newStandIn returns nil without Options.Issuer.
func newStandIn(opts *Options) (*standIn, error) {
	iss := opts.Issuer
	switch {
	case iss == nil && opts.Shape != nil:
		return nil, errors.New("option Shape is set without Issuer: write the result of the preset there")
	case iss == nil:
		return nil, nil
	case iss.Name == "" || len(iss.Audiences) == 0:
		return nil, errors.New("option Issuer has no Name or no Audiences: write the result of a preset of package issuers")
	case iss.Introspect != nil:
		return nil, errors.New("option Issuer has Introspect: its tokens need no keys; give verifier.New an Issuer whose Introspect answers about the test's tokens (an example is in package introspection)")
	case opts.CustomDomain != "":
		return nil, errors.New("option CustomDomain contradicts Issuer: it is a domain of Stytch")
	}
	return &standIn{*iss, opts.Shape}, nil
}

// algorithmsOf returns the algorithms that an issuer accepts.
func algorithmsOf(iss verifier.Issuer) []string {
	if iss.Algorithms == nil {
		return []string{"RS256", "ES256", "EdDSA"}
	}
	return iss.Algorithms
}

// firstAlgorithm returns the algorithm of a key that no option names.
func (a *Authority) firstAlgorithm() string {
	if a.standsFor != nil {
		return algorithmsOf(a.standsFor.issuer)[0]
	}
	return "RS256"
}

// keyUse returns the use of published keys.
func (a *Authority) keyUse() string {
	if a.standsFor != nil && a.standsFor.issuer.TrustDomain != "" {
		return "jwt-svid" // as SPIFFE bundles have it
	}
	return "sig"
}

// setType sets the header's "typ" to one that the issuer accepts.
func (s *standIn) setType(header map[string]any) {
	switch types := s.issuer.TokenTypes; {
	case types == nil || slices.Contains(types, "JWT"):
	case types[0] == "":
		delete(header, "typ")
	default:
		header["typ"] = types[0]
	}
}

// setClaims adds the claims of a token of spec.
func (s *standIn) setClaims(claims map[string]any, spec TokenSpec) {
	iss := s.issuer
	client := firstOf(iss.ClientIDClaims, "client_id")
	if iss.TrustDomain != "" {
		client = firstOf(iss.ClientIDClaims, "sub")
	}
	audience := firstOf(iss.AudienceClaims, "aud")
	if spec.ClientID == "" {
		spec.ClientID = "worker"
		if audience == client {
			spec.ClientID = iss.Audiences[0]
		}
	}
	claims["jti"] = newUUID()
	claims["iss"] = iss.Name
	if iss.TrustDomain != "" {
		delete(claims, "iss")
	}
	claims[audience] = iss.Audiences[0]
	claims["sub"] = spec.ClientID
	claims[client] = spec.ClientID
	if iss.ScopesFrom == nil && len(spec.Scopes) > 0 {
		claims[firstOf(iss.ScopeClaims, "scope")] = strings.Join(spec.Scopes, " ")
	}
	if s.shape != nil {
		maps.Copy(claims, s.shape(iss, spec.ClientID, slices.Clone(spec.Scopes)))
	}
	if spec.Issuer != "" {
		claims["iss"] = spec.Issuer
	}
	if spec.Audience != nil {
		claims[audience] = spec.Audience
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == Absent })
}

// firstOf returns the first of names, or otherwise.
func firstOf(names []string, otherwise string) string {
	if len(names) == 0 {
		return otherwise
	}
	return names[0]
}
