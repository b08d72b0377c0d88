package verifier_test

import (
	"context"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestProofOfOneCall: guards that a call passes one inside the other take its proof
// once together. The context of the call lets nothing else pass.
func TestProofOfOneCall(t *testing.T) {
	const origin = "https://api.example.com"
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a, v := m2mtest.Trust(t, &verifier.Config{DPoP: checker})
	other := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}, DPoP: checker})
	p := prooftest.New(t)
	bound := func(scope ...string) string {
		return a.Token(spec{ClientID: "m2m-client-a", Scopes: scope, Claims: map[string]any{"cnf": map[string]any{"jkt": p.Thumbprint()}}})
	}
	token := bound("read")
	request := func(method, path, token, proof string) verifier.Request {
		return verifier.Request{Authorization: []string{"DPoP " + token}, DPoP: []string{proof}, Method: method, Origin: origin, Path: path}
	}
	sign := func(method, path, token string) string {
		return p.Sign(t, p.Header(), prooftest.Claims(method, origin+path, token, time.Now()))
	}
	proof := sign("GET", "/x", token)
	r := request("GET", "/x", token, proof)
	passed, err := v.Authorize(t.Context(), r, scopes.Authenticated())
	if err != nil {
		t.Fatalf("Authorize(first) = %v, want nil", err)
	}
	public, err := v.Authorize(passed, r, scopes.Public())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := v.Authorize(passed, r, scopes.All("read"))
	if err != nil {
		t.Fatalf("Authorize(a guard inside) = %v, want nil", err)
	}
	second := bound("write")
	for _, tt := range []struct {
		name string
		v    *verifier.Verifier
		ctx  context.Context
		r    verifier.Request
		need scopes.Requirement
		want verifier.Reason
	}{
		{"a guard inside both", v, inner, r, scopes.All("read"), ""},
		{"a guard inside that requires more", v, passed, r, scopes.All("admin"), verifier.ScopeMissing},
		{"the proof in another call", v, t.Context(), r, scopes.Authenticated(), verifier.ProofReplayed},
		{"the context of a public operation", v, public, r, scopes.Authenticated(), verifier.ProofReplayed},
		{"a context with a Client of a test", v, verifier.ContextWithClient(passed, verifier.Client{ID: "m2m-client-a"}), r, scopes.Authenticated(), verifier.ProofReplayed},
		{"another Verifier with the same Checker", other, passed, r, scopes.Authenticated(), verifier.ProofReplayed},
		{"another path", v, passed, request("GET", "/admin", token, proof), scopes.Authenticated(), verifier.ProofMismatch},
		{"another method", v, passed, request("DELETE", "/x", token, proof), scopes.Authenticated(), verifier.ProofMismatch},
		{"another token", v, passed, request("GET", "/x", second, proof), scopes.Authenticated(), verifier.ProofMismatch},
		{"no proof", v, passed, verifier.Request{Authorization: []string{"DPoP " + token}, Method: "GET", Origin: origin, Path: "/x"}, scopes.Authenticated(), verifier.ProofMissing},
		{"two proofs", v, passed, verifier.Request{Authorization: []string{"DPoP " + token}, DPoP: []string{proof, proof}, Method: "GET", Origin: origin, Path: "/x"}, scopes.Authenticated(), verifier.ProofMalformed},
		{"the scheme Bearer", v, passed, verifier.Request{Authorization: []string{"Bearer " + token}, DPoP: []string{proof}, Method: "GET", Origin: origin, Path: "/x"}, scopes.Authenticated(), verifier.Bound},
	} {
		if _, err := tt.v.Authorize(tt.ctx, tt.r, tt.need); reasonOf(err) != tt.want {
			t.Errorf("Authorize(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
	// A new proof is used up in the context of an accepted one as anywhere.
	fresh := request("GET", "/x", token, sign("GET", "/x", token))
	for _, want := range []verifier.Reason{"", verifier.ProofReplayed} {
		if _, err := v.Authorize(passed, fresh, scopes.Authenticated()); reasonOf(err) != want {
			t.Errorf("Authorize(a new proof) = %v, want %q", err, want)
		}
	}
}
