package graphql

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const sdl = `
type Query {
	health: String
	me: String
	orders: [Order!]
	cheapest: Priced
	audit: String!
}
type Mutation {
	note(text: String!): String
	deleteOrder(id: String!): String
}
interface Priced { price: Int }
type Order implements Priced { id: String! price: Int customer: Customer }
type Customer { name: String }`

var policy = needs{
	"Query.health":         scopes.Public(),
	"Query.me":             scopes.Authenticated(),
	"Query.orders":         scopes.All("orders:read"),
	"Query.cheapest":       scopes.All("orders:read"),
	"Query.audit":          scopes.All("audit:read"),
	"Mutation.note":        scopes.All("orders:write"),
	"Mutation.deleteOrder": scopes.All("orders:admin"),
	"Order.*":              scopes.All("orders:read"),
	"Order.price":          scopes.All("prices:read"),
	"Priced.price":         scopes.All("prices:read"),
	"Customer.name":        scopes.All("customers:read"),
}

// shop is the root of all resolvers. It keeps the IDs of deleted orders.
type shop struct{ deleted []string }

func (*shop) Health() *string { return new("ok") }

func (*shop) Me(ctx context.Context) *string {
	client, _ := verifier.ClientFromContext(ctx)
	return &client.ID
}

func (*shop) Orders() *[]*order { return &[]*order{{}, {}} }

func (*shop) Cheapest() *priced { return &priced{&order{}} }

func (*shop) Audit() string { return "log" }

func (*shop) Note(in struct{ Text string }) *string { return &in.Text }

func (s *shop) DeleteOrder(in struct{ ID string }) *string {
	s.deleted = append(s.deleted, in.ID)
	return &in.ID
}

type order struct{}

func (*order) ID() string { return "1" }

func (*order) Price() *int32 { return new(int32(100)) }

func (*order) Customer() *customer { return &customer{} }

type customer struct{}

func (*customer) Name() *string { return new("Ada") }

type priced struct{ *order }

func (p *priced) ToOrder() (*order, bool) { return p.order, true }

// world holds an authority, and what trusts it.
type world struct {
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	guard     *httpmw.Middleware
	shop      *shop
}

func newWorld(t *testing.T, cfg *verifier.Config) *world {
	t.Helper()
	w := &world{shop: &shop{}}
	w.authority, w.verifier = m2mtest.Trust(t, cfg)
	var err error
	if w.guard, err = httpmw.New(w.verifier, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := newHandler(w.guard, w.verifier, policy, sdl, w.shop)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// post sends a body with a token of the given scopes.
func (w *world) post(h http.Handler, body string, scopes ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: scopes}))
	got := httptest.NewRecorder()
	h.ServeHTTP(got, r)
	return got
}

// result is a response of GraphQL: its data, and "code field scope" of each error, sorted.
type result struct {
	status int
	data   string
	errors []string
}

// query runs a document with a token of the given scopes.
func (w *world) query(t *testing.T, h http.Handler, document string, scopes ...string) result {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	got := w.post(h, string(body), scopes...)
	var response struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code, Field, Scope string }
		}
	}
	if err := json.Unmarshal(got.Body.Bytes(), &response); err != nil {
		t.Fatalf("%s = %d %q: %v", document, got.Code, got.Body, err)
	}
	out := result{status: got.Code, data: string(response.Data)}
	for _, e := range response.Errors {
		if e.Extensions.Code == "" {
			t.Errorf("%s: error %q without a code", document, e.Message)
		}
		out.errors = append(out.errors, strings.TrimSpace(e.Extensions.Code+" "+e.Extensions.Field+" "+e.Extensions.Scope))
	}
	slices.Sort(out.errors)
	return out
}
