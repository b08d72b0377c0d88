// Package doortest holds one table of decisions and runs it through every guard
// of the module, here called doors: Verifier.Authorize, HTTP, gRPC unary and gRPC
// streams, without a transport and over sockets. Code and Reason must be the same
// at each.
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

// Call holds what a caller presents, and what the operation requires.
type Call struct {
	Authorization    []string
	PeerCertificates []*x509.Certificate
	Need             scopes.Requirement

	Certificates []tlstest.Pair // with the keys of PeerCertificates, for doors with TLS

	// Proofs, if set, returns the values of the DPoP header for the door's own method
	// and path.
	Proofs          func(method, path string) []string
	ProofAlgorithms []string // of the Verifier

	Elsewhere   map[string]string // other header fields or metadata, by lower-case names
	Query, Form string            // of an HTTP request
}

// ClientTLS returns the configuration of a client that trusts server and presents
// the Certificates. It returns nil if there are none: then use no TLS.
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

// Result describes the outcome of a Call.
type Result struct {
	Client  verifier.Client // in the context of the handler
	Reached bool            // the handler ran
	Seen    string          // the whole response: status, header, trailer and body

	// Code is the Code of the response. Where one status has two Codes (401), the
	// challenge decides.
	Code verifier.Code

	// Transport is the error by which the transport itself refused the call. It is
	// "" if the call reached the guard.
	Transport string
}

// Door makes one call of an operation that v guards.
type Door func(t *testing.T, v *verifier.Verifier, call Call) Result

// Case is one row: a credential, and the expected decision.
type Case struct {
	Name   string
	Issuer func(*verifier.Issuer) // changes the fixture's issuer, if set
	Config func(*verifier.Config)

	// Spec describes the token. Values, if set, replaces it by Authorization
	// values, and Presents by a row of the corpus.
	Spec     m2mtest.TokenSpec
	Values   func(f *Fixture) []string
	Presents *hostile.Credential

	// Proofs returns the DPoP values for the Authorization value of the call, and the
	// method and path of the door. Each call of it is one attempt.
	Proofs func(f *Fixture, authorization, method, path string) []string

	// Unseen tells that a transport can't see how the row differs from others: it is in
	// what a proof says, or what the authority answers.
	Unseen bool

	Certificates []tlstest.Pair
	Need         scopes.Requirement // scopes.Authenticated() if zero, unless NoNeed
	NoNeed       bool               // the operation has no requirement

	Code   verifier.Code // 0 if the call is allowed
	Reason verifier.Reason

	// Then, if set, runs between the first and the second call. LaterCode and
	// LaterReason are those of the second.
	Then        func(t *testing.T, v *verifier.Verifier)
	LaterCode   verifier.Code
	LaterReason verifier.Reason
}

// Fixture holds an authority with its keys and certificates.
type Fixture struct {
	*m2mtest.Authority
	Foreign *m2mtest.Key // a key that is not published
	Weak    *m2mtest.Key // a published key for another algorithm, ES256

	Mine, Other tlstest.Pair // client certificates
	Trap        string       // a URL that tokens name and that a verifier must not fetch
}

// Base returns the issuer that the rows start from: the authority with every
// default.
func (f *Fixture) Base() verifier.Issuer {
	return verifier.Issuer{
		Name:           "stytch.com/" + f.ProjectID(),
		Audiences:      []string{f.ProjectID()},
		FetchJWKS:      f.FetchJWKS,
		ClientIDClaims: []string{"sub"},
		Accept:         verifier.SubjectHasPrefix("m2m-client-"),
	}
}
