// Package gateway has two recipes for grpc-gateway. One guards a gateway that calls the
// service in its own process: [inProcess]. The other is for a gateway that dials a
// guarded server, and passes on what that server answers: [challenge], [earlyRefusal]
// and [authorization].
package gateway

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// route is what one HTTP route of the gateway calls.
type route struct {
	method string // "/shop.v1.Orders/List"
	need   scopes.Requirement
}

// inProcess guards every handler of the gateway: pass it to runtime.WithMiddlewares. It
// decides by the pattern that the gateway itself has matched. A guard around the gateway
// would see another route, because the gateway changes the method (X-HTTP-Method-Override)
// and matches verbs ("/v1/orders/1:delete"). A handler that routes does not name, such as
// one of HandlePath, is refused to everyone.
func inProcess(guard *httpmw.Middleware, routes map[string]route) runtime.Middleware {
	return func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
			pattern, _ := runtime.HTTPPattern(r.Context())
			to := routes[r.Method+" "+pattern.String()]
			guard.Serve(w, r, to.method, to.need, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next(w, r, params)
			}))
		}
	}
}

// routesOf reads the HTTP routes of gRPC methods from their google.api.http options.
// Pass it the Operations of the grpcmw.Interceptor that guards the gRPC server, so that
// both follow one policy.
func routesOf(operations iter.Seq2[string, scopes.Requirement]) (map[string]route, error) {
	routes := map[string]route{}
	var errs []error
	for method, need := range operations {
		name := protoreflect.FullName(strings.ReplaceAll(method[1:], "/", "."))
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", method, err))
			continue
		}
		rule := proto.GetExtension(d.Options(), annotations.E_Http).(*annotations.HttpRule)
		for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			verb, path := binding.GetCustom().GetKind(), binding.GetCustom().GetPath()
			switch p := binding.GetPattern().(type) {
			case *annotations.HttpRule_Get:
				verb, path = "GET", p.Get
			case *annotations.HttpRule_Put:
				verb, path = "PUT", p.Put
			case *annotations.HttpRule_Post:
				verb, path = "POST", p.Post
			case *annotations.HttpRule_Delete:
				verb, path = "DELETE", p.Delete
			case *annotations.HttpRule_Patch:
				verb, path = "PATCH", p.Patch
			case nil:
				continue // not served over HTTP
			}
			key := verb + " " + variable.ReplaceAllString(path, "{$1=*}") // as runtime.Pattern.String writes it
			if other, found := routes[key]; found {
				errs = append(errs, fmt.Errorf("%s and %s have the same route, %s", other.method, method, key))
			}
			routes[key] = route{method, need}
		}
	}
	return routes, errors.Join(errs...)
}

// variable matches a variable of a path that takes one segment: "{id}".
var variable = regexp.MustCompile(`\{([^=}]+)\}`)
