package httpmw_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestWriteError(t *testing.T) {
	guard, err := httpmw.New(new(verifier.Verifier), &httpmw.Options{Realm: "r"})
	if err != nil {
		t.Fatal(err)
	}
	own := refusalOf(verifier.NoCredentials)
	own.Realm, own.ResourceMetadata = "own", "https://own.example.com/m"
	refusal := refusalOf
	unavailable := refusal(verifier.Unavailable)
	unavailable.RetryAfter = 1500 * time.Millisecond
	insufficient := refusal(verifier.InsufficientScope)
	insufficient.Need = scopes.Any("b", "a")
	for _, tt := range []struct {
		name       string
		err        error
		status     int
		challenge  string
		retryAfter string
		code       string
	}{
		{"no credentials", refusal(verifier.NoCredentials), 401, `Bearer realm="r"`, "", "no_credentials"},
		{"invalid request", refusal(verifier.InvalidRequest), 400, `Bearer realm="r", error="invalid_request"`, "", "invalid_request"},
		{"invalid token", refusal(verifier.InvalidToken), 401, `Bearer realm="r", error="invalid_token"`, "", "invalid_token"},
		{"insufficient scope", insufficient, 403, `Bearer realm="r", error="insufficient_scope", scope="a b"`, "", "insufficient_scope"},
		{"no scope would do", refusal(verifier.InsufficientScope), 403, `Bearer realm="r", error="insufficient_scope"`, "", "insufficient_scope"},
		{"unavailable", unavailable, 503, "", "2", "unavailable"},
		{"wrapped", fmt.Errorf("x: %w", refusal(verifier.InvalidToken)), 401, `Bearer realm="r", error="invalid_token"`, "", "invalid_token"},
		{"a realm of its own", own, 401, `Bearer realm="own", resource_metadata="https://own.example.com/m"`, "", "no_credentials"},
		{"any other error", errors.New("a cause"), 503, "", "", "unavailable"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				w := httptest.NewRecorder()
				guard.WriteError(w, httptest.NewRequest(method, "/", nil), tt.err)
				h := w.Result().Header
				if w.Code != tt.status || h.Get("WWW-Authenticate") != tt.challenge || h.Get("Retry-After") != tt.retryAfter {
					t.Errorf("%d, %q, Retry-After %q", w.Code, h.Get("WWW-Authenticate"), h.Get("Retry-After"))
				}
				if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/problem+json" || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("headers: %v", h)
				}
				body := w.Body.String()
				if strings.Contains(body, "cause") || strings.Contains(body, "a_reason") {
					t.Errorf("the response contains the cause: %s", body)
				}
				if method == "HEAD" {
					if body != "" {
						t.Errorf("a body for HEAD: %s", body)
					}
					return
				}
				var problem struct {
					Title, Detail, Error string
					Status               int
				}
				if err := json.Unmarshal([]byte(body), &problem); err != nil {
					t.Fatal(err)
				}
				if problem.Status != tt.status || problem.Title != http.StatusText(tt.status) ||
					problem.Error != tt.code || problem.Detail == "" {
					t.Errorf("body: %s", body)
				}
			})
		}
	}
}

func refusalOf(code verifier.Code) *verifier.Error {
	return &verifier.Error{Code: code, Reason: "a_reason", Err: errors.New("a cause")}
}

// TestWriteErrorOfTheZeroMiddleware uses every default.
func TestWriteErrorOfTheZeroMiddleware(t *testing.T) {
	for name, m := range map[string]*httpmw.Middleware{"zero": {}, "nil": nil} {
		w := httptest.NewRecorder()
		m.WriteError(w, nil, &verifier.Error{Code: verifier.InvalidToken})
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Bearer realm="api", error="invalid_token"` || w.Body.Len() == 0 {
			t.Errorf("%s: WriteError = %d, %q, %s", name, w.Code, got, w.Body)
		}
	}
}

// TestErrorHandlerCallsWriteError: the handler may add to the default answer,
// which has the realm and the metadata of the guard.
func TestErrorHandlerCallsWriteError(t *testing.T) {
	var guard *httpmw.Middleware
	_, guard = newGuard(t, &httpmw.Options{
		Realm: "orders", Resource: "https://api.example.com",
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
			w.Header().Set("X-Refused", strings.Join(err.Challenges(), ""))
			guard.WriteError(w, r, err)
		},
	})
	w := httptest.NewRecorder()
	guard.Require(scopes.All("a"))(named("x")).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	const want = `Bearer realm="orders", scope="a", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
	if h := w.Header(); w.Code != 401 || h.Get("WWW-Authenticate") != want || h.Get("X-Refused") != want {
		t.Errorf("ErrorHandler = %d, %q, %q, want 401, %s twice", w.Code, h.Get("WWW-Authenticate"), h.Get("X-Refused"), want)
	}
}

func TestErrorHandler(t *testing.T) {
	var got *verifier.Error
	var of string
	authority, guard := newGuard(t, &httpmw.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
		got, of = err, r.URL.Path
		w.WriteHeader(http.StatusTeapot)
	}})
	w := get(authority, guard.Require(scopes.All("a"))(named("x")), "/path", "b")
	if w.Code != http.StatusTeapot || got.Code != verifier.InsufficientScope || !got.Need.Equal(scopes.All("a")) || of != "/path" {
		t.Errorf("status %d, error %v of %q", w.Code, got, of)
	}
}
