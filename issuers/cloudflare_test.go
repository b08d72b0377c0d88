package issuers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestCloudflareAccess: a service behind Cloudflare Access, by the row of
// docs/issuers.md, withstands every attack on its own header, and reads no other.
func TestCloudflareAccess(t *testing.T) {
	all := rows()
	row := all[slices.IndexFunc(all, func(r row) bool { return r.name == "Cloudflare Access, service tokens" })]
	service := func(_ verifier.Issuer, id string, _ []string) map[string]any {
		return object{"type": "app", "sub": "", "common_name": id}
	}
	authority, v := m2mtest.TrustAs(t, row.issuer, service, nil)
	guard, err := httpmw.New(v, &httpmw.Options{CredentialHeader: "Cf-Access-Jwt-Assertion"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /reports", guard.Require(scopes.Authenticated())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprint(w, c.ID)
	})))
	attack.Run(t, attack.Target{
		Authority: authority, CredentialHeader: "Cf-Access-Jwt-Assertion", Token: m2mtest.TokenSpec{ClientID: "e367.access"},
		Handler: mux, HTTP: []attack.Operation{{Call: "/reports", Need: scopes.Authenticated()}},
	})

	token := authority.Token(m2mtest.TokenSpec{ClientID: "e367.access"})
	person := authority.Token(m2mtest.TokenSpec{ClientID: "ada", Claims: object{"sub": userOID, "email": "ada@example.com"}})
	for _, tt := range []struct {
		name, header, value string
		want                int
	}{
		{"a service token", "Cf-Access-Jwt-Assertion", token, 200},
		{"a person's", "Cf-Access-Jwt-Assertion", person, 401},
		{"in Authorization", "Authorization", "Bearer " + token, 401},
		{"in the cookie of a browser", "Cookie", "CF_Authorization=" + token, 401},
		{"in the header of its secret", "Cf-Access-Client-Secret", token, 401},
	} {
		r := httptest.NewRequest("GET", "/reports", nil)
		r.Header.Set(tt.header, tt.value)
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("status with %s = %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}
