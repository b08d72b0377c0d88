// Package graphql has recipes for two GraphQL servers. Each field of the schema has its own
// requirement, and a field without one is refused. fieldGuard is for
// github.com/graph-gophers/graphql-go, and aroundFields for github.com/99designs/gqlgen.
package graphql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// needs has the requirement of each field: "Query.orders", or "Order.*" for the fields of
// a type that have no key of their own. The key "introspection" is for __schema and
// __type. Every other field is refused.
type needs map[string]scopes.Requirement

func (n needs) of(typeName, field string) scopes.Requirement {
	if strings.HasPrefix(typeName, "__") || strings.HasPrefix(field, "__") {
		return n["introspection"]
	}
	if need, found := n[typeName+"."+field]; found {
		return need
	}
	return n[typeName+".*"]
}

// check compares the policy with the fields of a schema, by type. It returns the fields
// without a requirement, and the keys that no field has.
func (n needs) check(schema map[string][]string) (errs []error) {
	known := map[string]bool{"introspection": true}
	for _, typeName := range slices.Sorted(maps.Keys(schema)) {
		for _, field := range schema[typeName] {
			known[typeName+"."+field], known[typeName+".*"] = true, true
			if n.of(typeName, field).IsZero() {
				errs = append(errs, fmt.Errorf("%s.%s has no requirement", typeName, field))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(n)) {
		if !known[key] {
			errs = append(errs, fmt.Errorf("%s is not in the schema", key))
		}
	}
	return errs
}

// extensions describes the refusal of a field to its caller.
func extensions(refused *verifier.Error, field string) map[string]any {
	list := map[string]any{"code": refused.Code.String(), "field": field}
	if need := refused.Need.Scopes(); len(need) > 0 {
		list["scope"] = strings.Join(need, " ")
	}
	return list
}
