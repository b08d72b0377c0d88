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
	"github.com/valyala/fasthttp"
)

// fiberGuard decides about the calls of fiber, which does not use net/http.
// adaptor.HTTPMiddleware would refuse correctly, but the handler would find no client.
type fiberGuard struct {
	verifier *verifier.Verifier
	answers  *httpmw.Middleware // writes the refusals
	origin   string             // httpmw.Options.Origin of answers: DPoP proofs name it
}

// request describes a call. All Authorization values are in it: two of them are refused.
// fiber reuses its memory, so each is copied. Both versions of fiber have c.
func (g fiberGuard) request(operation string, c *fasthttp.RequestCtx) verifier.Request {
	r := verifier.Request{Operation: operation, Authorization: copied(c.Request.Header.PeekAll("Authorization"))}
	if state := c.TLSConnectionState(); state != nil {
		r.PeerCertificates = state.PeerCertificates
	}
	if proofs := copied(c.Request.Header.PeekAll("DPoP")); g.origin != "" && proofs != nil {
		r.DPoP, r.Method, r.Origin, r.Path = proofs, string(c.Method()), g.origin, string(c.URI().PathOriginal())
	}
	return r
}

func copied(values [][]byte) (texts []string) {
	for _, value := range values {
		texts = append(texts, string(value))
	}
	return texts
}

// require guards a route or a group of fiber v3.
func (g fiberGuard) require(need scopes.Requirement) fiber.Handler {
	return func(c fiber.Ctx) error {
		ctx, err := g.verifier.Authorize(c.Context(), g.request(c.Method()+" "+c.Route().Path, c.RequestCtx()), need)
		if err != nil {
			return adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.answers.WriteError(w, r, err) })(c)
		}
		c.SetContext(ctx)
		return c.Next()
	}
}

func newFiber(guard fiberGuard) *fiber.App {
	app := fiber.New()
	app.Get("/health", func(c fiber.Ctx) error { return c.SendString("ok") })
	app.Get("/orders", guard.require(scopes.All("orders:read")), func(c fiber.Ctx) error {
		client, _ := verifier.ClientFromContext(c.Context())
		return c.SendString(client.ID)
	})
	app.Delete("/orders/:id", guard.require(scopes.All("orders:write")), func(c fiber.Ctx) error {
		return c.SendString("deleted " + c.Params("id"))
	})
	return app
}

// requireV2 guards a route or a group of fiber v2.
func (g fiberGuard) requireV2(need scopes.Requirement) fiberv2.Handler {
	return func(c *fiberv2.Ctx) error {
		ctx, err := g.verifier.Authorize(c.UserContext(), g.request(c.Method()+" "+c.Route().Path, c.Context()), need)
		if err != nil {
			return adaptorv2.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.answers.WriteError(w, r, err) })(c)
		}
		c.SetUserContext(ctx)
		return c.Next()
	}
}

func newFiberV2(guard fiberGuard) *fiberv2.App {
	app := fiberv2.New(fiberv2.Config{DisableStartupMessage: true})
	app.Get("/health", func(c *fiberv2.Ctx) error { return c.SendString("ok") })
	app.Get("/orders", guard.requireV2(scopes.All("orders:read")), func(c *fiberv2.Ctx) error {
		client, _ := verifier.ClientFromContext(c.UserContext())
		return c.SendString(client.ID)
	})
	app.Delete("/orders/:id", guard.requireV2(scopes.All("orders:write")), func(c *fiberv2.Ctx) error {
		return c.SendString("deleted " + c.Params("id"))
	})
	return app
}
