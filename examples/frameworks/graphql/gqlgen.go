package graphql

import (
	"context"
	"errors"
	"strings"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/m2mauth/m2mauth/verifier"
	gqlast "github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// aroundFields guards the fields of gqlgen: pass it to the AroundFields of the
// handler.Server, and guard its route by Require(scopes.Authenticated()). gqlgen calls it for every
// field, subscriptions included, with the name of the concrete type.
func aroundFields(v *verifier.Verifier, policy needs) gqlgen.FieldMiddleware {
	return func(ctx context.Context, next gqlgen.Resolver) (any, error) {
		field := gqlgen.GetFieldContext(ctx)
		name := field.Object + "." + field.Field.Name
		if err := v.Reauthorize(ctx, name, policy.of(field.Object, field.Field.Name)); err != nil {
			refused := verifier.AsError(err)
			return nil, &gqlerror.Error{
				Path: gqlgen.GetPath(ctx), Message: refused.Code.Message(), Extensions: extensions(refused, name),
			}
		}
		return next(ctx)
	}
}

// checkGenerated compares the policy with the schema of a gqlgen.ExecutableSchema.
func (n needs) checkGenerated(schema *gqlast.Schema) error {
	fields := map[string][]string{}
	for name, t := range schema.Types {
		if t.Kind != gqlast.Object || strings.HasPrefix(name, "__") {
			continue
		}
		for _, field := range t.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				fields[name] = append(fields[name], field.Name)
			}
		}
	}
	return errors.Join(n.check(fields)...)
}
