package httpmw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// order is served to its owner alone, and its margin only to clients with a scope of its
// own. What the handler denies is answered and observed like a refusal of the guard.
func order(v *verifier.Verifier, guard *httpmw.Middleware, owner string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		if client.ID != owner {
			guard.WriteError(w, r, v.Deny(r.Context(), fmt.Errorf("the order is %s's", owner)))
			return
		}
		if r.FormValue("fields") == "margin" {
			if err := v.Reauthorize(r.Context(), "order.margin", scopes.All("margins:read")); err != nil {
				guard.WriteError(w, r, err)
				return
			}
		}
		fmt.Fprint(w, "an order")
	})
}

// A handler decides about what the route's requirement can't know: who owns an order
// (Deny), and a field that needs more (Reauthorize).
func ExampleMiddleware_WriteError_ownership() {
	authority := m2mtest.NewAuthority(nil) // in production: your authority
	defer authority.Close()
	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			if d.Err != nil {
				fmt.Println("observed:", d.Operation, d.Err)
			}
		}},
	})
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
	acme, globex := "m2m-client-test-acme", "m2m-client-test-globex"
	mux.Handle("GET /orders/7", scopes.All("orders:read"), order(v, guard, acme))
	for _, call := range []struct{ client, query string }{{acme, ""}, {acme, "?fields=margin"}, {globex, ""}} {
		r := httptest.NewRequest(http.MethodGet, "/orders/7"+call.query, nil)
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{ClientID: call.client, Scopes: []string{"orders:read"}}))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Values("WWW-Authenticate"))
	}
	// Output:
	// 200 []
	// observed: order.margin m2mauth: insufficient_scope: scope_missing: granted "orders:read", want all("margins:read")
	// 403 [Bearer realm="api", error="insufficient_scope", scope="margins:read"]
	// observed: GET /orders/7 m2mauth: insufficient_scope: operation_not_allowed: the order is m2m-client-test-acme's
	// 403 [Bearer realm="api", error="insufficient_scope"]
}
