package thirdparty

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ConnectGuard guards Connect handlers for all their protocols: Connect, gRPC and
// gRPC-Web. It is a handler around them, because an interceptor has neither the
// client's certificate nor the URL that a DPoP proof must name, and runs after the
// first message of some calls was read. Pass [ConnectGuard.Interceptor] to the handlers
// as well: it tells the caller why a stream ended.
type ConnectGuard struct {
	guard    *httpmw.Middleware
	verifier *verifier.Verifier
	needs    map[string]scopes.Requirement // by procedure, "/pkg.Service/Method"
	streams  map[string]bool               // the procedures that are no unary calls
}

// NewConnectGuard makes a guard for services, as generated code describes them:
//
//	ordersv1.File_orders_proto.Services().ByName("Orders")
//
// It returns an error if policy forgets one of their procedures, or names one that they
// do not have. Every other path is refused. opts.ErrorHandler is replaced. Pass the
// options of the handlers as handlerOpts: refusals are then encoded as they encode
// errors.
func NewConnectGuard(v *verifier.Verifier, policy grpcmw.Policy, opts httpmw.Options,
	services []protoreflect.ServiceDescriptor, handlerOpts ...connect.HandlerOption,
) (*ConnectGuard, error) {
	// The policy of Connect is that of gRPC, and so is its check.
	rules, err := grpcmw.New(v, policy, &grpcmw.Options{Origin: opts.Origin})
	if err != nil {
		return nil, err
	}
	c := &ConnectGuard{verifier: v, streams: make(map[string]bool)}
	served := make(map[string]grpc.ServiceInfo)
	for _, service := range services {
		var info grpc.ServiceInfo
		for i := range service.Methods().Len() {
			m := service.Methods().Get(i)
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: string(m.Name())})
			c.streams["/"+string(service.FullName())+"/"+string(m.Name())] = m.IsStreamingClient() || m.IsStreamingServer()
		}
		served[string(service.FullName())] = info
	}
	if err := rules.CheckCoverage(served); err != nil {
		return nil, err
	}
	c.needs = maps.Collect(rules.Operations(served))

	answer := connect.NewErrorWriter(handlerOpts...)
	opts.ErrorHandler = func(w http.ResponseWriter, r *http.Request, refused *verifier.Error) {
		// Headers, and not metadata of the error: net/http has no WWW-Authenticate in
		// the trailers of gRPC.
		maps.Copy(w.Header(), connectHeader(refused))
		if c.streams[r.URL.Path] && r.ProtoMajor == 1 {
			// Over HTTP/1.1, net/http would read the rest of the body before it
			// answers, and wait for a client that waits for the answer.
			endReads(w)
		}
		_ = answer.Write(w, r, connectError(refused)) // a caller that is gone needs no answer
	}
	c.guard, err = httpmw.New(v, &opts)
	return c, err
}

// Operations returns each procedure with its requirement. m2mtest/attack takes it as
// the operations of gRPC.
func (c *ConnectGuard) Operations() iter.Seq2[string, scopes.Requirement] { return maps.All(c.needs) }

// Handler guards next: the mux that has the Connect handlers. It must see the path that
// they see, so it stands inside of an http.StripPrefix.
func (c *ConnectGuard) Handler(next http.Handler) http.Handler {
	allowed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.streams[r.URL.Path] {
			var done func()
			r, done = c.whileValid(w, r)
			defer done()
		}
		next.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.guard.Serve(w, r, r.URL.Path, c.needs[r.URL.Path], allowed)
	})
}

// whileValid returns r with a context that ends when its token is no longer valid. A
// handler that waits for a message is released then.
func (c *ConnectGuard) whileValid(w http.ResponseWriter, r *http.Request) (_ *http.Request, done func()) {
	ctx, cancel := c.verifier.WhileValid(r.Context())
	released := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(released)
		endReads(w)
	})
	return r.WithContext(ctx), func() {
		if !stop() {
			<-released // w must not be used later
		}
		cancel()
	}
}

// endReads ends the reads of the request's body, which no context ends.
func endReads(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}

// connectError renders a refusal as grpcmw does, with gRPC's codes and details.
func connectError(err error) *connect.Error {
	st := status.Convert(new(grpcmw.Interceptor).StatusError(err))
	e := connect.NewError(connect.Code(st.Code()), errors.New(st.Message()))
	for _, message := range st.Proto().GetDetails() {
		if detail, err := connect.NewErrorDetail(message); err == nil {
			e.AddDetail(detail)
		}
	}
	return e
}

// connectHeader returns the challenge of a refusal, and when to call again.
func connectHeader(err *verifier.Error) http.Header {
	h := http.Header{}
	if challenges := err.Challenges(); challenges != nil {
		h["Www-Authenticate"] = challenges
	}
	if err.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(err.RetryAfter.Seconds()), 'f', 0, 64))
	}
	return h
}
