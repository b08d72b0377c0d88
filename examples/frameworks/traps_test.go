package frameworks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestTraps shows the traps of docs/frameworks.md: calls without a token that reach a
// handler, although a guard was installed. If one of them is refused one day, its row goes.
func TestTraps(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	need := scopes.All("orders:read")
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("open")) })
	for _, tt := range []struct {
		name  string
		build func() http.Handler
		call  string
		want  int
	}{
		{"gin: Use after the route", func() http.Handler {
			r := newEmptyGin()
			r.GET("/orders", func(c *gin.Context) { c.String(200, "open") })
			r.Use(ginRequire(guard, need))
			return r
		}, "GET /orders", 200},
		{"gin: a group that was made before Use", func() http.Handler {
			r := newEmptyGin()
			group := r.Group("/orders")
			r.Use(ginRequire(guard, need))
			group.GET("/1", func(c *gin.Context) { c.String(200, "open") })
			return r
		}, "GET /orders/1", 200},
		{"gin: Use before both", func() http.Handler {
			r := newEmptyGin()
			r.Use(ginRequire(guard, need))
			r.Group("/orders").GET("/1", func(c *gin.Context) { c.String(200, "open") })
			return r
		}, "GET /orders/1", 401},
		{"echo v5: Use of a group after the route", func() http.Handler {
			e := echo.New()
			group := e.Group("/orders")
			group.GET("/1", func(c *echo.Context) error { return c.String(200, "open") })
			group.Use(echoRequire(guard, need))
			return e
		}, "GET /orders/1", 200},
		{"echo v4: Use of a group after the route", func() http.Handler {
			e := echov4.New()
			group := e.Group("/orders")
			group.GET("/1", func(c echov4.Context) error { return c.String(200, "open") })
			group.Use(echoV4Require(guard, need))
			return e
		}, "GET /orders/1", 200},
		{"echo v5: Use of the whole after the route", func() http.Handler {
			e := echo.New()
			e.GET("/orders", func(c *echo.Context) error { return c.String(200, "open") })
			e.Use(echoRequire(guard, need))
			return e
		}, "GET /orders", 401},
		{"fiber v3: Use after the route", func() http.Handler {
			app := fiber.New()
			app.Get("/orders", func(c fiber.Ctx) error { return c.SendString("open") })
			app.Use(fiberGuard{verifier: v, answers: guard}.require(need))
			return over(func(r *http.Request) (*http.Response, error) { return app.Test(r) })
		}, "GET /orders", 200},
		{"chi: a route beside the group", func() http.Handler {
			r := chi.NewRouter()
			r.Group(func(in chi.Router) {
				in.Use(guard.Require(need))
				r.Get("/orders", hello) // r, and not in
			})
			return r
		}, "GET /orders", 200},
		{"huma: its own pages", func() http.Handler {
			h, _ := newHuma(guard)
			return h
		}, "GET /openapi.json", 200},
		{"ServeMux: another method", func() http.Handler {
			mux := http.NewServeMux()
			mux.Handle("GET /orders", guard.Require(need)(hello))
			mux.Handle("/", hello)
			return mux
		}, "POST /orders", 200},
		{"ServeMux: another spelling", func() http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/orders/", guard.Require(need)(hello))
			mux.Handle("/", hello)
			return mux
		}, "GET /orders%2F1", 200},
		{"ServeMux: HEAD is GET", func() http.Handler {
			mux := http.NewServeMux()
			mux.Handle("GET /orders", guard.Require(need)(hello))
			return mux
		}, "HEAD /orders", 401},
		{"ServeMux: it redirects before the guard", func() http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/orders/", guard.Require(need)(hello))
			return mux
		}, "GET //orders/1", 307},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			tt.build().ServeHTTP(w, request(t, tt.call))
			if w.Code != tt.want {
				t.Errorf("%s = %d, want %d, as docs/frameworks.md has it", tt.call, w.Code, tt.want)
			}
		})
	}
}

func newEmptyGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	return gin.New()
}

func request(t *testing.T, call string) *http.Request {
	t.Helper()
	method, target, _ := strings.Cut(call, " ")
	return httptest.NewRequest(method, target, nil)
}

// TestChiUseIsChecked: chi refuses a middleware that comes after a route.
func TestChiUseIsChecked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Use after a route does not panic; it used to")
		}
	}()
	r := chi.NewRouter()
	r.Get("/orders", func(http.ResponseWriter, *http.Request) {})
	r.Use(func(next http.Handler) http.Handler { return next })
}

// TestChiMount: chi.Walk does not look into a mounted handler that is no chi.Router, so
// a comparison of routes and policy does not, either.
func TestChiMount(t *testing.T) {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /admin/keys", func(http.ResponseWriter, *http.Request) {})
	r := chi.NewRouter()
	r.Mount("/admin", inner)
	for _, route := range chiRoutes(r) {
		if route == "GET /admin/keys" {
			t.Errorf("chi.Walk lists %q; it used to list /admin/* alone", chiRoutes(r))
		}
	}
}

// TestReverseProxy: a caller can name the identity that a guard sets among the fields of
// Connection. httputil.ReverseProxy then removes it, if Director has set it. Rewrite is
// called after that removal.
func TestReverseProxy(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header["X-Client-Id"] }))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	set := func(ctx context.Context, h http.Header) {
		client, _ := verifier.ClientFromContext(ctx)
		h.Set("X-Client-Id", client.ID)
	}
	for _, tt := range []struct {
		name  string
		proxy *httputil.ReverseProxy
		want  int
	}{
		//lint:ignore SA1019 it is the trap
		{"Director", &httputil.ReverseProxy{Director: func(r *http.Request) {
			r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
			set(r.Context(), r.Header)
		}}, 0},
		{"Rewrite", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			set(r.In.Context(), r.Out.Header)
		}}, 1},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{}))
		r.Header.Set("Connection", "close, X-Client-Id")
		w := httptest.NewRecorder()
		guard.Require(scopes.Authenticated())(tt.proxy).ServeHTTP(w, r)
		if w.Code != 200 || len(seen) != tt.want {
			t.Errorf("%s: status %d, X-Client-Id %q, want %d values", tt.name, w.Code, seen, tt.want)
		}
	}
}
