// Package doortest holds one table of decisions, and runs it through every
// door of the module: Verifier.Authorize, HTTP, gRPC unary and gRPC streams.
// The verdict and the Reason must be the same at each.
package doortest

import (
	"context"
	"crypto/x509"
	"strings"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Call is what a caller presents, and what the operation requires.
type Call struct {
	Authorization    []string
	PeerCertificates []*x509.Certificate
	Need             scopes.Requirement
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
}

// Door makes one call of something that v guards.
type Door func(t *testing.T, v *verifier.Verifier, call Call) Result

// Case is one row: a credential, and the verdict about it.
type Case struct {
	Name   string
	Issuer func(*verifier.Issuer) // changes the issuer that the fixture trusts; nil for none
	Config func(*verifier.Config)

	Spec   m2mtest.TokenSpec         // the token that is presented
	Mangle func(token string) string // what is done to it; nil for nothing
	Values func(f *Fixture) []string // the Authorization values, in place of Spec and Mangle

	Certificates []*x509.Certificate
	Need         scopes.Requirement // scopes.Authenticated() if zero, unless NoNeed
	NoNeed       bool               // the operation has no requirement

	Code   verifier.Code // 0 if it is let in
	Reason verifier.Reason
}

// Fixture is an authority, and the issuer as which it is trusted.
type Fixture struct {
	*m2mtest.Authority
	Foreign *m2mtest.Key // a key that nobody publishes
	Weak    *m2mtest.Key // a published key for another algorithm, ES256
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

// Run runs the whole table through door.
func Run(t *testing.T, door Door) {
	f := &Fixture{
		Authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true}),
		Foreign:   m2mtest.NewKey("RS256"),
		Weak:      m2mtest.NewKey("ES256"),
	}
	t.Cleanup(f.Close)
	f.PublishKey(f.Weak)
	for _, c := range cases(f) {
		t.Run(c.Name, func(t *testing.T) { run(t, f, c, door) })
	}
}

func run(t *testing.T, f *Fixture, c Case, door Door) {
	var decisions recorder
	issuer := f.Base()
	if c.Issuer != nil {
		c.Issuer(&issuer)
	}
	cfg := verifier.Config{Issuers: []verifier.Issuer{issuer}, Observe: decisions.observe}
	if c.Config != nil {
		c.Config(&cfg)
	}
	v, err := verifier.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	fetches := f.KeyFetches()

	call := Call{PeerCertificates: c.Certificates, Need: c.Need}
	if c.Need.IsZero() && !c.NoNeed {
		call.Need = scopes.Authenticated()
	}
	token := ""
	if c.Values != nil {
		call.Authorization = c.Values(f)
	} else {
		token = f.Token(c.Spec)
		if c.Mangle != nil {
			token = c.Mangle(token)
		}
		call.Authorization = []string{"Bearer " + token}
	}

	first := judge(t, c, token, door(t, v, call), decisions.take(t))
	if first.Cached {
		t.Error("cached at first sight")
	}
	// Again: a token that is remembered must fare the same.
	again := judge(t, c, token, door(t, v, call), decisions.take(t))
	if verified := first.Client.ID != ""; again.Cached != verified {
		t.Errorf("the second time: cached %t, want %t", again.Cached, verified)
	}
	if n := f.KeyFetches() - fetches; n != 0 && c.Reason != verifier.KeyUnknown && c.Reason != verifier.KeysUnavailable {
		t.Errorf("%d key fetches, want none", n)
	}
}

// judge holds what came of a call, and what Observe was told, against the row.
func judge(t *testing.T, c Case, token string, got Result, told verifier.Decision) verifier.Decision {
	if (told.Err == nil) != (c.Reason == "") || told.Err != nil && (told.Err.Reason != c.Reason || told.Err.Code != c.Code) {
		t.Errorf("decision: %v; want %v %v", told.Err, c.Code, c.Reason)
	}
	if got.Code != c.Code {
		t.Errorf("the answer stands for %v, want %v\n%s", got.Code, c.Code, got.Seen)
	}
	if let := c.Code == 0; got.Reached != let {
		t.Errorf("the handler ran: %t, want %t", got.Reached, let)
	}
	if !got.Reached && got.Client.ID != "" {
		t.Errorf("an identity beside a refusal: %v", got.Client)
	}
	if got.Reached && !c.Need.IsPublic() && got.Client.ID == "" {
		t.Error("the handler was reached without a client")
	}
	if told.Err != nil {
		for _, text := range []string{got.Seen, told.Err.Error(), told.Operation} {
			leaks(t, token, text)
		}
	}
	return told
}

// leaks reports a segment of the token that turns up in text.
func leaks(t *testing.T, token, text string) {
	for segment := range strings.SplitSeq(token, ".") {
		if len(segment) > 20 && strings.Contains(text, segment[:20]) {
			t.Errorf("a piece of the token is shown: %s", text)
		}
	}
}

// recorder keeps the decisions that Observe is told of.
type recorder struct {
	mu   sync.Mutex
	list []verifier.Decision
}

func (r *recorder) observe(_ context.Context, d verifier.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, d)
}

// take returns the one decision since the last time.
func (r *recorder) take(t *testing.T) verifier.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) != 1 {
		t.Fatalf("%d decisions were observed, want 1", len(r.list))
	}
	d := r.list[0]
	r.list = nil
	return d
}
