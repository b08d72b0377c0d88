package httpmw_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func Example() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	guard, err := httpmw.New(v, nil)
	if err != nil {
		panic(err)
	}

	mux, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	mux.HandleFunc("GET /reports/{id}", scopes.All("reports:read"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "report %s for %s", r.PathValue("id"), client.ID)
	})
	mux.HandleFunc("GET /healthz", scopes.Public(), func(w http.ResponseWriter, r *http.Request) {})
	for pattern, need := range mux.Operations() {
		fmt.Println(pattern, need)
	}

	for _, granted := range []string{"reports:read", "reports:write"} {
		r := httptest.NewRequest("GET", "/reports/7", nil)
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{
			ClientID: "m2m-client-test-1", Scopes: []string{granted},
		}))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// GET /healthz public
	// GET /reports/{id} all("reports:read")
	// 200 report 7 for m2m-client-test-1
	// 403 {"title":"Forbidden","status":403,"detail":"The access token does not permit this operation.","error":"insufficient_scope"}
}

// CORS belongs outside the guard: a preflight request carries no token. Any
// handler that answers preflights will do, such as those of rs/cors or
// jub0bs/cors.
func ExampleMiddleware_Require_cors() {
	cors := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "https://app.example.com")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.Header().Set("Access-Control-Allow-Headers", "Authorization")
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, _ := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	defer v.Close()
	guard, _ := httpmw.New(v, nil)

	guarded := guard.Require(scopes.All("reports:read"))(http.NotFoundHandler())
	h := cors(guarded) // and not guard.Require(…)(cors(…))

	preflight := httptest.NewRequest("OPTIONS", "/reports", nil)
	preflight.Header.Set("Access-Control-Request-Method", "GET")
	for _, r := range []*http.Request{preflight, httptest.NewRequest("GET", "/reports", nil)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(r.Method, w.Code)
	}
	// Output:
	// OPTIONS 204
	// GET 401
}
