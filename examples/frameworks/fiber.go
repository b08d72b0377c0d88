package frameworks

import (
	"net/http"

	fiberv2 "github.com/gofiber/fiber/v2"
	adaptorv2 "github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// fiberRequest describes a call of fiber, which does not use net/http. All
// Authorization values are in it: two of them are refused. fiber reuses its memory,
// so each is copied.
func fiberRequest(operation string, values [][]byte) verifier.Request {
	r := verifier.Request{Operation: operation}
	for _, value := range values {
		r.Authorization = append(r.Authorization, string(value))
	}
	return r
}

// fiberRequire guards a route or a group of fiber v3. adaptor.HTTPMiddleware would
// refuse correctly, but the handler would find no client.
func fiberRequire(v *verifier.Verifier, guard *httpmw.Middleware, need scopes.Requirement) fiber.Handler {
	return func(c fiber.Ctx) error {
		r := fiberRequest(c.Method()+" "+c.Route().Path, c.Request().Header.PeekAll("Authorization"))
		ctx, err := v.Authorize(c.Context(), r, need)
		if err != nil {
			return adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.WriteError(w, r, err) })(c)
		}
		c.SetContext(ctx)
		return c.Next()
	}
}

func newFiber(v *verifier.Verifier, guard *httpmw.Middleware) *fiber.App {
	app := fiber.New()
	app.Get("/health", func(c fiber.Ctx) error { return c.SendString("ok") })
	app.Get("/orders", fiberRequire(v, guard, scopes.All("orders:read")), func(c fiber.Ctx) error {
		client, _ := verifier.ClientFromContext(c.Context())
		return c.SendString(client.ID)
	})
	app.Delete("/orders/:id", fiberRequire(v, guard, scopes.All("orders:write")), func(c fiber.Ctx) error {
		return c.SendString("deleted " + c.Params("id"))
	})
	return app
}

// fiberV2Require guards a route or a group of fiber v2.
func fiberV2Require(v *verifier.Verifier, guard *httpmw.Middleware, need scopes.Requirement) fiberv2.Handler {
	return func(c *fiberv2.Ctx) error {
		r := fiberRequest(c.Method()+" "+c.Route().Path, c.Request().Header.PeekAll("Authorization"))
		ctx, err := v.Authorize(c.UserContext(), r, need)
		if err != nil {
			return adaptorv2.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.WriteError(w, r, err) })(c)
		}
		c.SetUserContext(ctx)
		return c.Next()
	}
}

func newFiberV2(v *verifier.Verifier, guard *httpmw.Middleware) *fiberv2.App {
	app := fiberv2.New(fiberv2.Config{DisableStartupMessage: true})
	app.Get("/health", func(c *fiberv2.Ctx) error { return c.SendString("ok") })
	app.Get("/orders", fiberV2Require(v, guard, scopes.All("orders:read")), func(c *fiberv2.Ctx) error {
		client, _ := verifier.ClientFromContext(c.UserContext())
		return c.SendString(client.ID)
	})
	app.Delete("/orders/:id", fiberV2Require(v, guard, scopes.All("orders:write")), func(c *fiberv2.Ctx) error {
		return c.SendString("deleted " + c.Params("id"))
	})
	return app
}
