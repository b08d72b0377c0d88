package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
)

// httpGuard wraps a handler so that only requests with a good token reach it.
type httpGuard = func(http.Handler) http.Handler

type subjectKey struct{}

// plainHTTP is the simplest sufficient guard: it reads the token from the header,
// verifies it, and passes the subject to the handler.
func plainHTTP(check verify) httpGuard {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok {
				http.Error(w, "no token", http.StatusUnauthorized)
				return
			}
			subject, err := check(r.Context(), token)
			if err != nil {
				http.Error(w, "bad token", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), subjectKey{}, subject)))
		})
	}
}

func (p peer) guardHTTP(t trust) (httpGuard, error) {
	if p.http != nil {
		return p.http(t)
	}
	check, err := p.build(t)
	if err != nil {
		return nil, err
	}
	return plainHTTP(check), nil
}

// noop is the guarded handler.
var noop = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// sink is a ResponseWriter that drops everything.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// requests returns a worker's operation: the same request to h. It panics if the
// response has another status than wanted. 0 means a handler that writes nothing.
func requests(h http.Handler, token string, status int) func() func() {
	return func() func() {
		r := httptest.NewRequest(http.MethodGet, "/reports", nil)
		r.Pattern = "GET /reports" // as http.ServeMux sets it
		r.Header.Set("Authorization", "Bearer "+token)
		w := &sink{header: make(http.Header)}
		return func() {
			w.status = 0
			clear(w.header)
			h.ServeHTTP(w, r)
			if w.status != status {
				panic("unexpected status " + http.StatusText(w.status))
			}
		}
	}
}

// measureHTTP measures the guarded handler in memory: no socket, no server.
func measureHTTP(s *suite, out *section) {
	out.text(`A handler that does nothing, guarded, called in memory with the pattern that http.ServeMux sets: without one, m2mauth makes
a name of the method and the path, which is one allocation more. "added" is what the guard costs: the unguarded call, measured
in the same rounds, is subtracted. Peers without a middleware of their own get the plainest one that reads the header and
puts the subject into the request's context.`)
	for _, algorithm := range algorithms {
		t := s.trusts[algorithm]
		token := t.good()
		added := measureAdded(s.plan, requests(noop, token, 0), func(p peer) func() func() {
			return requests(must(p.guardHTTP(t))(noop), token, 0)
		})
		out.text("**%s**", algorithm)
		out.table(added.rows()...)
		added.aim(s, "HTTP request", algorithm, 400, 2)
	}
}
