package httpmw_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestHTTPDoors runs the table of decisions through Middleware and Mux.
func TestHTTPDoors(t *testing.T) {
	t.Run("Middleware", func(t *testing.T) {
		doortest.Run(t, door(func(m *httpmw.Middleware, call doortest.Call, h http.Handler) http.Handler {
			return m.Require(call.Need)(h)
		}))
	})
	t.Run("Mux", func(t *testing.T) {
		doortest.Run(t, door(func(m *httpmw.Middleware, call doortest.Call, h http.Handler) http.Handler {
			x := httpmw.NewMux(m)
			x.Handle("GET /x", call.Need, h)
			return x
		}))
	})
}

func door(guard func(*httpmw.Middleware, doortest.Call, http.Handler) http.Handler) doortest.Door {
	return func(t *testing.T, v *verifier.Verifier, call doortest.Call) (res doortest.Result) {
		if call.Need.IsZero() {
			t.Skip("over HTTP, a handler without a requirement does not come into being")
		}
		m, err := httpmw.New(v, nil)
		if err != nil {
			t.Fatal(err)
		}
		h := guard(m, call, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			res.Reached = true
			res.Client, _ = verifier.ClientFromContext(r.Context())
		}))
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header["Authorization"] = call.Authorization
		r.TLS = &tls.ConnectionState{PeerCertificates: call.PeerCertificates}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		res.Seen = fmt.Sprint(w.Code, w.Header(), w.Body)
		res.Code = codeOf(t, w.Result())
		return res
	}
}

// codeOf reads a response as a client would, by the table of RFC 6750 §3.1.
func codeOf(t *testing.T, res *http.Response) verifier.Code {
	challenge := res.Header.Get("WWW-Authenticate")
	if n := len(res.Header.Values("WWW-Authenticate")); n > 1 {
		t.Errorf("%d challenges", n)
	}
	expect := func(c verifier.Code, want string) verifier.Code {
		if !strings.HasPrefix(challenge, want) || want == "" && challenge != "" {
			t.Errorf("%d with the challenge %q, want %q", res.StatusCode, challenge, want)
		}
		return c
	}
	switch res.StatusCode {
	case 200:
		return expect(0, "")
	case 400:
		return expect(verifier.InvalidRequest, `Bearer realm="api", error="invalid_request"`)
	case 401:
		if challenge == `Bearer realm="api"` {
			return verifier.NoCredentials
		}
		return expect(verifier.InvalidToken, `Bearer realm="api", error="invalid_token"`)
	case 403:
		return expect(verifier.InsufficientScope, `Bearer realm="api", error="insufficient_scope"`)
	case 503:
		return expect(verifier.Unavailable, "")
	default:
		t.Errorf("status %d", res.StatusCode)
		return 0
	}
}
