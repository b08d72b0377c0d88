package frameworks

import (
	"net/http"

	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// echoRequire guards a route or a group of echo v5.
func echoRequire(guard *httpmw.Middleware, need scopes.Requirement) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) (err error) {
			allowed := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				err = next(c)
			})
			guard.Serve(c.Response(), c.Request(), c.Request().Method+" "+c.Path(), need, allowed)
			return err
		}
	}
}

func newEcho(guard *httpmw.Middleware) *echo.Echo {
	e := echo.New()
	e.GET("/health", func(c *echo.Context) error { return c.String(200, "ok") })
	e.GET("/orders", func(c *echo.Context) error {
		client, _ := verifier.ClientFromContext(c.Request().Context())
		return c.String(200, client.ID)
	}, echoRequire(guard, scopes.All("orders:read")))
	e.DELETE("/orders/:id", func(c *echo.Context) error { return c.String(200, "deleted "+c.Param("id")) },
		echoRequire(guard, scopes.All("orders:write")))
	return e
}

// echoV4Require guards a route or a group of echo v4.
func echoV4Require(guard *httpmw.Middleware, need scopes.Requirement) echov4.MiddlewareFunc {
	return func(next echov4.HandlerFunc) echov4.HandlerFunc {
		return func(c echov4.Context) (err error) {
			allowed := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				err = next(c)
			})
			guard.Serve(c.Response(), c.Request(), c.Request().Method+" "+c.Path(), need, allowed)
			return err
		}
	}
}

func newEchoV4(guard *httpmw.Middleware) *echov4.Echo {
	e := echov4.New()
	e.GET("/health", func(c echov4.Context) error { return c.String(200, "ok") })
	e.GET("/orders", func(c echov4.Context) error {
		client, _ := verifier.ClientFromContext(c.Request().Context())
		return c.String(200, client.ID)
	}, echoV4Require(guard, scopes.All("orders:read")))
	e.DELETE("/orders/:id", func(c echov4.Context) error { return c.String(200, "deleted "+c.Param("id")) },
		echoV4Require(guard, scopes.All("orders:write")))
	return e
}
