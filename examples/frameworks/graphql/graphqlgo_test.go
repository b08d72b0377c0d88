package graphql

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	graphqlgo "github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestTrapOneRoute shows that a guard of the route lets every field pass: a client that
// may read deletes an order.
func TestTrapOneRoute(t *testing.T) {
	w := newWorld(t, nil)
	h := w.guard.Require(scopes.All("orders:read"))(&relay.Handler{Schema: graphqlgo.MustParseSchema(sdl, w.shop)})
	got := w.query(t, h, `mutation { deleteOrder(id: "7") }`, "orders:read")
	if want := (result{status: 200, data: `{"deleteOrder":"7"}`}); !reflect.DeepEqual(got, want) || !slices.Equal(w.shop.deleted, []string{"7"}) {
		t.Errorf("deleteOrder = %+v, deleted %q, want %+v and 7", got, w.shop.deleted, want)
	}
}

// live has a subscription.
type live struct{}

func (*live) A() *int32 { return nil }

func (*live) B() <-chan *int32 {
	c := make(chan *int32, 1)
	c <- new(int32(7))
	close(c)
	return c
}

// TestTrapSubscription shows that graphql-go asks no tracer about the root field of a
// subscription: it is sent although nothing permits it.
func TestTrapSubscription(t *testing.T) {
	w := newWorld(t, nil)
	schema := graphqlgo.MustParseSchema(liveSDL, &live{}, graphqlgo.Tracer(&fieldGuard{w.verifier, nil}))
	events, err := schema.Subscribe(t.Context(), `subscription { b }`, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := (<-events).(*graphqlgo.Response); string(got.Data) != `{"b":7}` || got.Errors != nil {
		t.Errorf("subscription = %s %v, want 7", got.Data, got.Errors)
	}
	policy := needs{"Query.a": scopes.Public(), "Subscription.b": scopes.Public()}
	if _, err := newHandler(w.guard, w.verifier, policy, liveSDL, &live{}); err == nil ||
		err.Error() != "the schema has subscriptions: decide about each in its resolver" {
		t.Errorf("newHandler = %v, want the subscriptions", err)
	}
}

const liveSDL = `type Query { a: Int } type Subscription { b: Int }`

// TestFields runs documents with few scopes: what they may not see is null, and has an
// error. The rest is kept.
func TestFields(t *testing.T) {
	w := newWorld(t, nil)
	h := w.handler(t)
	const refused = "insufficient_scope "
	for _, tt := range []struct {
		name, document string
		scopes         []string
		data           string
		errors         []string
	}{
		{"permitted", `{ health me orders { id } }`, []string{"orders:read"},
			`{"health":"ok","me":"m2m-client-test-7","orders":[{"id":"1"},{"id":"1"}]}`, nil},
		{"one of several", `{ health orders { id } me }`, nil,
			`{"health":"ok","orders":null,"me":"m2m-client-test-7"}`, []string{refused + "Query.orders orders:read"}},
		{"an alias", `{ health: orders { id } }`, nil,
			`{"health":null}`, []string{refused + "Query.orders orders:read"}},
		{"a fragment", `query { ...f } fragment f on Query { orders { id } }`, nil,
			`{"orders":null}`, []string{refused + "Query.orders orders:read"}},
		{"an inline fragment", `{ ... on Query @include(if: true) { orders { id } } }`, nil,
			`{"orders":null}`, []string{refused + "Query.orders orders:read"}},
		{"nested", `{ orders { id price customer { name } } }`, []string{"orders:read", "prices:read"},
			`{"orders":[{"id":"1","price":100,"customer":{"name":null}},{"id":"1","price":100,"customer":{"name":null}}]}`,
			[]string{refused + "Customer.name customers:read", refused + "Customer.name customers:read"}},
		{"through an interface", `{ cheapest { price } }`, []string{"orders:read"},
			`{"cheapest":{"price":null}}`, []string{refused + "Priced.price prices:read"}},
		{"of an interface's type", `{ cheapest { __typename ... on Order { id price } } }`, []string{"orders:read"},
			`{"cheapest":{"__typename":"Order","id":"1","price":null}}`, []string{refused + "Order.price prices:read"}},
		{"mutations", `mutation { note(text: "a") one: deleteOrder(id: "1") two: deleteOrder(id: "2") }`, []string{"orders:write"},
			`{"note":"a","one":null,"two":null}`, []string{refused + "Mutation.deleteOrder orders:admin", refused + "Mutation.deleteOrder orders:admin"}},
		{"introspection", `{ __typename __schema { types { name } } __type(name: "Order") { name } }`, []string{"orders:read"},
			`{"__typename":"Query","__schema":null,"__type":{"name":null}}`, []string{refused + "__Schema.types", refused + "__Type.name"}},
		{"not nullable, which takes the others along", `{ health audit }`, nil,
			`null`, []string{refused + "Query.audit audit:read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := w.query(t, h, tt.document, tt.scopes...), (result{200, tt.data, tt.errors}); !reflect.DeepEqual(got, want) {
				t.Errorf("%s = %+v, want %+v", tt.document, got, want)
			}
		})
	}
	if w.shop.deleted != nil {
		t.Errorf("deleted %q, want none", w.shop.deleted)
	}
	if got := w.query(t, h, `mutation { deleteOrder(id: "3") }`, "orders:admin"); got.data != `{"deleteOrder":"3"}` || !slices.Equal(w.shop.deleted, []string{"3"}) {
		t.Errorf("deleteOrder with its scope = %+v, deleted %q, want 3", got, w.shop.deleted)
	}
}

// TestRoute attacks the route. A refusal there is one of HTTP.
func TestRoute(t *testing.T) {
	w := newWorld(t, nil)
	h := w.handler(t)
	attack.Run(t, attack.Target{Authority: w.authority, Handler: h, HTTP: []attack.Operation{{Call: "POST /graphql", Need: scopes.Authenticated()}}})

	got := httptest.NewRecorder()
	h.ServeHTTP(got, httptest.NewRequest("POST", "/graphql", strings.NewReader(`{"query":"{ health }"}`)))
	if got.Code != 401 || got.Header().Get("WWW-Authenticate") != `Bearer realm="api"` {
		t.Errorf("a public field without a token = %d %q, want 401 and a challenge", got.Code, got.Header().Get("WWW-Authenticate"))
	}
	if got := w.post(h, `[{"query":"{ health }"},{"query":"{ me }"}]`); got.Code != http.StatusBadRequest {
		t.Errorf("a batch = %d %q, want 400", got.Code, got.Body)
	}
	body := `{"query":"query a { health } mutation b { deleteOrder(id: \"1\") }","operationName":"b"}`
	if got := w.post(h, body); w.shop.deleted != nil {
		t.Errorf("the second operation of a document = %d %q, want none deleted", got.Code, got.Body)
	}
}

// TestUnavailable checks that a field which can't be decided about is no refusal of the
// token, and that Check finds the field's name.
func TestUnavailable(t *testing.T) {
	w := newWorld(t, &verifier.Config{Check: func(_ context.Context, _ verifier.Client, r verifier.Request) error {
		if r.Operation == "Query.me" {
			return &verifier.Error{Code: verifier.Unavailable, Reason: verifier.CheckFailed}
		}
		return nil
	}})
	got := w.query(t, w.handler(t), `{ health me }`)
	if want := (result{200, `{"health":"ok","me":null}`, []string{"unavailable Query.me"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("{ health me } = %+v, want %+v", got, want)
	}
}

// TestDecidedOnce checks that a field of a list is decided once, and audited once.
func TestDecidedOnce(t *testing.T) {
	var prices atomic.Int32
	w := newWorld(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
		if d.Operation == "Order.price" {
			prices.Add(1)
		}
	}}})
	h := w.handler(t)
	for range 2 {
		w.query(t, h, `{ orders { price } }`, "orders:read")
	}
	if got := prices.Load(); got != 2 {
		t.Errorf("decisions about Order.price = %d, want 2: one for each request", got)
	}
}

// TestForgotten checks that a field without a requirement is found at start-up, and refused
// to everyone.
func TestForgotten(t *testing.T) {
	w := newWorld(t, nil)
	short := maps.Clone(policy)
	delete(short, "Mutation.deleteOrder")
	if _, err := newHandler(w.guard, w.verifier, short, sdl, w.shop); err == nil || err.Error() != "Mutation.deleteOrder has no requirement" {
		t.Errorf("newHandler = %v, want the forgotten field", err)
	}
	h := w.guard.Require(scopes.Authenticated())(&relay.Handler{
		Schema: graphqlgo.MustParseSchema(sdl, w.shop, graphqlgo.Tracer(&fieldGuard{w.verifier, short})),
	})
	got := w.query(t, h, `mutation { deleteOrder(id: "1") }`, "orders:admin", "orders:write")
	if want := (result{200, `{"deleteOrder":null}`, []string{"insufficient_scope Mutation.deleteOrder"}}); !reflect.DeepEqual(got, want) || w.shop.deleted != nil {
		t.Errorf("deleteOrder = %+v, deleted %q, want %+v", got, w.shop.deleted, want)
	}
}

// TestCheckCoverage looks for each gap between a policy and a schema.
func TestCheckCoverage(t *testing.T) {
	schema := graphqlgo.MustParseSchema(sdl, nil)
	if err := policy.checkCoverage(schema.AST()); err != nil {
		t.Errorf("checkCoverage = %v, want none", err)
	}
	wrong := maps.Clone(policy)
	wrong["Query.order"] = scopes.Public()
	wrong["Item.*"] = scopes.Public()
	wrong["Priced.price"] = scopes.All("orders:read")
	delete(wrong, "Customer.name")
	want := `Customer.name has no requirement
Item.* is not in the schema
Query.order is not in the schema
Priced.price requires less than Order.price`
	if err := wrong.checkCoverage(schema.AST()); err == nil || err.Error() != want {
		t.Errorf("checkCoverage = %v, want %s", err, want)
	}
}
