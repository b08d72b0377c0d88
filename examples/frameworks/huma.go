package frameworks

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// humaGuard guards every operation of huma by the scopes that its OpenAPI security
// names: an operation without any is refused, so that none is forgotten. Those with
// an empty requirement are public, by OpenAPI's own rule.
func humaGuard(guard *httpmw.Middleware) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(c)
		guard.Serve(w, r, c.Operation().Method+" "+c.Operation().Path, humaNeed(c.Operation()), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next(huma.WithContext(c, r.Context()))
		}))
	}
}

// humaNeed reads the requirement of an operation from its security.
func humaNeed(o *huma.Operation) scopes.Requirement {
	for _, security := range o.Security {
		names, found := security["oauth2"]
		if len(security) == 0 {
			return scopes.Public()
		}
		if need, err := scopes.AllOf(names); found && err == nil {
			return need
		}
	}
	return scopes.Requirement{} // refused to all
}

type humaText struct{ Body string }

func newHuma(guard *httpmw.Middleware) (http.Handler, huma.API) {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("orders", "1.0.0"))
	api.UseMiddleware(humaGuard(guard))
	oauth2 := func(names ...string) []map[string][]string { return []map[string][]string{{"oauth2": names}} }
	huma.Register(api, huma.Operation{Method: "GET", Path: "/health", Security: []map[string][]string{{}}},
		func(context.Context, *struct{}) (*humaText, error) { return &humaText{"ok"}, nil })
	huma.Register(api, huma.Operation{Method: "GET", Path: "/orders", Security: oauth2("orders:read")},
		func(ctx context.Context, _ *struct{}) (*humaText, error) {
			client, _ := verifier.ClientFromContext(ctx)
			return &humaText{client.ID}, nil
		})
	huma.Register(api, huma.Operation{Method: "DELETE", Path: "/orders/{id}", Security: oauth2("orders:write")},
		func(_ context.Context, in *struct {
			ID string `path:"id"`
		}) (*humaText, error) {
			return &humaText{"deleted " + in.ID}, nil
		})
	return mux, api
}
