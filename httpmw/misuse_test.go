package httpmw_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// unreached fails the test if it is called.
func unreached(t *testing.T) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the handler was reached by %s %s", r.Method, r.URL)
	})
}

// panicOf is what f panics with, or nil.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// TestZeroMiddleware: a Middleware that does not come from New refuses every
// call.
func TestZeroMiddleware(t *testing.T) {
	authority, _ := newGuard(t, nil)
	unmade, err := httpmw.New(&verifier.Verifier{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, guard := range map[string]*httpmw.Middleware{"zero": {}, "of a zero Verifier": unmade} {
		t.Run(name, func(t *testing.T) {
			x := newMux(t, guard)
			x.Handle("/", scopes.Authenticated(), unreached(t))
			for _, h := range []http.Handler{x, guard.Require(scopes.Authenticated())(unreached(t))} {
				if w := get(authority, h, "/"); w.Code != 503 {
					t.Errorf("status %d, want 503", w.Code)
				}
			}
		})
	}
}

// TestServeWithoutRequirement: Serve refuses a call with the zero
// Requirement.
func TestServeWithoutRequirement(t *testing.T) {
	authority, guard := newGuard(t, nil)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Serve(w, r, "op", scopes.Requirement{}, unreached(t))
	})
	if w := get(authority, h, "/", "admin"); w.Code != 403 {
		t.Errorf("status %d, want 403", w.Code)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 401 {
		t.Errorf("without a token: status %d, want 401", w.Code)
	}
}

// TestOptionsAreCopied: changes of Options after New have no effect.
func TestOptionsAreCopied(t *testing.T) {
	opts := &httpmw.Options{Realm: "before", Resource: "https://before.example.com"}
	_, guard := newGuard(t, opts)
	h := guard.Require(scopes.Authenticated())(unreached(t))
	*opts = httpmw.Options{
		Realm: "after", Resource: "https://after.example.com",
		ErrorHandler: func(http.ResponseWriter, *http.Request, *verifier.Error) { t.Error("a late ErrorHandler is called") },
		InsecurePeerCertificates: func(*http.Request) ([]*x509.Certificate, error) {
			t.Error("a late InsecurePeerCertificates is called")
			return nil, nil
		},
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	const want = `Bearer realm="before", resource_metadata="https://before.example.com/.well-known/oauth-protected-resource"`
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != want {
		t.Errorf("%d, %s; want %s", w.Code, got, want)
	}
}

// TestHandlersChangeTheirRequest: changes that a handler makes to its
// request affect no other call. A middleware between two guards can change
// which token the inner one reads, but not a decision.
func TestHandlersChangeTheirRequest(t *testing.T) {
	authority, guard := newGuard(t, nil)
	var seen []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		seen = append(seen, client.ID)
		client.ID, client.Scopes = "root", scopes.Of("admin")
		*r = *r.WithContext(verifier.ContextWithClient(r.Context(), client))
		r.Header.Set("Authorization", "Bearer root")
		r.Pattern, r.URL.Path, r.Method = "/root", "/root", "ROOT"
	})
	token := func(id string, granted ...string) string {
		return "Bearer " + authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-" + id, Scopes: granted})
	}
	call := func(h http.Handler, authorization string) int {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for range 2 {
		if code := call(guard.Require(scopes.All("a"))(handler), token("1", "a")); code != 200 {
			t.Errorf("status %d", code)
		}
		if code := call(guard.Require(scopes.All("admin"))(handler), token("1", "a")); code != 403 {
			t.Errorf("status %d, want 403", code)
		}
	}
	between := func(authorization string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if authorization == "" {
				r.Header.Del("Authorization")
			} else {
				r.Header.Set("Authorization", authorization)
			}
			next.ServeHTTP(w, r)
		})
	}
	inner := guard.Require(scopes.All("b"))(handler)
	for _, tt := range []struct {
		authorization string
		want          int
	}{
		{token("2", "b"), 200}, {token("2", "a"), 403}, {"Bearer x", 401}, {"", 401},
	} {
		if code := call(guard.Require(scopes.All("a"))(between(tt.authorization, inner)), token("1", "a", "b")); code != tt.want {
			t.Errorf("status %d, want %d", code, tt.want)
		}
	}
	if got := strings.Join(seen, " "); got != "m2m-client-1 m2m-client-1 m2m-client-2" {
		t.Errorf("handlers saw %q", got)
	}
}

// TestTwoVerifiersInOneChain: both guards apply, each by its own
// authorities, and the handler finds the client of the inner one.
func TestTwoVerifiersInOneChain(t *testing.T) {
	a, outer := newGuard(t, nil)
	b, inner := newGuard(t, nil)
	swap := func(token string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token)
			next.ServeHTTP(w, r)
		})
	}
	reached := 0
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached++
		if c, _ := verifier.ClientFromContext(r.Context()); c.ID != "m2m-client-b" {
			t.Errorf("the handler finds %v", c)
		}
	})
	guarded := inner.Require(scopes.Authenticated())(handler)
	bs := b.Token(m2mtest.TokenSpec{ClientID: "m2m-client-b"})
	for _, tt := range []struct {
		name string
		by   *m2mtest.Authority // whose token comes
		next http.Handler
		want int
	}{
		{"a token for each", a, swap(bs, guarded), 200},
		{"a token for the outer one", a, guarded, 401},
		{"a token for the inner one", b, guarded, 401},
	} {
		if w := get(tt.by, outer.Require(scopes.Authenticated())(tt.next), "/"); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
	}
	if reached != 1 {
		t.Errorf("the handler was reached %d times", reached)
	}
}

// TestOneMiddlewareForTwoServers: a Middleware has no state of a server.
func TestOneMiddlewareForTwoServers(t *testing.T) {
	authority, guard := newGuard(t, nil)
	for _, need := range []string{"a", "b"} {
		server := httptest.NewServer(guard.Require(scopes.All(need))(named(need)))
		defer server.Close()
		for _, granted := range []string{"a", "b"} {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
			req.Header.Set("Authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{Scopes: []string{granted}}))
			res, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := map[bool]int{true: 200, false: 403}[granted == need]; res.StatusCode != want {
				t.Errorf("%s at %s: %d, want %d", granted, need, res.StatusCode, want)
			}
		}
	}
}

// TestPanics pass through the guard to the server, after Observe was called; the
// next call is decided as usual.
func TestPanics(t *testing.T) {
	told := 0
	authority, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){func(context.Context, verifier.Decision) { told++ }},
	})
	broken := func(w http.ResponseWriter, r *http.Request, err *verifier.Error) { panic(http.ErrAbortHandler) }
	guard, err := httpmw.New(v, &httpmw.Options{ErrorHandler: broken})
	if err != nil {
		t.Fatal(err)
	}
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, h := range map[string]http.Handler{
		"a handler":       guard.Require(scopes.Authenticated())(panics),
		"an ErrorHandler": guard.Require(scopes.All("admin"))(unreached(t)),
	} {
		told = 0
		if got := panicOf(func() { get(authority, h, "/") }); got != http.ErrAbortHandler || told != 1 {
			t.Errorf("%s: panic %v, %d decisions told", name, got, told)
		}
		if w := get(authority, guard.Require(scopes.Authenticated())(named("x")), "/"); w.Code != 200 {
			t.Errorf("%s: the next call: %d", name, w.Code)
		}
	}
}

// TestInsecurePeerCertificatesFails: it is called for verified tokens alone. If it
// fails, the call is refused as Unavailable, and Observe is called once.
func TestInsecurePeerCertificatesFails(t *testing.T) {
	var told []verifier.Reason
	authority, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			if d.Err == nil {
				told = append(told, "")
				return
			}
			told = append(told, d.Reason)
		}},
	})
	good := "Bearer " + authority.Token(m2mtest.TokenSpec{})
	for _, tt := range []struct {
		name          string
		need          scopes.Requirement
		authorization string
		fail          func() error
		status        int
		reason        verifier.Reason
		asked         int
	}{
		{"it works", scopes.Authenticated(), good, func() error { return nil }, 200, "", 1},
		{"an error", scopes.Authenticated(), good, func() error { return errors.New("no such header") }, 503, verifier.PeerUnknown, 1},
		{"an error that names a Code", scopes.Authenticated(), good, func() error { return &verifier.Error{Code: verifier.InvalidToken} }, 401, verifier.Denied, 1},
		{"a panic", scopes.Authenticated(), good, func() error { panic("malformed") }, 503, verifier.Panicked, 1},
		{"junk", scopes.Authenticated(), "Bearer x", func() error { panic("asked") }, 401, verifier.Malformed, 0},
		{"public", scopes.Public(), good, func() error { panic("asked") }, 200, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			guard, err := httpmw.New(v, &httpmw.Options{InsecurePeerCertificates: func(*http.Request) ([]*x509.Certificate, error) {
				asked++
				return nil, tt.fail()
			}})
			if err != nil {
				t.Fatal(err)
			}
			told = nil
			reached := false
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", tt.authorization)
			w := httptest.NewRecorder()
			guard.Require(tt.need)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })).ServeHTTP(w, r)
			if w.Code != tt.status || reached != (tt.status == 200) || asked != tt.asked {
				t.Errorf("status %d, reached %t, asked %d times; want %d and %d", w.Code, reached, asked, tt.status, tt.asked)
			}
			if len(told) != 1 || told[0] != tt.reason {
				t.Errorf("told %q, want %q once", told, tt.reason)
			}
		})
	}
}

// TestSilentErrorHandler: an ErrorHandler that writes nothing answers 200,
// as any handler does. The guarded handler is not called.
func TestSilentErrorHandler(t *testing.T) {
	authority, guard := newGuard(t, &httpmw.Options{ErrorHandler: func(http.ResponseWriter, *http.Request, *verifier.Error) {}})
	if w := get(authority, guard.Require(scopes.All("admin"))(unreached(t)), "/"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
