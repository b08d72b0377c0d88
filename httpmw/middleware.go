// Package httpmw guards net/http handlers with a verifier.Verifier.
//
// Wrap each handler with what it requires:
//
//	guard, err := httpmw.New(v, nil)
//	mux.Handle("GET /reports", guard.Require(scopes.All("reports:read"))(reports))
//
// or register routes on a [Mux], which takes no route without a requirement.
// Handlers read the calling client with verifier.ClientFromContext. A refused
// call gets a status, a challenge and a problem document; see
// [Middleware.WriteError].
//
// [Middleware.Require] returns a func(http.Handler) http.Handler, so it works
// with http.ServeMux, gorilla/mux (Router.Use) and chi (Router.With). A router's
// own answers, like 404 and 405, need no token.
//
// # Traps
//
//   - Put CORS around the guard and the mux, as in cors.Handler(mux): a browser's
//     preflight request carries no token, and a handler registered as "GET /x"
//     never receives its OPTIONS.
//   - gin.WrapH does not stop the chain: gin runs the next handler after a
//     refusal. fiber's adaptor loses the client.
//   - nginx's auth_request turns every response but 2xx, 401 and 403 into a 500.
//   - MCP's go-sdk passes tools the context of the request that opened the
//     session, and so another client. Guard MCP servers with package mcpmw.
//
// docs/frameworks.md in the repository says what to do about each.
package httpmw

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Middleware guards handlers. It is safe for concurrent use and may serve any
// number of servers. Make one with [New]: the zero Middleware, and a nil one,
// refuse every call as Unavailable.
type Middleware struct {
	verifier *verifier.Verifier
	opts     Options
	metadata string // URL of the resource's metadata, or ""
}

// New makes a Middleware that decides with v, or returns every mistake at once.
// opts may be nil; it is copied.
func New(v *verifier.Verifier, opts *Options) (*Middleware, error) {
	m := &Middleware{verifier: v}
	if opts != nil {
		m.opts = *opts
	}
	var errs []error
	if v == nil {
		errs = append(errs, errors.New("httpmw: the Verifier is nil: make one with verifier.New"))
	}
	if err := errors.Join(append(errs, m.compile())...); err != nil {
		return nil, err
	}
	return m, nil
}

// Require returns a function that guards a handler: only calls that meet need
// reach it, with the client in their context. It panics if need is the zero
// Requirement, which nobody meets. The returned function panics if the handler
// is nil.
//
// Two guards around one handler both apply, also with different Verifiers. The
// handler finds the client of the inner one.
//
// A call is decided once, when it arrives. Work that goes on after its token
// has expired, like a websocket or server-sent events, takes its context from
// verifier.Verifier.WhileValid. The ResponseWriter is passed on unchanged, so
// handlers can flush and hijack. Panics pass through to the server.
func (m *Middleware) Require(need scopes.Requirement) func(http.Handler) http.Handler {
	if need.IsZero() {
		panic("httpmw: Require: the zero Requirement is met by nobody: " +
			"write scopes.All(…), scopes.Any(…), scopes.Authenticated() or scopes.Public()")
	}
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("httpmw: Require: the handler is nil")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.Serve(w, r, operation(r), need, next)
		})
	}
}

// Serve decides one request. If it meets need, Serve calls next with the client
// in the request's context; otherwise it answers. The zero Requirement refuses
// every call.
//
// Serve is for adapters of routers, which know the name of the operation better
// than the request does. Wrap handlers with [Middleware.Require].
func (m *Middleware) Serve(w http.ResponseWriter, r *http.Request, operation string, need scopes.Requirement, next http.Handler) {
	if m == nil || m.verifier == nil {
		m, need = new(Middleware), scopes.Requirement{} // public calls are refused, too
	}
	ctx, err := m.verifier.Authorize(r.Context(), m.request(r, operation), need)
	if err == nil {
		next.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	refused := verifier.AsError(err)
	if m.opts.ErrorHandler != nil {
		m.opts.ErrorHandler(w, r, refused)
		return
	}
	m.WriteError(w, r, refused)
}

// request returns what the verifier has to know about r.
func (m *Middleware) request(r *http.Request, operation string) verifier.Request {
	request := verifier.Request{
		Operation:        operation,
		Realm:            m.opts.Realm,
		ResourceMetadata: m.metadata,
	}
	// The slice and not Header.Get, which would hide a second value.
	if m.opts.CredentialHeader == "" {
		request.Authorization = r.Header["Authorization"]
	} else {
		request.BareToken = r.Header[m.opts.CredentialHeader]
	}
	if m.opts.InsecurePeerCertificates != nil {
		request.PeerCertificatesFrom = func() ([]*x509.Certificate, error) { return m.opts.InsecurePeerCertificates(r) }
	} else if r.TLS != nil {
		request.PeerCertificates = r.TLS.PeerCertificates
	}
	if m.opts.Origin != "" {
		if proofs := r.Header["Dpop"]; len(proofs) > 0 {
			request.DPoP, request.Method, request.Origin, request.Path = proofs, r.Method, m.opts.Origin, targetPath(r.RequestURI)
		}
	}
	return request
}

// targetPath returns the path of a request target (RFC 9112 §3.2), still
// encoded and without the query; "" for a target without one. Mount and
// http.StripPrefix change the path of Request.URL, but not the target.
func targetPath(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if strings.HasPrefix(target, "/") {
		return target
	}
	_, rest, absolute := strings.Cut(target, "://")
	if !absolute {
		return "" // "*", or the authority of CONNECT
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// operation names a call by the pattern that ServeMux matched, with the
// request's method if the pattern has none. Without a pattern it is the method
// and the path.
func operation(r *http.Request) string {
	name := r.Pattern
	if name == "" {
		name = r.URL.EscapedPath()
	} else if strings.Contains(name, " ") {
		return name
	}
	return r.Method + " " + name
}
