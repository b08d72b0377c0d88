// Package httpmw guards net/http handlers with a verifier.Verifier.
//
// Wrap each handler with what it requires:
//
//	guard, err := httpmw.New(v, nil)
//	mux.Handle("GET /reports", guard.Require(scopes.All("reports:read"))(reports))
//
// or register routes on a [Mux], on which none exists without a requirement.
// Handlers read the calling machine with verifier.ClientFromContext.
//
// [Middleware.Require] is a func(http.Handler) http.Handler, so it serves
// http.ServeMux, gorilla/mux (Router.Use) and chi (Router.With) alike. What
// answers before it, like a router's own 404 and 405, answers without a token.
//
// # Traps
//
//   - CORS belongs outside of the guard and of the mux, as in
//     cors.Handler(mux): a browser's preflight request carries no token, and a
//     handler registered as "GET /x" never receives its OPTIONS.
//   - gin.WrapH does not stop the chain: gin runs the next handler after a
//     refusal. fiber's adaptor loses the client.
//   - nginx's auth_request turns every answer but 2xx, 401 and 403 into a 500.
//   - MCP's go-sdk hands tools the context of the request that opened the
//     session, and so another machine's Client, unless Stateless is true.
//
// docs/frameworks.md in the repository has what to do about each.
package httpmw

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Middleware guards handlers. It is safe for concurrent use, and may serve any
// number of servers. Make one with [New]: the zero Middleware refuses every
// call that is not Public, with 503.
type Middleware struct {
	verifier *verifier.Verifier
	opts     Options
}

// Options are what New and WriteError can do without. The zero value, and nil
// in its place, is every default.
type Options struct {
	// Realm is told in challenges (RFC 9110 §11.5): "api" if empty. It must be
	// printable ASCII without '"' and '\'.
	Realm string

	// Resource, if set, is the URL by which clients know this service, such as
	// "https://api.example.com/orders": https, or http on loopback, without
	// query and fragment, in lower case but for the path. Challenges then tell
	// where its metadata is (RFC 9728 §5.1); serve that with
	// [Middleware.Metadata]. It is never taken from a request, whose Host
	// anybody can write.
	Resource string

	// ErrorHandler, if set, answers refused calls instead of WriteError, which
	// it can call. Write nothing of err but what err.Code tells: the cause is
	// not for callers. Do write a status: a handler that writes nothing has
	// answered 200, though the guarded one was not reached.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err *verifier.Error)

	// InsecurePeerCertificates, if set, says which certificates the caller has
	// proved, leaf first, in place of the TLS connection: behind a proxy that
	// ends TLS, they come in a header (RFC 9440). Whoever can reach this
	// service without that proxy, or get such a header past it, can claim any
	// certificate, and tokens that are bound to one (RFC 8705) then serve a
	// thief. It is asked once a call's token is verified. nil and no error is
	// a caller without one; an error or a panic refuses the call as
	// Unavailable.
	InsecurePeerCertificates func(*http.Request) ([]*x509.Certificate, error)
}

const defaultRealm = "api"

func (o *Options) realm() string {
	if o == nil || o.Realm == "" {
		return defaultRealm
	}
	return o.Realm
}

// challenges returns the values of WWW-Authenticate that go with e.
func (o *Options) challenges(e *verifier.Error) []string {
	own := *e
	if o != nil && own.Realm == "" {
		own.Realm = o.Realm
	}
	if o != nil && own.ResourceMetadata == "" && o.Resource != "" {
		if r, err := parseResource(o.Resource); err == nil {
			own.ResourceMetadata = r.metadataURL()
		}
	}
	return own.Challenges()
}

// New makes a Middleware of v, or reports every mistake at once. opts may be
// nil. It copies them: what happens to them afterwards changes nothing.
func New(v *verifier.Verifier, opts *Options) (*Middleware, error) {
	var errs []error
	if v == nil {
		errs = append(errs, errors.New("httpmw: the Verifier is nil: make one with verifier.New"))
	}
	if strings.ContainsFunc(opts.realm(), func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		errs = append(errs, fmt.Errorf("httpmw: Options.Realm is %s: want printable ASCII without %q and %q",
			redact.Quote(opts.realm()), `"`, `\`))
	}
	if opts != nil && opts.Resource != "" {
		if _, err := parseResource(opts.Resource); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	m := &Middleware{verifier: v}
	if opts != nil {
		m.opts = *opts
	}
	return m, nil
}

// Require guards a handler: only calls that meet need reach it, with the
// client in their context. Two of them around one handler both apply, also with
// different Verifiers; the handler finds the client of the inner one. It panics
// if need is the zero Requirement, which nobody meets.
//
// A call is decided once, when it comes. What goes on after its token has
// expired, like a websocket or server-sent events, takes its context from
// verifier.Verifier.UntilExpiry. The ResponseWriter is handed on as it is, so
// connections can be flushed and hijacked; panics pass through to the server.
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

// Serve decides one request and, if it meets need, hands it to next with the
// client in its context; otherwise it answers. It is for adapters of routers,
// which know the name of the operation better than the request tells it;
// handlers are wrapped with [Middleware.Require]. The zero Requirement refuses
// every call.
func (m *Middleware) Serve(w http.ResponseWriter, r *http.Request, operation string, need scopes.Requirement, next http.Handler) {
	request := verifier.Request{
		Operation: operation,
		// The slice and not Header.Get, which would hide a second value.
		Authorization: r.Header["Authorization"],
	}
	if m.opts.InsecurePeerCertificates != nil {
		request.PeerCertificatesFrom = func() ([]*x509.Certificate, error) { return m.opts.InsecurePeerCertificates(r) }
	} else if r.TLS != nil {
		request.PeerCertificates = r.TLS.PeerCertificates
	}
	ctx, err := m.verifier.Authorize(r.Context(), request, need)
	if err != nil {
		m.refuse(w, r, verifier.AsError(err))
		return
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, err *verifier.Error) {
	if m.opts.ErrorHandler != nil {
		m.opts.ErrorHandler(w, r, err)
		return
	}
	WriteError(w, r, err, &m.opts)
}

// operation names the call: by the pattern that ServeMux matched if it did,
// with the request's method where the pattern names none.
func operation(r *http.Request) string {
	name := r.Pattern
	if name == "" {
		name = r.URL.EscapedPath()
	} else if strings.Contains(name, " ") {
		return name
	}
	return r.Method + " " + name
}
