package attack_test

import (
	"context"
	"net"
	"path"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

// serveGRPC serves "/t.S/Get" and "/t.S/GetSecret", unary, and "/t.S/Watch",
// which sends one message and stays.
func serveGRPC(t *testing.T, opts ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	unary := func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor, name string) (any, error) {
		in := new(emptypb.Empty)
		if err := decode(in); err != nil {
			return nil, err
		}
		handler := func(context.Context, any) (any, error) { return in, nil }
		if intercept == nil {
			return handler(ctx, in)
		}
		return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/t.S/" + name}, handler)
	}
	method := func(name string) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
			return unary(srv, ctx, decode, i, name)
		}}
	}
	server := grpc.NewServer(opts...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "t.S", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{method("Get"), method("GetSecret")},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			if err := s.SendMsg(&emptypb.Empty{}); err != nil {
				return err
			}
			<-s.Context().Done()
			return s.Context().Err()
		}}},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
	})
	return conn
}

func grpcOperations() []attack.Operation {
	return []attack.Operation{
		{Call: "/t.S/Get", Need: scopes.All("get")},
		{Call: "/t.S/GetSecret", Need: scopes.All("secret")},
		{Call: "/t.S/Watch", Need: scopes.Authenticated()},
	}
}

// weakGRPC are interceptors that find a method's requirement by need, and read
// credentials and errors as they please.
func weakGRPC(v *verifier.Verifier, need func(method string) scopes.Requirement, read func([]string) []string, ignore func(error) bool) []grpc.ServerOption {
	authorize := func(ctx context.Context, method string) error {
		values := metadata.ValueFromIncomingContext(ctx, "authorization")
		if read != nil {
			values = read(values)
		}
		_, err := v.Authorize(ctx, verifier.Request{Authorization: values}, need(method))
		if err == nil || ignore != nil && ignore(err) {
			return nil
		}
		return new(grpcmw.Interceptor).StatusError(err)
	}
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := authorize(ctx, info.FullMethod); err != nil {
				return nil, err
			}
			return handler(ctx, in)
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if err := authorize(s.Context(), info.FullMethod); err != nil {
				return err
			}
			return handler(srv, s)
		}),
	}
}

func exactly(method string) scopes.Requirement {
	for _, o := range grpcOperations() {
		if o.Call == method {
			return o.Need
		}
	}
	return scopes.Requirement{}
}

func byPrefix(method string) scopes.Requirement {
	for _, o := range grpcOperations() {
		if strings.HasPrefix(method, o.Call) {
			return o.Need
		}
	}
	return scopes.Requirement{}
}

func TestAttackGRPC(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	policy := grpcmw.Policy{}
	for _, o := range grpcOperations() {
		policy[o.Call] = o.Need
	}
	guard, err := grpcmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A server that hands unknown methods on, by names that it has cleaned.
	forwarding := grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		if method, _ := grpc.MethodFromServerStream(s); path.Clean(method) == "/t.S/Get" {
			return s.SendMsg(&emptypb.Empty{})
		}
		return new(grpcmw.Interceptor).StatusError(verifier.NoRequirement)
	})
	for _, tt := range []struct {
		name string
		opts []grpc.ServerOption
		want []string
	}{
		{"sound", guard.ServerOptions(), nil},
		{"no guard on streams", []grpc.ServerOption{grpc.UnaryInterceptor(guard.Unary())},
			[]string{"ACCEPTED: credential: none: /t.S/Watch: OK", "/t.S/Watch: OK"}},
		{"methods by prefix", weakGRPC(v, byPrefix, nil, nil),
			[]string{"scopes: those of another operation: /t.S/GetSecret: OK", "a good token is not accepted"}},
		{"first of two", weakGRPC(v, exactly, func(values []string) []string { return values[:min(1, len(values))] }, nil),
			[]string{"a good one before a forged one: /t.S/Get: OK; /t.S/GetSecret: OK", "the same twice", "Basic after it", "an empty value after it"}},
		{"exp", weakGRPC(v, exactly, nil, func(err error) bool { return verifier.AsError(err).Reason == verifier.Expired }),
			[]string{"claims: expired ten minutes ago", "claims: expired", "claims: exp 0"}},
		{"unknown methods are handed on", append(weakGRPC(v, exactly, nil, nil)[:1], forwarding),
			[]string{"almost the method's name: //t.S/Get: OK"}},
		{"down", nil, []string{"a good token is not accepted", "nothing was attacked"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := serveGRPC(t, tt.opts...)
			if tt.name == "down" {
				conn.Close()
			}
			operations := grpcOperations()
			switch { // each call takes its time
			case tt.want == nil:
			case strings.Contains(tt.want[0], "/t.S/Watch"):
				operations = operations[2:]
			default:
				operations = operations[:2]
			}
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, Conn: conn, GRPC: operations})
			got.found(t, tt.want)
		})
	}
}
