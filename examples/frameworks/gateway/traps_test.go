package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestTrapNoInterceptor shows that Register…HandlerServer runs no interceptor: calls
// without a token are answered, although the gRPC server is guarded.
func TestTrapNoInterceptor(t *testing.T) {
	w := newWorld(t, nil)
	if got := call(w.inProcess(t), "GET /v1/orders"); got.Code != 200 {
		t.Errorf("GET /v1/orders without a token = %s, want 200", shown(got))
	}
	call(w.inProcess(t), "DELETE /v1/orders/7")
	if !slices.Equal(w.service.deleted, []string{"7"}) {
		t.Errorf("DELETE without a token deleted %q, want 7", w.service.deleted)
	}
}

// TestTrapGuardByPath shows that a guard around the gateway decides about another route
// than the gateway calls: a client that may only update deletes orders.
func TestTrapGuardByPath(t *testing.T) {
	w := newWorld(t, nil)
	gateway := w.inProcess(t)
	guard, err := httpmw.NewMux(w.web)
	if err != nil {
		t.Fatal(err)
	}
	guard.Handle("GET /v1/orders", policy["/shop.v1.Orders/List"], gateway)
	guard.Handle("POST /v1/orders/{id}", policy["/shop.v1.Orders/Update"], gateway)
	guard.Handle("DELETE /v1/orders/{id}", policy["/shop.v1.Orders/Delete"], gateway)
	for _, tt := range []struct {
		call   string
		header []string
	}{
		{"POST /v1/orders/1:delete", nil},
		{"POST /v1/orders/2", []string{"X-HTTP-Method-Override", "DELETE", "Content-Type", "application/x-www-form-urlencoded"}},
	} {
		got := call(guard, tt.call, append(tt.header, "Authorization", w.token("orders:write"))...)
		if got.Code != 200 {
			t.Errorf("%s behind a guard by path = %s, want 200", tt.call, shown(got))
		}
		got = call(w.guarded(t), tt.call, append(tt.header, "Authorization", w.token("orders:write"))...)
		if got.Code != 403 {
			t.Errorf("%s by the recipe = %s, want 403", tt.call, shown(got))
		}
	}
	if !slices.Equal(w.service.deleted, []string{"1", "2"}) {
		t.Errorf("deleted %q, want 1 and 2", w.service.deleted)
	}
	var got reports
	attack.Run(&got, attack.Target{Authority: w.authority, Handler: guard, HTTP: operations(w.routes(t), watch)})
	for _, want := range []string{
		"X-HTTP-Method-Override on one with its own token: POST /v1/orders/1: 200",
		"scopes: those of another operation: POST /v1/orders/1:delete: 200",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("attack.Run = %s, want %q in it", got, want)
		}
	}
}

// reports is the attack.T of an attack that must succeed.
type reports string

func (*reports) Helper() {}

func (r *reports) Errorf(format string, args ...any) {
	*r += reports(fmt.Sprintf(format, args...) + "\n")
}

func (*reports) Logf(string, ...any) {}

// TestTrapChallenge shows what a gateway that dials makes of a refusal: it replaces the
// challenge of a 401, and leaves out that of a 403 and of a stream, and Retry-After.
func TestTrapChallenge(t *testing.T) {
	var refuse error
	w := newWorld(t, &verifier.Config{Check: func(context.Context, verifier.Client, verifier.Request) error { return refuse }})
	gateway := w.dials(t, w.dial(t))
	for _, tt := range []struct {
		call, token string
		refuse      error
		status      int
		challenge   []string
	}{
		{"GET /v1/orders", "", nil, 401, []string{"A bearer token is required."}},
		{"GET /v1/orders:watch", "", nil, 401, nil},
		{"GET /v1/orders", w.token(), nil, 403, nil},
		{"GET /v1/orders", w.token("orders:read"), &verifier.Error{Code: verifier.Unavailable, Reason: verifier.CheckFailed, RetryAfter: time.Minute}, 503, nil},
	} {
		refuse = tt.refuse
		var header []string
		if tt.token != "" {
			header = []string{"Authorization", tt.token}
		}
		got := call(gateway, tt.call, header...)
		if got.Code != tt.status || !slices.Equal(got.Header()["Www-Authenticate"], tt.challenge) || got.Header()["Retry-After"] != nil {
			t.Errorf("%s = %s, Retry-After %q, want %d %q and none", tt.call, shown(got), got.Header()["Retry-After"], tt.status, tt.challenge)
		}
	}
}

// TestTrapSecondValue shows that a gateway that dials drops an Authorization value that
// gRPC can't carry, and that an option lets another header be the credential.
func TestTrapSecondValue(t *testing.T) {
	w := newWorld(t, nil)
	conn := w.dial(t)
	good := w.token("orders:read")
	if got := call(w.dials(t, conn), "GET /v1/orders", "Authorization", good, "Authorization", "Bearer \xff"); got.Code != 200 {
		t.Errorf("two Authorization values = %s, want 200", shown(got))
	}
	legacy := w.dials(t, conn, runtime.WithLegacyHeaderMatching())
	if got := call(legacy, "GET /v1/orders", "Grpc-Metadata-Authorization", good); got.Code != http.StatusOK {
		t.Errorf("Grpc-Metadata-Authorization = %s, want 200", shown(got))
	}
}

// TestTrapSecondCopy shows that the service receives the token twice: a log that leaves
// out "authorization" has it all the same.
func TestTrapSecondCopy(t *testing.T) {
	w := newWorld(t, nil)
	call(w.relayed(t), "GET /v1/orders", "Authorization", w.token("orders:read"))
	if want := []string{"authorization", "grpcgateway-authorization"}; !slices.Equal(w.service.keys, want) {
		t.Errorf("metadata with the token = %q, want %q", w.service.keys, want)
	}
}
