// Package doortest holds one table of decisions, and runs it through every
// door of the module: Verifier.Authorize, HTTP, gRPC unary and gRPC streams,
// without a transport and over sockets. The verdict and the Reason must be the
// same at each.
package doortest

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Call is what a caller presents, and what the operation requires.
type Call struct {
	Authorization    []string
	PeerCertificates []*x509.Certificate
	Need             scopes.Requirement

	Certificates []tlstest.Pair // behind the PeerCertificates, for doors with TLS

	Elsewhere   map[string]string // further headers or metadata, by lower-case names
	Query, Form string            // of the request, at doors that have them
}

// ClientTLS is the configuration of a client that trusts server and presents
// the Certificates; nil if there are none, for a connection without TLS.
func (c Call) ClientTLS(server tlstest.Pair, protocols ...string) *tls.Config {
	if len(c.Certificates) == 0 {
		return nil
	}
	own := c.Certificates[0]
	own.Certificate.Certificate = nil
	for _, p := range c.Certificates {
		own.Certificate.Certificate = append(own.Certificate.Certificate, p.Leaf.Raw)
	}
	cfg := server.ClientConfig(&own)
	cfg.NextProtos = protocols
	return cfg
}

// Result is what came of a Call at a door.
type Result struct {
	Client  verifier.Client // that the handler found in its context
	Reached bool            // the handler ran
	Seen    string          // everything the caller was shown: headers, trailers, body, status

	// Code is the Code that the transport's answer stands for. Doors that tell
	// it apart from no other (401 without a token and with a bad one) look at
	// the challenge too.
	Code verifier.Code

	// Transport is how the transport itself refused the call, before a guard
	// saw it; "" if it did not.
	Transport string
}

// Door makes one call of something that v guards.
type Door func(t *testing.T, v *verifier.Verifier, call Call) Result

// Case is one row: a credential, and the verdict about it.
type Case struct {
	Name   string
	Issuer func(*verifier.Issuer) // changes the issuer that the fixture trusts; nil for none
	Config func(*verifier.Config)

	// Spec describes the token. Values, if set, replaces it by Authorization
	// values, and Presents by a row of the corpus.
	Spec     m2mtest.TokenSpec
	Values   func(f *Fixture) []string
	Presents *hostile.Credential

	Certificates []tlstest.Pair
	Need         scopes.Requirement // scopes.Authenticated() if zero, unless NoNeed
	NoNeed       bool               // the operation has no requirement

	Code   verifier.Code // 0 if it is let in
	Reason verifier.Reason

	// Then, if set, happens between the first and the second call, whose
	// verdict is the Later one.
	Then        func(t *testing.T, v *verifier.Verifier)
	LaterCode   verifier.Code
	LaterReason verifier.Reason
}

// Fixture is an authority, and the issuer as which it is trusted.
type Fixture struct {
	*m2mtest.Authority
	Foreign *m2mtest.Key // a key that nobody publishes
	Weak    *m2mtest.Key // a published key for another algorithm, ES256

	Mine, Other tlstest.Pair // client certificates
	Trap        string       // a URL that a token may name, and nobody may fetch
}

// Base is the issuer that the rows start from: every default, and the
// authority's names.
func (f *Fixture) Base() verifier.Issuer {
	return verifier.Issuer{
		Name:           "stytch.com/" + f.ProjectID(),
		Audiences:      []string{f.ProjectID()},
		FetchJWKS:      f.FetchJWKS,
		ClientIDClaims: []string{"sub"},
		Accept:         verifier.SubjectHasPrefix("m2m-client-"),
	}
}
