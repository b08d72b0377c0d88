package gorilla_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestDoor runs the table of decisions through a router.
func TestDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		m, err := httpmw.New(v, &httpmw.Options{Origin: doortest.Origin})
		if err != nil {
			t.Fatal(err)
		}
		root := mux.NewRouter()
		g := newRoutes(t, m, root)
		route := root.HandleFunc("/x", func(w http.ResponseWriter, r *http.Request) {
			res.Reached = true
			res.Client, _ = verifier.ClientFromContext(r.Context())
		})
		if !call.Need.IsZero() { // a route that was forgotten is refused
			g.Route(route, call.Need)
		}
		method := "GET"
		if call.Form != "" {
			method = "POST"
		}
		r := httptest.NewRequest(method, "/x?"+call.Query, strings.NewReader(call.Form))
		r.Header["Authorization"] = call.Authorization
		if call.Proofs != nil {
			r.Header["Dpop"] = call.Proofs(method, "/x")
		}
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		for name, value := range call.Elsewhere {
			r.Header.Set(name, value)
		}
		r.TLS = &tls.ConnectionState{PeerCertificates: call.PeerCertificates}
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		return doortest.ReadHTTP(t, res, w.Result(), call)
	})
}
