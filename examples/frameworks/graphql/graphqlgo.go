package graphql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	graphqlgo "github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/ast"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"
	"github.com/graph-gophers/graphql-go/introspection"
	"github.com/graph-gophers/graphql-go/relay"
	"github.com/graph-gophers/graphql-go/trace/tracer"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// newHandler serves a schema by POST to one route, which wants a verified client and no
// more. It fails if policy and schema differ.
func newHandler(guard *httpmw.Middleware, v *verifier.Verifier, policy needs, sdl string, resolver any) (http.Handler, error) {
	schema, err := graphqlgo.ParseSchema(sdl, resolver, graphqlgo.Tracer(&fieldGuard{v, policy}))
	if err != nil {
		return nil, err
	}
	if err := policy.checkCoverage(schema.AST()); err != nil {
		return nil, err
	}
	return guard.Require(scopes.Authenticated())(&relay.Handler{Schema: schema}), nil
}

// fieldGuard decides about each field before its resolver runs. It is a tracer because
// that is the one hook that graphql-go has for every field, whatever its alias, fragment
// or depth.
type fieldGuard struct {
	verifier *verifier.Verifier
	policy   needs
}

// decisions is the key of a *sync.Map in the context: by field, the refusal or nil. A field
// is decided once for each operation, and not for each item of a list.
type decisions struct{}

// TraceQuery begins an operation.
func (g *fieldGuard) TraceQuery(ctx context.Context, _, _ string, _ map[string]any, _ map[string]*introspection.Type) (context.Context, tracer.QueryFinishFunc) {
	return context.WithValue(ctx, decisions{}, new(sync.Map)), func([]*gqlerrors.QueryError) {}
}

// TraceField refuses a field by a context that is cancelled: graphql-go then calls no
// resolver. The error that it reports gets the text and the code of the refusal.
func (g *fieldGuard) TraceField(ctx context.Context, _, typeName, field string, _ bool, _ map[string]any) (context.Context, tracer.FieldFinishFunc) {
	refused := g.decide(ctx, typeName, field)
	if refused == nil {
		return ctx, func(*gqlerrors.QueryError) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, func(err *gqlerrors.QueryError) {
		if err != nil { // __schema and __type have no resolver, but their fields have
			err.Message, err.Extensions = refused.Code.Message(), extensions(refused, typeName+"."+field)
		}
	}
}

func (g *fieldGuard) decide(ctx context.Context, typeName, field string) *verifier.Error {
	if field == "__typename" {
		return nil
	}
	name := typeName + "." + field
	known, ok := ctx.Value(decisions{}).(*sync.Map)
	if !ok {
		known = new(sync.Map)
	}
	if refused, found := known.Load(name); found {
		return refused.(*verifier.Error)
	}
	var refused *verifier.Error
	if err := g.verifier.Reauthorize(ctx, name, g.policy.of(typeName, field)); err != nil {
		refused = verifier.AsError(err)
	}
	known.Store(name, refused)
	return refused
}

// checkCoverage compares the policy with the fields of the schema. It also reports an
// interface that requires less than a type that implements it, because a field that is
// reached through an interface has the interface's name, and subscriptions, whose root
// fields graphql-go shows to no tracer.
func (n needs) checkCoverage(schema *ast.Schema) error {
	fields := map[string][]string{}
	var weaker []error
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		if strings.HasPrefix(name, "__") {
			continue
		}
		switch t := schema.Types[name].(type) {
		case *ast.ObjectTypeDefinition:
			fields[name] = t.Fields.Names()
		case *ast.InterfaceTypeDefinition:
			fields[name] = t.Fields.Names()
			for _, field := range fields[name] {
				for _, implementation := range t.PossibleTypes {
					need := n.of(name, field)
					if !need.IsZero() && !need.Implies(n.of(implementation.Name, field)) {
						weaker = append(weaker, fmt.Errorf("%s.%s requires less than %s.%s", name, field, implementation.Name, field))
					}
				}
			}
		}
	}
	if schema.RootOperationTypes["subscription"] != nil {
		weaker = append(weaker, errors.New("the schema has subscriptions: decide about each in its resolver"))
	}
	return errors.Join(append(n.check(fields), weaker...)...)
}
