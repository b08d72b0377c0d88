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
	// empty.
	ErrorDomain string

	// Realm is told in the www-authenticate metadata: "api" if empty. It must
	// be printable ASCII without '"' and '\'.
	Realm string

	// KeepStreamsPastExpiry lets a stream that was let in go on after its
	// token has expired, for as long as the client likes. By default it ends.
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

// Unary is the interceptor for unary calls, and guards nothing else: without
// Stream beside it, anybody reaches the server's streams. ServerOptions
// installs both. gRPC decodes the request message before it: bound what is read
// with grpc.MaxRecvMsgSize.
func (i *Interceptor) Unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		authorized, err := i.authorize(ctx, info.FullMethod)
		if err != nil {
			i.challenge(ctx, err)
			return nil, StatusError(err, &i.opts)
		}
		return handler(authorized, req)
	}
}

// Stream is the interceptor for streams. When the token expires the stream
// ends, unless Options say otherwise: its context is cancelled with a cause,
// and RecvMsg and SendMsg return the status of an expired token. A RecvMsg
// that waits for a message is released, too; a SendMsg that waits for the
// client to read is not, until the handler has returned. Unary calls it does
// not guard: ServerOptions installs both.
func (i *Interceptor) Stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := i.authorize(ss.Context(), info.FullMethod)
		if err != nil {
			i.challenge(ss.Context(), err)
			return StatusError(err, &i.opts)
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

// challenge sends the metadata that goes with a refusal: what the header of
// the same name says over HTTP. It travels as a trailer, since a response that
// begins with headers could no longer be retried by the client; but through
// net/http, as with grpc.Server.ServeHTTP, it can't.
func (i *Interceptor) challenge(ctx context.Context, err *verifier.Error) {
	value := err.Challenge(i.opts.realm())
	if value == "" {
		return
	}
	send := grpc.SetTrailer
	if ctx.Value(http.ServerContextKey) != nil {
		send = grpc.SetHeader
	}
	// It fails only without a transport, as in a test: there is nobody to tell.
	_ = send(ctx, metadata.Pairs("www-authenticate", value))
}
