package frameworks

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestReportOnly: the calls that are reported are those that the guard refuses later,
// with the same Reason, and until then every call is answered as before.
func TestReportOnly(t *testing.T) {
	var seen verifier.Decision
	authority, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) { seen = d },
	}})
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := reportOnly(v, httpmw.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service := func(require func(scopes.Requirement) func(http.Handler) http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /orders/{id}", require(scopes.All("orders:read"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client, ok := verifier.ClientFromContext(r.Context())
			fmt.Fprintf(w, "%q %t", client.ID, ok)
		})))
		return mux
	}
	spec := m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: []string{"orders:read"}}
	good := "Bearer " + authority.Token(spec)
	other := "Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"orders:write"}})
	for _, tt := range []struct {
		name          string
		authorization []string
		reason        verifier.Reason
		before        string // the body while refusals are only reported
		after         int    // the status with the guard
	}{
		{"good", []string{good}, "", `"m2m-client-test-7" true`, 200},
		{"none", nil, verifier.CredentialsMissing, `"" false`, 401},
		{"without the scope", []string{other}, verifier.ScopeMissing, `"" false`, 403},
		{"two", []string{good, good}, verifier.CredentialsMultiple, `"" false`, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := func(h http.Handler) *httptest.ResponseRecorder {
				r := httptest.NewRequest("GET", "/orders/1", nil)
				r.Header["Authorization"] = tt.authorization
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if seen.Reason != tt.reason || seen.Operation != "GET /orders/{id}" {
					t.Errorf("observed %q of %q, want %q of GET /orders/{id}", seen.Reason, seen.Operation, tt.reason)
				}
				return w
			}
			if got := call(service(report)); got.Code != 200 || got.Body.String() != tt.before || got.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("report only = %d %s, want 200 %s without a challenge", got.Code, got.Body, tt.before)
			}
			if got := call(service(guard.Require)); got.Code != tt.after {
				t.Errorf("guarded = %d, want %d", got.Code, tt.after)
			}
		})
	}
}

// TestReportOnlyProof: a good proof is not reported. Without Options.Origin, the mistake
// is that of httpmw.New.
func TestReportOnlyProof(t *testing.T) {
	const origin = "https://api.example.com"
	proofs, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	seen := verifier.Reason("nothing")
	authority, v := m2mtest.Trust(t, &verifier.Config{DPoP: proofs, Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) { seen = d.Reason },
	}})
	if _, err := reportOnly(v, httpmw.Options{}); err == nil || !strings.Contains(err.Error(), "Options.Origin") {
		t.Errorf("reportOnly(without Origin) = %v, want an error that names it", err)
	}
	report, err := reportOnly(v, httpmw.Options{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	key := prooftest.New(t)
	token := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint()}}})
	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", key.Sign(t, key.Header(), prooftest.Claims("GET", origin+"/orders", token, time.Now())))
	report(scopes.Authenticated())(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	if seen != "" {
		t.Errorf("observed %q, want no refusal", seen)
	}
}
