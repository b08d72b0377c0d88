// Package grpcmw guards gRPC servers with a verifier.Verifier.
//
// Write down what each method requires and install both interceptors:
//
//	guard, err := grpcmw.New(v, grpcmw.Policy{
//		"/reports.v1.Reports/*":      scopes.All("reports:read"),
//		"/reports.v1.Reports/Delete": scopes.All("reports:write"),
//		"/grpc.health.v1.Health/*":   scopes.Public(),
//	}, nil)
//	server := grpc.NewServer(guard.ServerOptions()...)
//
// A method that the [Policy] does not name is refused. Handlers read the
// calling machine with verifier.ClientFromContext.
//
// Refusals carry www-authenticate, an ErrorInfo and, if the service knows when
// to retry, RetryInfo and grpc-retry-pushback-ms.
//
// # Traps
//
// grpc-gateway's Register…HandlerServer calls the service in the process, and
// no interceptor runs: every method is open. Dial the server instead, with
// Register…HandlerFromEndpoint, or guard the gateway's mux with httpmw. A
// gateway that dials replaces the WWW-Authenticate of a 401 with the status
// message. See docs/frameworks.md in the repository.
package grpcmw

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Interceptor guards gRPC methods. It is safe for concurrent use, and may serve
// any number of servers. Make one with [New]: any other panics at the first
// call, before its handler.
type Interceptor struct {
	verifier *verifier.Verifier
	policy   *policy
	opts     Options
}

// Options are what New and StatusError can do without. The zero value, and nil
// in its place, is every default.
type Options struct {
	// ErrorDomain is the domain of the ErrorInfo in refusals: "m2mauth" if
	// empty. It must be printable ASCII without '"' and '\', of at most 256
	// bytes.
	ErrorDomain string

	// Realm is the realm in the www-authenticate metadata: "api" if empty. It
	// must be printable ASCII without '"' and '\', of at most 256 bytes.
	Realm string

	// KeepStreamsPastExpiry lets a stream continue after its token has expired,
	// for as long as the client keeps it open. By default it ends.
	KeepStreamsPastExpiry bool

	// InsecurePeerCertificates, if set, says which certificates the caller has
	// proved, leaf first, in place of the TLS connection: behind a proxy that
	// ends TLS, they come in the metadata (RFC 9440). Whoever can reach this
	// service without that proxy, or get such metadata past it, can claim any
	// certificate, and tokens that are bound to one (RFC 8705) then serve a
	// thief. It is asked once a call's token is verified. nil and no error is
	// a caller without one; an error or a panic refuses the call as
	// Unavailable.
	InsecurePeerCertificates func(context.Context) ([]*x509.Certificate, error)
}

// New makes an Interceptor of v and a policy, or reports every mistake at
// once. It copies p and opts: what happens to them afterwards changes nothing.
// opts may be nil.
func New(v *verifier.Verifier, p Policy, opts *Options) (*Interceptor, error) {
	var errs []error
	if v == nil {
		errs = append(errs, errors.New("grpcmw: the Verifier is nil: make one with verifier.New"))
	}
	compiled, err := p.compile()
	errs = append(errs, err, opts.check())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	i := &Interceptor{verifier: v, policy: compiled}
	if opts != nil {
		i.opts = *opts
	}
	return i, nil
}

// ServerOptions installs both interceptors, behind those that were installed
// before. To have others, a logger say, see the authenticated client, install
// theirs after these. Installed twice, they decide each call twice, and those
// of two Interceptors both apply; handlers find the client of the inner one.
func (i *Interceptor) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(i.Unary()),
		grpc.ChainStreamInterceptor(i.Stream()),
	}
}

// Unary returns the interceptor for unary calls. It does not guard streams:
// ServerOptions installs both. gRPC decodes the request message before any
// interceptor runs, so bound its size with grpc.MaxRecvMsgSize.
func (i *Interceptor) Unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		authorized, err := i.authorize(ctx, info.FullMethod)
		if err != nil {
			return nil, i.refuse(ctx, err)
		}
		return handler(authorized, req)
	}
}

// Stream returns the interceptor for streams. It does not guard unary calls:
// ServerOptions installs both.
//
// A stream ends when its token expires, unless Options say otherwise. Its
// context is cancelled with a cause, and RecvMsg and SendMsg return the status
// of an expired token. A RecvMsg that waits for a message returns at once. A
// SendMsg that waits for the client to read does not.
//
// The client then receives Unauthenticated, whatever the handler returns, nil
// included: if the token expires before the handler returns, the stream does
// not count as complete. Work that was done may therefore be repeated, as after
// a deadline.
func (i *Interceptor) Stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := i.authorize(ss.Context(), info.FullMethod)
		if err != nil {
			return i.refuse(ss.Context(), err)
		}
		return i.serveStream(srv, ss, ctx, handler)
	}
}

// authorize is the whole of what gRPC adds to the decision.
func (i *Interceptor) authorize(ctx context.Context, method string) (context.Context, *verifier.Error) {
	request := verifier.Request{
		Operation:     method,
		Authorization: metadata.ValueFromIncomingContext(ctx, "authorization"),
	}
	if i.opts.InsecurePeerCertificates != nil {
		request.PeerCertificatesFrom = func() ([]*x509.Certificate, error) { return i.opts.InsecurePeerCertificates(ctx) }
	} else if p, ok := peer.FromContext(ctx); ok {
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			request.PeerCertificates = tls.State.PeerCertificates
		}
	}
	authorized, err := i.verifier.Authorize(ctx, request, i.policy.need(method))
	if err != nil {
		return nil, verifier.AsError(err)
	}
	return authorized, nil
}

// refuse sends the metadata that goes with a refusal, and returns its status.
// www-authenticate holds what the header of that name holds over HTTP.
// grpc-retry-pushback-ms makes clients with a retry policy wait.
//
// Both are trailers, since a client does not retry a response that began with
// headers. net/http drops www-authenticate from trailers (RFC 9110 §6.5.1), so
// it is a header under grpc.Server.ServeHTTP.
func (i *Interceptor) refuse(ctx context.Context, err *verifier.Error) error {
	// The setters fail only without a transport, as in a unit test.
	own := *err
	if own.Realm == "" {
		own.Realm = i.opts.Realm
	}
	if challenges := own.Challenges(); challenges != nil {
		send := grpc.SetTrailer
		if ctx.Value(http.ServerContextKey) != nil {
			send = grpc.SetHeader
		}
		_ = send(ctx, metadata.MD{"www-authenticate": challenges})
	}
	if err.RetryAfter > 0 {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", pushback(err.RetryAfter)))
	}
	return StatusError(err, &i.opts)
}
