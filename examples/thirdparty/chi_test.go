package thirdparty

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Require is an ordinary middleware for chi: With guards one route, Use all of
// a group.
func Example_chi() {
	authority := m2mtest.NewAuthority(nil)
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

	r := chi.NewRouter()
	r.With(guard.Require(scopes.All("read:users"))).Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "user %s for %s", chi.URLParam(r, "id"), client.ID)
	})
	r.Route("/admin", func(r chi.Router) {
		r.Use(guard.Require(scopes.All("admin")))
		r.Get("/", func(w http.ResponseWriter, r *http.Request) {})
	})

	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"read:users"}})
	for _, path := range []string{"/users/7", "/admin/"} {
		req := httptest.NewRequest("GET", path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 user 7 for m2m-client-test-1
	// 403 {"title":"Forbidden","status":403,"detail":"The access token does not permit this operation.","error":"insufficient_scope"}
}
