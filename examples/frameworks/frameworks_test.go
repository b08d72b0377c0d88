package frameworks

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v5"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
)

// recipe is a framework's handler, with the routes from the framework's own list.
type recipe struct {
	handler http.Handler
	routes  []string // "GET /orders"
	wire    bool     // requests go over HTTP/1.1, which trims header values

	serve func(net.Listener) error // nil if handler is one of net/http
}

// policy has the requirement of each route.
var policy = needs{
	"GET /health":         scopes.Public(),
	"GET /orders":         scopes.All("orders:read"),
	"DELETE /orders/{id}": scopes.All("orders:write"),
}

// recipes are made of a fiberGuard, whose middleware guards the other frameworks.
var recipes = map[string]func(fiberGuard) recipe{
	"chi": func(guard fiberGuard) recipe {
		r := newChi(guard.answers)
		return recipe{handler: r, routes: chiRoutes(r)}
	},
	"gin": func(guard fiberGuard) recipe {
		r := newGin(guard.answers)
		return recipe{handler: r, routes: ginRoutes(r)}
	},
	"echo v5": func(guard fiberGuard) recipe {
		e := newEcho(guard.answers)
		return recipe{handler: e, routes: echoRoutes(e)}
	},
	"echo v4": func(guard fiberGuard) recipe {
		e := newEchoV4(guard.answers)
		var routes []string
		for _, r := range e.Routes() {
			routes = append(routes, r.Method+" "+r.Path)
		}
		return recipe{handler: e, routes: routes}
	},
	"fiber v3": func(guard fiberGuard) recipe {
		app := newFiber(guard)
		return recipe{over(func(r *http.Request) (*http.Response, error) { return app.Test(r) }), fiberRoutes(app), true,
			func(l net.Listener) error { return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }}
	},
	"fiber v2": func(guard fiberGuard) recipe {
		app := newFiberV2(guard)
		var routes []string
		for _, r := range app.GetRoutes(true) {
			if r.Method != "HEAD" { // fiber adds it to each GET, with the same handlers
				routes = append(routes, r.Method+" "+r.Path)
			}
		}
		return recipe{over(func(r *http.Request) (*http.Response, error) { return app.Test(r) }), routes, true, app.Listener}
	},
	"huma": func(guard fiberGuard) recipe {
		h, api := newHuma(guard.answers)
		var routes []string
		for path, item := range api.OpenAPI().Paths {
			for method, o := range map[string]any{"GET": item.Get, "DELETE": item.Delete, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch} {
				if fmt.Sprint(o) != "<nil>" {
					routes = append(routes, method+" "+path)
				}
			}
		}
		return recipe{handler: h, routes: routes}
	},
}

func chiRoutes(r chi.Router) (routes []string) {
	chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)
		return nil
	})
	return routes
}

func ginRoutes(r *gin.Engine) (routes []string) {
	for _, info := range r.Routes() {
		routes = append(routes, info.Method+" "+info.Path)
	}
	return routes
}

func echoRoutes(e *echo.Echo) (routes []string) {
	for _, r := range e.Router().Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	return routes
}

func fiberRoutes(app *fiber.App) (routes []string) {
	for _, r := range app.GetRoutes(true) {
		if r.Method != "HEAD" { // fiber adds it to each GET, with the same handlers
			routes = append(routes, r.Method+" "+r.Path)
		}
	}
	return routes
}

// over serves requests by a function that takes and returns those of net/http.
func over(send func(*http.Request) (*http.Response, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := send(r)
		if err != nil {
			w.WriteHeader(400) // fasthttp refuses what it can't parse
			return
		}
		defer res.Body.Close()
		for name, values := range res.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(res.StatusCode)
		io.Copy(w, res.Body)
	})
}

var parameter = regexp.MustCompile(`:(\w+)|\{(\w+)\}`)

// operations compares a framework's routes with the policy. It returns what attack
// wants, and the routes that the policy does not have, or not the framework.
func operations(routes []string, policy needs) (list []attack.Operation, differ []string) {
	seen := map[string]bool{}
	for _, route := range routes {
		name := parameter.ReplaceAllString(route, "{$1$2}")
		need, found := policy[name]
		if !found {
			differ = append(differ, "forgotten: "+route)
		}
		seen[name] = true
		list = append(list, attack.Operation{Call: parameter.ReplaceAllString(route, "1"), Need: need})
	}
	for name := range policy {
		if !seen[name] {
			differ = append(differ, "not there: "+name)
		}
	}
	return list, differ
}

// trimmed are the attacks that HTTP/1.1 makes good calls of (RFC 9112 §5.1).
var trimmed = []string{
	"credential: space before", "credential: tab before", "credential: space after", "credential: tab after", "credential: line feed",
}

// TestRecipes attacks each framework's own routes, and looks for the client in its
// handler.
func TestRecipes(t *testing.T) {
	for name, build := range recipes {
		t.Run(name, func(t *testing.T) {
			authority, v := m2mtest.Trust(t, nil)
			guard, err := httpmw.New(v, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := build(fiberGuard{v, guard, ""})
			list, differ := operations(r.routes, policy)
			if differ != nil {
				t.Errorf("routes and policy differ: %q", differ)
			}
			attack.Run(t, attack.Target{Authority: authority, Handler: r.handler, HTTP: list, Skip: func(name string) bool {
				return r.wire && slices.Contains(trimmed, name)
			}})

			request := httptest.NewRequest("GET", "/orders", nil)
			request.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: []string{"orders:read"}}))
			w := httptest.NewRecorder()
			r.handler.ServeHTTP(w, request)
			if w.Code != 200 || !strings.Contains(w.Body.String(), "m2m-client-test-7") {
				t.Errorf("GET /orders = %d %q, want 200 and the client's ID", w.Code, w.Body)
			}
			request.Header.Add("Authorization", "Bearer x")
			w = httptest.NewRecorder()
			r.handler.ServeHTTP(w, request)
			if w.Code != 400 {
				t.Errorf("GET /orders with two Authorization values = %d, want 400", w.Code)
			}
		})
	}
}

// TestForgottenRoute: a route without a guard is on the framework's own list, and the
// comparison with the policy finds it.
func TestForgottenRoute(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	toChi, toGin, toEcho, toFiber := newChi(guard), newGin(guard), newEcho(guard), newFiber(fiberGuard{v, guard, ""})
	toChi.Get("/export", func(http.ResponseWriter, *http.Request) {})
	toGin.GET("/export", func(*gin.Context) {})
	toEcho.GET("/export", func(*echo.Context) error { return nil })
	toFiber.Get("/export", func(fiber.Ctx) error { return nil })
	for name, routes := range map[string][]string{
		"chi": chiRoutes(toChi), "gin": ginRoutes(toGin), "echo": echoRoutes(toEcho), "fiber": fiberRoutes(toFiber),
	} {
		if _, differ := operations(routes, policy); !slices.Equal(differ, []string{"forgotten: GET /export"}) {
			t.Errorf("operations(%s) = %q, want the forgotten route", name, differ)
		}
	}
}
