package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const watch = "/shop.v1.Orders/Watch" // the gateway has no streams in its process

// TestInProcess attacks every route of the gateway, and looks for the client in the
// service.
func TestInProcess(t *testing.T) {
	w := newWorld(t, nil)
	gateway := w.guarded(t)
	attack.Run(t, attack.Target{Authority: w.authority, Handler: gateway, HTTP: operations(w.routes(t), watch)})

	got := call(gateway, "GET /v1/orders", "Authorization", w.token("orders:read"))
	if got.Code != 200 || !strings.Contains(got.Body.String(), "m2m-client-test-7") {
		t.Errorf("GET /v1/orders = %d %q, want 200 and the client's ID", got.Code, got.Body)
	}
	if got := call(gateway, "GET /v1/orders:watch"); got.Code != 401 {
		t.Errorf("a stream without a token = %s, want 401", shown(got))
	}
	if got := call(gateway, "GET /v1/orders:watch", "Authorization", w.token("orders:read")); got.Code != 501 {
		t.Errorf("a stream = %s, want 501: the gateway has none in its process", shown(got))
	}
}

// TestInProcessBound attacks the routes with tokens that are bound to a DPoP key: their
// proofs name the URL of the gateway.
func TestInProcessBound(t *testing.T) {
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, &verifier.Config{DPoP: checker})
	list := []attack.Operation{{Call: "GET /v1/orders", Need: policy["/shop.v1.Orders/List"]}}
	attack.Run(t, attack.Target{Authority: w.authority, Handler: w.guarded(t), HTTP: list, HTTPOrigin: origin})
}

// TestInProcessRefusals compares the answers to calls that are refused.
func TestInProcessRefusals(t *testing.T) {
	w := newWorld(t, nil)
	gateway := w.guarded(t)
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, call string
		header     []string
		status     int
		challenge  string
	}{
		{"no token", "GET /v1/orders", nil, 401, `Bearer realm="api", scope="orders:read"` + resource},
		{"no scopes", "GET /v1/orders", []string{"Authorization", w.token()}, 403,
			`Bearer realm="api", error="insufficient_scope", scope="orders:read"` + resource},
		{"two values", "GET /v1/orders", []string{"Authorization", w.token("orders:read"), "Authorization", w.token("orders:read")}, 400,
			`Bearer realm="api", error="invalid_request"` + resource},
		{"a token in metadata", "GET /v1/orders", []string{"Grpc-Metadata-Authorization", w.token("orders:read")}, 401,
			`Bearer realm="api", scope="orders:read"` + resource},
		{"a form for a GET", "POST /v1/orders", []string{"Content-Type", form, "Authorization", w.token("orders:write")}, 403,
			`Bearer realm="api", error="insufficient_scope"` + resource},
		{"another method", "POST /v1/orders/1", []string{"X-HTTP-Method-Override", "delete", "Content-Type", form, "Authorization", w.token("orders:write")}, 403,
			`Bearer realm="api", error="insufficient_scope", scope="orders:admin"` + resource},
		{"a verb", "POST /v1/orders/1:delete", []string{"Authorization", w.token("orders:write")}, 403,
			`Bearer realm="api", error="insufficient_scope", scope="orders:admin"` + resource},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := call(gateway, tt.call, tt.header...)
			if got.Code != tt.status || got.Header().Get("WWW-Authenticate") != tt.challenge {
				t.Errorf("%s = %s, want %d %q", tt.call, shown(got), tt.status, tt.challenge)
			}
		})
	}
	if w.service.deleted != nil {
		t.Errorf("deleted %q, want none", w.service.deleted)
	}
}

// TestInProcessForgotten checks that a method which the policy forgets is found at start-up,
// and refused to everyone, as is a handler that no .proto file declares.
func TestInProcessForgotten(t *testing.T) {
	w := newWorld(t, nil)
	short := maps.Clone(policy)
	delete(short, "/shop.v1.Orders/Delete")
	var err error
	if w.interceptor, err = grpcmw.New(w.verifier, short, &grpcmw.Options{Origin: origin}); err != nil {
		t.Fatal(err)
	}
	if err := w.interceptor.CheckCoverage(w.server.GetServiceInfo()); err == nil || !strings.Contains(err.Error(), "/shop.v1.Orders/Delete") {
		t.Errorf("CheckCoverage = %v, want the forgotten method", err)
	}
	gateway := w.guarded(t)
	if err := gateway.HandlePath("GET", "/v1/export", func(http.ResponseWriter, *http.Request, map[string]string) {}); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"DELETE /v1/orders/1", "POST /v1/orders/1:delete", "GET /v1/export"} {
		if got := call(gateway, target, "Authorization", w.token("orders:admin", "orders:write")); got.Code != 403 {
			t.Errorf("%s = %s, want 403", target, shown(got))
		}
	}
}

// TestRoutes compares the routes with those of the .proto file, and looks for two
// methods of one route.
func TestRoutes(t *testing.T) {
	w := newWorld(t, nil)
	want := []string{"DELETE /v1/orders/{id=*}", "GET /v1/health", "GET /v1/orders", "GET /v1/orders:watch",
		"POST /v1/orders/{id=*}", "POST /v1/orders/{id=*}:delete"}
	if got := slices.Sorted(maps.Keys(w.routes(t))); !slices.Equal(got, want) {
		t.Errorf("routesOf = %q, want %q", got, want)
	}
	twice := func(yield func(string, scopes.Requirement) bool) {
		for _, method := range []string{"/shop.v1.Orders/List", "/shop.v1.Orders/List", "/shop.v1.Orders/Gone"} {
			yield(method, scopes.Public())
		}
	}
	_, err := routesOf(twice)
	for _, problem := range []string{"have the same route, GET /v1/orders", "/shop.v1.Orders/Gone: "} {
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("routesOf = %v, want %q", err, problem)
		}
	}
}
