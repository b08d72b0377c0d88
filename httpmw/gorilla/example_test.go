package gorilla_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
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
	m, err := httpmw.New(v, nil)
	if err != nil {
		panic(err)
	}

	root := mux.NewRouter()
	guard, err := gorilla.New(m, root)
	if err != nil {
		panic(err)
	}
	order := func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "order %s for %s", mux.Vars(r)["id"], client.ID)
	}
	guard.Route(root.HandleFunc("/orders/{id}", order).Methods("GET"), scopes.All("orders:read"))
	admin := root.PathPrefix("/admin")
	guard.Route(admin, scopes.All("admin")) // for each route of the subrouter
	admin.Subrouter().HandleFunc("/keys", http.NotFound)
	if err := guard.CheckCoverage(); err != nil {
		panic(err)
	}

	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"orders:read"}})
	for _, target := range []string{"/orders/7", "/admin/keys"} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	for route, need := range guard.Operations() {
		fmt.Println(route, need)
	}
	// Output:
	// 200 order 7 for m2m-client-test-1
	// 403 {"title":"Forbidden","status":403,"detail":"The access token does not permit this operation.","error":"insufficient_scope"}
	// GET /orders/{id} all("orders:read")
	// /admin/keys all("admin")
}

// CheckCoverage belongs at start-up or into a test: it finds the route that was
// forgotten.
func ExampleGuard_CheckCoverage() {
	root := mux.NewRouter()
	guard, err := gorilla.New(new(httpmw.Middleware), root) // in production: of httpmw.New
	if err != nil {
		panic(err)
	}
	guard.Route(root.HandleFunc("/orders", http.NotFound).Methods("GET"), scopes.All("orders:read"))
	root.HandleFunc("/orders", http.NotFound).Methods("POST")
	root.NotFoundHandler = http.NotFoundHandler()
	fmt.Println(guard.CheckCoverage())
	// Output:
	// gorilla: the router has a NotFoundHandler, which answers without a token
	// gorilla: POST /orders has no requirement: every call of it is refused
}
