package gateway_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// TestIssuer: a token with another "iss" than the metadata's is returned with a warning.
func TestIssuer(t *testing.T) {
	for _, tt := range []struct{ name, issuer, want string }{
		{"no metadata", "", ""},
		{"another name", "https://login.example.com", `the token's "iss" is "stytch.com/project-`},
	} {
		s := newSaaS(t, gateway.TokenEndpointOptions{Issuer: tt.issuer})
		r := s.post(t, "grant_type=client_credentials", formType, basic(s.id, s.secret))
		if got := s.last().Warning; r.status != 200 || !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("Warning with %s = %q (status %d), want %q and 200", tt.name, got, r.status, tt.want)
		}
	}
}

// TestIssuerMatches: nothing is reported if Stytch names its custom domain.
func TestIssuerMatches(t *testing.T) {
	const domain = "https://login.example.com"
	s := newSaaSAt(t, gateway.TokenEndpointOptions{Issuer: domain}, domain)
	r := s.post(t, "grant_type=client_credentials", formType, basic(s.id, s.secret))
	if got := s.last().Warning; r.status != 200 || got != "" {
		t.Errorf("Warning = %q (status %d), want none and 200", got, r.status)
	}
}

// TestIssuerMistakes: an Issuer that Stytch can't write is refused.
func TestIssuerMistakes(t *testing.T) {
	const project = "project-live-1"
	for _, tt := range []struct{ name, issuer, baseURL, want string }{
		{"Stytch's own domain by default", "https://login.example.com", "", `domain name "stytch.com/project-live-1"`},
		{"Stytch's own domain", "https://login.example.com", "https://api.stytch.com/", `domain name "stytch.com/project-live-1"`},
		{"a path", "https://login.example.com/x", "https://stytch.example.com", "has a path"},
		{"a custom domain", "https://login.example.com", "https://login.example.com", ""},
	} {
		_, err := gateway.NewTokenEndpoint(project, &gateway.TokenEndpointOptions{Issuer: tt.issuer, BaseURL: tt.baseURL})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("NewTokenEndpoint with %s = %v, want %q", tt.name, err, tt.want)
		}
	}
}
