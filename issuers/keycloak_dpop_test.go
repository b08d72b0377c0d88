package issuers_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestKeycloakDPoP: Keycloak writes DPoP instead of Bearer into tokens that it binds to
// a key. They are accepted with a proof, and without "cnf" refused.
func TestKeycloakDPoP(t *testing.T) {
	f, p := keycloak(), prooftest.New(t)
	if f.err != nil {
		t.Fatal(f.err)
	}
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	issuer := f.issuer
	doc, err := json.Marshal(object{"keys": f.keys})
	if err != nil {
		t.Fatal(err)
	}
	issuer.JWKSURL, issuer.FetchJWKS = "", func(context.Context) ([]byte, error) { return doc, nil }
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	for _, tt := range []struct {
		name, scheme string
		typ          any
		cnf          any
		want         verifier.Reason
	}{
		{"bound, with its proof", "DPoP", "DPoP", object{"jkt": p.Thumbprint()}, ""},
		{"bound, as Bearer", "Bearer", "DPoP", object{"jkt": p.Thumbprint()}, verifier.Bound},
		{"bound, typ Bearer", "DPoP", "Bearer", object{"jkt": p.Thumbprint()}, ""},
		{"typ DPoP, bound to nothing", "Bearer", "DPoP", m2mtest.Absent, verifier.NotMachine},
		{"typ of an ID token, bound", "DPoP", "ID", object{"jkt": p.Thumbprint()}, verifier.NotMachine},
		{"typ in another case", "DPoP", "dpop", object{"jkt": p.Thumbprint()}, verifier.NotMachine},
	} {
		token := mint(t, f.key, f.header, with(keycloakMachine(), object{"typ": tt.typ, "cnf": tt.cnf}))
		request := verifier.Request{
			Authorization: []string{tt.scheme + " " + token}, Method: "GET", Origin: "https://api.example.com", Path: "/x",
			DPoP: []string{p.Sign(t, p.Header(), prooftest.Claims("GET", "https://api.example.com/x", token, time.Now()))},
		}
		_, err := v.Authorize(t.Context(), request, scopes.Authenticated())
		if err == nil && tt.want == "" {
			continue
		}
		if err == nil || verifier.AsError(err).Reason != tt.want {
			t.Errorf("Authorize(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}
