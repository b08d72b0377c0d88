package httpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// tenantKey finds the tenant of a request in its context.
type tenantKey struct{}

// inTenant puts the tenant that the path names into the context, where
// checkTenant finds it. It goes around the guard.
func inTenant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), tenantKey{}, r.PathValue("id"))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// checkTenant is a Config.Check: it refuses a client whose token names another
// tenant than the path, or none. Routes without a tenant are not its concern.
func checkTenant(ctx context.Context, c verifier.Client, _ verifier.Request) error {
	tenant, inTenant := ctx.Value(tenantKey{}).(string)
	if !inTenant {
		return nil
	}
	var claims struct {
		Tenant string `json:"tenant"`
	}
	if err := c.Claims(&claims); err != nil {
		return verifier.Forbid(err)
	}
	if claims.Tenant == "" || claims.Tenant != tenant {
		return verifier.Forbid(fmt.Errorf("the client's tenant is %q", claims.Tenant))
	}
	return nil
}

// tenants is a service in which each tenant has its own reports.
func tenants(v *verifier.Verifier) (http.Handler, error) {
	guard, err := httpmw.New(v, nil)
	if err != nil {
		return nil, err
	}
	read := guard.Require(scopes.All("reports:read"))
	reports := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "reports of %s", r.PathValue("id"))
	})
	mux := http.NewServeMux()
	mux.Handle("GET /tenants/{id}", inTenant(read(reports)))
	mux.Handle("GET /version", read(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "1") })))
	return mux, nil
}

// /tenants/{id} is only for clients whose token names that tenant. The path
// reaches Config.Check by the context; handlers need no check of their own.
func ExampleMiddleware_Require_tenants() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, Check: checkTenant})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	service, err := tenants(v)
	if err != nil {
		panic(err)
	}
	token := authority.Token(m2mtest.TokenSpec{
		Scopes: []string{"reports:read"}, Claims: map[string]any{"tenant": "acme"},
	})
	for _, path := range []string{"/tenants/acme", "/tenants/globex"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 reports of acme
	// 403 {"title":"Forbidden","status":403,"detail":"The access token does not permit this operation.","error":"insufficient_scope"}
}

// TestTenants tries what the example does not show.
func TestTenants(t *testing.T) {
	var decision verifier.Decision
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	issuer := authority.Issuer()
	issuer.JWKSURL, issuer.JWKS, issuer.FetchJWKS = "", verifier.JWKSOptions{}, authority.FetchJWKS
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{issuer},
		Check:   checkTenant,
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { decision = d }},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	service, err := tenants(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		tenant any
		path   string
		status int
		reason verifier.Reason
	}{
		{"its own", "acme", "/tenants/acme", 200, ""},
		{"its own, escaped", "acme", "/tenants/%61cme", 200, ""},
		{"another's", "globex", "/tenants/acme", 403, verifier.Forbidden},
		{"in another case", "ACME", "/tenants/acme", 403, verifier.Forbidden},
		{"a beginning", "acm", "/tenants/acme", 403, verifier.Forbidden},
		{"of several tenants", []string{"acme"}, "/tenants/acme", 403, verifier.Forbidden},
		{"empty", "", "/tenants/acme", 403, verifier.Forbidden},
		{"none", m2mtest.Absent, "/tenants/acme", 403, verifier.Forbidden},
		{"with a slash", "acme", "/tenants/acme%2F..%2Fglobex", 403, verifier.Forbidden},
		{"where there are no tenants", m2mtest.Absent, "/version", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.path, nil)
			r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{
				Scopes: []string{"reports:read"}, Claims: map[string]any{"tenant": tt.tenant},
			}))
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			if w.Code != tt.status || decision.Reason != tt.reason {
				t.Errorf("%s = %d %q (%v), want %d %q", tt.path, w.Code, decision.Reason, decision.Err, tt.status, tt.reason)
			}
		})
	}
}
