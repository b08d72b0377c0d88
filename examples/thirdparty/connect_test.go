package thirdparty

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The service of these tests has procedures of each kind.
const (
	unary      = "/grpc.testing.TestService/UnaryCall"
	cacheable  = "/grpc.testing.TestService/CacheableUnaryCall" // GET, too
	fromServer = "/grpc.testing.TestService/StreamingOutputCall"
	fromClient = "/grpc.testing.TestService/StreamingInputCall"
	bothWays   = "/grpc.testing.TestService/FullDuplexCall"
	open       = "/grpc.testing.TestService/UnimplementedCall" // the policy lets anyone call it
)

func testServices() []protoreflect.ServiceDescriptor {
	return []protoreflect.ServiceDescriptor{testpb.File_grpc_testing_test_proto.Services().ByName("TestService")}
}

func testPolicy() grpcmw.Policy {
	return grpcmw.Policy{
		"/grpc.testing.TestService/*": scopes.All("call"),
		cacheable:                     scopes.All("read"),
		bothWays:                      scopes.All("talk"),
		open:                          scopes.Public(),
	}
}

// connectMux has a handler for each procedure, as generated constructors register them.
// Calls and streams return the client's ID, except that the stream from the client
// reports in received, unless it is nil, that a message has arrived.
func connectMux(received chan<- struct{}, opts ...connect.HandlerOption) http.Handler {
	reply := func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		client, _ := verifier.ClientFromContext(ctx)
		return &testpb.SimpleResponse{Username: client.ID}, nil
	}
	idempotent := connect.WithIdempotency(connect.IdempotencyNoSideEffects)
	empty := func(context.Context, *testpb.Empty) (*testpb.Empty, error) { return &testpb.Empty{}, nil }
	mux := http.NewServeMux()
	mux.Handle(unary, connect.NewUnaryHandlerSimple(unary, reply, opts...))
	mux.Handle(cacheable, connect.NewUnaryHandlerSimple(cacheable, reply, append(slices.Clone(opts), idempotent)...))
	mux.Handle(open, connect.NewUnaryHandlerSimple(open, empty, opts...))
	mux.Handle("/grpc.testing.TestService/EmptyCall", connect.NewUnaryHandlerSimple("/grpc.testing.TestService/EmptyCall", empty, opts...))
	type (
		request  = testpb.StreamingOutputCallRequest
		response = testpb.StreamingOutputCallResponse
	)
	mux.Handle(fromServer, connect.NewServerStreamHandler(fromServer,
		func(ctx context.Context, _ *connect.Request[request], stream *connect.ServerStream[response]) error {
			if err := stream.Send(greeting(ctx)); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}, opts...))
	mux.Handle(fromClient, connect.NewClientStreamHandler(fromClient,
		func(ctx context.Context, stream *connect.ClientStream[testpb.StreamingInputCallRequest]) (*connect.Response[testpb.StreamingInputCallResponse], error) {
			for stream.Receive() {
				if received != nil {
					received <- struct{}{}
				}
			}
			return connect.NewResponse(&testpb.StreamingInputCallResponse{}), stream.Err()
		}, opts...))
	mux.Handle(bothWays, connect.NewBidiStreamHandler(bothWays, converse, opts...))
	half := "/grpc.testing.TestService/HalfDuplexCall"
	mux.Handle(half, connect.NewBidiStreamHandler(half, converse, opts...))
	return mux
}

// converse answers each message with the ID of the client, until the caller ends.
func converse(ctx context.Context, stream *connect.BidiStream[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	for {
		if _, err := stream.Receive(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := stream.Send(greeting(ctx)); err != nil {
			return err
		}
	}
}

func greeting(ctx context.Context) *testpb.StreamingOutputCallResponse {
	client, _ := verifier.ClientFromContext(ctx)
	return &testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: []byte(client.ID)}}
}

// newConnect returns the guarded handler for v.
func newConnect(t *testing.T, v *verifier.Verifier, opts httpmw.Options, received chan<- struct{}) (*ConnectGuard, http.Handler) {
	t.Helper()
	guard, err := NewConnectGuard(v, testPolicy(), opts, testServices())
	if err != nil {
		t.Fatal(err)
	}
	return guard, guard.Handler(connectMux(received, connect.WithInterceptors(guard.Interceptor())))
}

// serveConnect serves h over HTTP/1.1, and HTTP/2 without TLS. It returns the URL, and a
// client for HTTP/2.
func serveConnect(t *testing.T, h http.Handler) (string, *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return server.URL, &http.Client{Transport: transport}
}

// dialConnect connects grpc-go to the server of serveConnect.
func dialConnect(t *testing.T, url string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestConnectAttack attacks the procedures, as gRPC and as Connect's unary calls with
// POST and GET. A refused Connect stream has the status 200, so gRPC attacks those.
func TestConnectAttack(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard, h := newConnect(t, v, httpmw.Options{}, nil)
	url, _ := serveConnect(t, h)

	list := attack.Operations(guard.Operations())
	if len(list) != 8 {
		t.Fatalf("%d procedures, want the 8 of the service", len(list))
	}
	attack.Run(t, attack.Target{
		Authority: authority,
		Handler:   asJSON(h), HTTP: connectCalls(guard),
		Conn: dialConnect(t, url), GRPC: list,
	})
}

// connectCalls lists the unary calls of Connect.
func connectCalls(guard *ConnectGuard) []attack.Operation {
	return []attack.Operation{
		{Call: "POST " + unary, Need: guard.needs[unary]},
		{Call: "POST " + cacheable, Need: guard.needs[cacheable]},
		{Call: "GET " + cacheable + "?connect=v1&encoding=json&message=%7B%7D", Need: guard.needs[cacheable]},
		{Call: "POST " + open, Need: guard.needs[open]},
	}
}

// asJSON gives the attacks of h the form of a Connect call.
func asJSON(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" && r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
			r.Body = io.NopCloser(strings.NewReader("{}"))
		}
		h.ServeHTTP(w, r)
	})
}

// TestConnectForgets: a procedure that the policy forgets, and a name that no service has,
// are mistakes when the program starts.
func TestConnectForgets(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	for _, tt := range []struct {
		name string
		edit func(grpcmw.Policy)
		want string
	}{
		{"forgotten", func(p grpcmw.Policy) {
			delete(p, "/grpc.testing.TestService/*")
			for _, name := range []string{"EmptyCall", "UnaryCall", "StreamingInputCall", "StreamingOutputCall"} {
				p["/grpc.testing.TestService/"+name] = scopes.All("call")
			}
		}, `"/grpc.testing.TestService/HalfDuplexCall" is served, and the policy does not name it`},
		{"misspelt", func(p grpcmw.Policy) { p["/grpc.testing.TestService/UnaryCal"] = scopes.All("call") },
			`the policy names "/grpc.testing.TestService/UnaryCal", and nothing of that name is served`},
	} {
		policy := maps.Clone(testPolicy())
		tt.edit(policy)
		if _, err := NewConnectGuard(v, policy, httpmw.Options{}, testServices()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewConnectGuard(%s) = %v, want %s", tt.name, err, tt.want)
		}
	}
}
