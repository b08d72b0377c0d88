package graphql

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/vektah/gqlparser/v2"
	gqlast "github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// TestGqlgen calls the middleware as the code that gqlgen generates does.
func TestGqlgen(t *testing.T) {
	w := newWorld(t, nil)
	token := "Bearer " + w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"orders:read"}})
	ctx, err := w.verifier.Authorize(t.Context(), verifier.Request{Authorization: []string{token}}, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	around := aroundFields(w.verifier, policy)
	for _, tt := range []struct {
		object, field string
		extensions    map[string]any // nil if the resolver runs
	}{
		{"Query", "health", nil},
		{"Query", "orders", nil},
		{"Order", "id", nil},
		{"Order", "price", map[string]any{"code": "insufficient_scope", "field": "Order.price", "scope": "prices:read"}},
		{"Mutation", "deleteOrder", map[string]any{"code": "insufficient_scope", "field": "Mutation.deleteOrder", "scope": "orders:admin"}},
		{"Mutation", "forgotten", map[string]any{"code": "insufficient_scope", "field": "Mutation.forgotten"}},
		{"Query", "__schema", map[string]any{"code": "insufficient_scope", "field": "Query.__schema"}},
		{"__Schema", "types", map[string]any{"code": "insufficient_scope", "field": "__Schema.types"}},
	} {
		ran := false
		field := gqlgen.CollectedField{Field: &gqlast.Field{Name: tt.field, Alias: "alias"}}
		_, err := around(gqlgen.WithFieldContext(ctx, &gqlgen.FieldContext{Object: tt.object, Field: field}), func(context.Context) (any, error) {
			ran = true
			return nil, nil
		})
		var got map[string]any
		if refused, ok := errors.AsType[*gqlerror.Error](err); ok {
			got = refused.Extensions
		}
		if ran != (tt.extensions == nil) || !reflect.DeepEqual(got, tt.extensions) {
			t.Errorf("%s.%s = %v, resolver ran: %t, want %v", tt.object, tt.field, got, ran, tt.extensions)
		}
	}
}

// TestGqlgenCoverage looks for gaps between a policy and a schema.
func TestGqlgenCoverage(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&gqlast.Source{Input: sdl})
	short := maps.Clone(policy)
	delete(short, "Priced.price") // gqlgen decides about the concrete type
	if err := short.checkGenerated(schema); err != nil {
		t.Errorf("checkGenerated = %v, want none", err)
	}
	delete(short, "Mutation.deleteOrder")
	short["Query.order"] = scopes.Public()
	want := "Mutation.deleteOrder has no requirement\nQuery.order is not in the schema"
	if err := short.checkGenerated(schema); err == nil || err.Error() != want {
		t.Errorf("checkGenerated = %v, want %s", err, want)
	}
}
