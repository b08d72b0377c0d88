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

// A Mux below a path of another Mux keeps its routes' requirements.
func ExampleMux_Mount() {
	guard, done := exampleGuard(nil)
	defer done()
	orders, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	orders.Handle("GET /{id}", scopes.All("orders:read"), http.NotFoundHandler())
	orders.Handle("DELETE /{id}", scopes.All("orders:write"), http.NotFoundHandler())

	root, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	root.Handle("GET /healthz", scopes.Public(), http.NotFoundHandler())
	root.Mount("/v1/orders/", orders)
	for pattern, need := range root.Operations() {
		fmt.Println(pattern, need)
	}
	// Output:
	// DELETE /v1/orders/{id} all("orders:write")
	// GET /healthz public
	// GET /v1/orders/{id} all("orders:read")
}

// CheckCoverage belongs at start-up or into a test: it finds requests that a
// weaker route answers.
func ExampleMux_CheckCoverage() {
	guard, done := exampleGuard(nil)
	defer done()
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	mux.Handle("GET /admin", scopes.All("admin"), http.NotFoundHandler())
	mux.Handle("/", scopes.Public(), http.NotFoundHandler())
	fmt.Println(mux.CheckCoverage())
	// Output:
	// httpmw: "GET /admin" requires all("admin"), but POST other.invalid/admin is answered by "/", which requires public: register a pattern for that too, with the same requirement
}

// Clients find the authority and the scopes of a service in its metadata. A
// challenge names the URL.
func ExampleMiddleware_Metadata() {
	guard, done := exampleGuard(&httpmw.Options{Resource: "https://api.example.com"})
	defer done()
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		panic(err)
	}
	mux.Handle("GET /orders", scopes.All("orders:read"), http.NotFoundHandler())
	meta, err := guard.Metadata(mux.Operations())
	if err != nil {
		panic(err)
	}
	mux.Handle(meta.Pattern(), scopes.Public(), meta)

	for _, target := range []string{"/orders", "/.well-known/oauth-protected-resource"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code == http.StatusOK {
			fmt.Println(w.Body)
		} else {
			fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	// Output:
	// 401 Bearer realm="api", scope="orders:read", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"
	// {"resource":"https://api.example.com","authorization_servers":["https://auth.example.com"],"scopes_supported":["orders:read"],"bearer_methods_supported":["header"]}
}

// A handler that refuses a call itself answers as its guard does.
func ExampleMiddleware_WriteError() {
	guard, done := exampleGuard(&httpmw.Options{Realm: "orders"})
	defer done()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.WriteError(w, r, verifier.Forbidden) // the order is another client's
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/orders/7", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Println(w.Body)
	// Output:
	// 403 Bearer realm="orders", error="insufficient_scope"
	// {"title":"Forbidden","status":403,"detail":"The access token does not permit this operation.","error":"insufficient_scope"}
}

// An ErrorHandler may add to the default answer.
func ExampleMiddleware_WriteError_errorHandler() {
	var guard *httpmw.Middleware // the handler calls it
	guard, done := exampleGuard(&httpmw.Options{
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
			w.Header().Set("Link", `<https://docs.example.com/auth>; rel="help"`)
			guard.WriteError(w, r, err)
		},
	})
	defer done()
	w := httptest.NewRecorder()
	guard.Require(scopes.All("a"))(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Header().Get("Link"))
	// Output: 401 <https://docs.example.com/auth>; rel="help"
}

// exampleGuard makes a Middleware that trusts https://auth.example.com.
func exampleGuard(opts *httpmw.Options) (guard *httpmw.Middleware, done func()) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true})
	issuer := authority.Issuer()
	issuer.Name = "https://auth.example.com"
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		panic(err)
	}
	guard, err = httpmw.New(v, opts)
	if err != nil {
		panic(err)
	}
	return guard, func() { v.Close() }
}
