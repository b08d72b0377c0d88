// Package grpcmw guards gRPC servers with a verifier.Verifier.
//
// Write a [Policy] with the requirement of each method and install both
// interceptors:
//
//	guard, err := grpcmw.New(v, grpcmw.Policy{
//		"/reports.v1.Reports/*":      scopes.All("reports:read"),
//		"/reports.v1.Reports/Delete": scopes.All("reports:write"),
//		"/grpc.health.v1.Health/*":   scopes.Public(),
//	}, nil)
//	server := grpc.NewServer(guard.ServerOptions()...)
//
// A method that the Policy does not name is refused. Handlers read the calling
// client with verifier.ClientFromContext.
//
// A refusal has a code, an ErrorInfo and www-authenticate metadata. If the
// service knows when to retry, it also has RetryInfo and grpc-retry-pushback-ms.
//
// # Traps
//
// grpc-gateway's Register…HandlerServer calls the service in the process without
// any interceptor, so every method is open, and a guard around it decides about
// another route than it calls. A gateway that dials replaces the WWW-Authenticate
// of a 401 with the status message. docs/frameworks.md in the repository has a
// recipe for each.
package grpcmw

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Interceptor guards gRPC methods. It is safe for concurrent use and may serve
// any number of servers. Make one with [New]: the zero Interceptor, and a nil
// one, refuse every call as Unavailable.
type Interceptor struct {
	verifier *verifier.Verifier
	policy   policy
	opts     Options
}

// New makes an Interceptor that decides with v by the policy p, or returns every
// mistake at once. opts may be nil. New copies p and opts.
func New(v *verifier.Verifier, p Policy, opts *Options) (*Interceptor, error) {
	i := &Interceptor{verifier: v}
	if opts != nil {
		i.opts = *opts
		i.opts.CredentialHeader = strings.ToLower(opts.CredentialHeader)
	}
	var errs []error
	if v == nil {
		errs = append(errs, errors.New("grpcmw: the Verifier is nil: make one with verifier.New"))
	}
	var err error
	i.policy, err = p.compile()
	if err := errors.Join(append(errs, err, i.opts.check(v))...); err != nil {
		return nil, err
	}
	return i, nil
}

// ServerOptions returns the options that install both interceptors, after those
// that were installed before. For another interceptor, such as a logger, to see
// the verified client, install it after these. Installed twice, they decide each
// call twice. Those of two Interceptors both apply, and handlers find the client
// of the inner one.
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
	i = i.orZero()
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
// A stream ends when its token becomes invalid, unless Options say otherwise:
// when the token expires, its key is removed, the issuer's keys are older than
// MaxStale, or the Verifier is closed (see verifier.Verifier.WhileValid). Its
// context is cancelled with the refusal as the cause, and RecvMsg and SendMsg
// return the status of that refusal. A RecvMsg that waits for a message returns
// at once. A SendMsg that waits for the client to read does not.
//
// The client then receives that status, such as Unauthenticated, whatever the
// handler returns, nil included: the stream does not count as complete. Work that
// was done may therefore be repeated, as after a deadline.
func (i *Interceptor) Stream() grpc.StreamServerInterceptor {
	i = i.orZero()
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := i.authorize(ss.Context(), info.FullMethod)
		if err != nil {
			return i.refuse(ss.Context(), err)
		}
		return i.serveStream(srv, ss, ctx, handler)
	}
}

// orZero returns i, or the zero Interceptor for nil.
func (i *Interceptor) orZero() *Interceptor {
	if i == nil {
		return new(Interceptor)
	}
	return i
}

// authorize decides one call. The context it returns holds the client.
func (i *Interceptor) authorize(ctx context.Context, method string) (context.Context, *verifier.Error) {
	authorized, err := i.verifier.Authorize(ctx, i.request(ctx, method), i.policy.need(method))
	if err != nil {
		return nil, verifier.AsError(err)
	}
	return authorized, nil
}

// request returns what the verifier has to know about a call.
func (i *Interceptor) request(ctx context.Context, method string) verifier.Request {
	request := verifier.Request{
		Operation: method,
		Realm:     i.opts.Realm,
	}
	if i.opts.CredentialHeader == "" {
		request.Authorization = metadata.ValueFromIncomingContext(ctx, "authorization")
	} else {
		request.BareToken = metadata.ValueFromIncomingContext(ctx, i.opts.CredentialHeader)
	}
	if i.opts.InsecurePeerCertificates != nil {
		request.PeerCertificatesFrom = func() ([]*x509.Certificate, error) { return i.opts.InsecurePeerCertificates(ctx) }
	} else if p, ok := peer.FromContext(ctx); ok {
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			request.PeerCertificates = tls.State.PeerCertificates
		}
	}
	if i.opts.Origin != "" {
		if proofs := metadata.ValueFromIncomingContext(ctx, "dpop"); len(proofs) > 0 {
			// gRPC is POST to /pkg.Service/Method.
			request.DPoP, request.Method, request.Origin, request.Path = proofs, "POST", i.opts.Origin, method
		}
	}
	return request
}
