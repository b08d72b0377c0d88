package frameworks

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// newChi guards the routes of chi: Require is an ordinary middleware for With and
// Use.
func newChi(guard *httpmw.Middleware) chi.Router {
	r := chi.NewRouter()
	r.Get("/health", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	r.With(guard.Require(scopes.All("orders:read"))).Get("/orders", func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		w.Write([]byte(client.ID))
	})
	r.With(guard.Require(scopes.All("orders:write"))).Delete("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("deleted " + chi.URLParam(r, "id")))
	})
	return r
}
