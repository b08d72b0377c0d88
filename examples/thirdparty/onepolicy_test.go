package thirdparty

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// orders answers every call with the ID of the caller.
type orders struct {
	ordersv1.UnimplementedOrdersServer
}

func (orders) List(ctx context.Context, _ *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
	client, _ := verifier.ClientFromContext(ctx)
	return &ordersv1.ListResponse{Orders: []*ordersv1.Order{{Item: "for " + client.ID}}}, nil
}

func (orders) Create(_ context.Context, r *ordersv1.CreateRequest) (*ordersv1.Order, error) {
	return &ordersv1.Order{Item: r.GetItem()}, nil
}

// doors holds servers that offer the same operations.
type doors struct {
	web     http.Handler
	connect http.Handler
	grpc    *grpc.Server
}

// newDoors starts three servers with one policy, so that each Requirement is written
// once.
func newDoors(w *world) (*doors, error) {
	list := scopes.All("read:orders")
	create := scopes.All("write:orders")

	// Connect and gRPC use the same method names.
	policy := grpcmw.Policy{
		"/orders.v1.Orders/List":   list,
		"/orders.v1.Orders/Create": create,
		"/orders.v1.Orders/Watch":  list,
	}
	web, err := httpmw.NewMux(w.guard)
	if err != nil {
		return nil, err
	}
	web.HandleFunc("GET /orders", list, func(http.ResponseWriter, *http.Request) {})
	web.HandleFunc("POST /orders", create, func(http.ResponseWriter, *http.Request) {})

	mux := http.NewServeMux() // or what the generated constructors return
	mux.Handle("/orders.v1.Orders/List", connect.NewUnaryHandlerSimple("/orders.v1.Orders/List", orders{}.List))
	mux.Handle("/orders.v1.Orders/Create", connect.NewUnaryHandlerSimple("/orders.v1.Orders/Create", orders{}.Create))
	mux.Handle("/orders.v1.Orders/Forgotten", connect.NewUnaryHandlerSimple("/orders.v1.Orders/Forgotten", orders{}.List))

	interceptor, err := grpcmw.New(w.verifier, policy, nil)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(interceptor.ServerOptions()...)
	ordersv1.RegisterOrdersServer(server, orders{})
	err = errors.Join(web.CheckCoverage(), interceptor.CheckCoverage(server.GetServiceInfo()))
	if err != nil {
		return nil, err
	}
	guard, err := NewConnectGuard(w.verifier, policy, httpmw.Options{},
		[]protoreflect.ServiceDescriptor{ordersv1.File_orders_proto.Services().ByName("Orders")})
	if err != nil {
		return nil, err
	}
	return &doors{web, guard.Handler(mux), server}, nil
}

// TestOnePolicyManyDoors checks that each server answers the same token alike.
func TestOnePolicyManyDoors(t *testing.T) {
	w := newWorld(t)
	d, err := newDoors(w)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go d.grpc.Serve(l)
	defer d.grpc.Stop()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := ordersv1.NewOrdersClient(conn)
	server := httptest.NewServer(d.connect)
	defer server.Close()

	const (
		ok, unauthenticated, denied = codes.OK, codes.Unauthenticated, codes.PermissionDenied
	)
	for _, tt := range []struct {
		name         string
		token        string
		list, create codes.Code
	}{
		{"no token", "", unauthenticated, unauthenticated},
		{"not a token", "x", unauthenticated, unauthenticated},
		{"may nothing", w.authority.Token(m2mtest.TokenSpec{}), denied, denied},
		{"may read", w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:orders"}}), ok, denied},
		{"may write", w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"write:*"}}), denied, ok},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			header := http.Header{}
			if tt.token != "" {
				header.Set("Authorization", "Bearer "+tt.token)
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tt.token)
			}
			for method, want := range map[string]codes.Code{"List": tt.list, "Create": tt.create} {
				route := map[string]string{"List": "GET", "Create": "POST"}[method]
				r := httptest.NewRequest(route, "/orders", nil)
				r.Header = header.Clone()
				answer := httptest.NewRecorder()
				d.web.ServeHTTP(answer, r)
				if wantHTTP := map[codes.Code]int{ok: 200, unauthenticated: 401, denied: 403}[want]; answer.Code != wantHTTP {
					t.Errorf("HTTP %s: %d, want %d", method, answer.Code, wantHTTP)
				}

				var overGRPC error
				if method == "List" {
					_, overGRPC = client.List(ctx, &ordersv1.ListRequest{})
				} else {
					_, overGRPC = client.Create(ctx, &ordersv1.CreateRequest{})
				}
				if got := status.Code(overGRPC); got != want {
					t.Errorf("gRPC %s: %v, want %v", method, got, want)
				}

				for protocol, opts := range map[string][]connect.ClientOption{
					"Connect": nil, "Connect JSON": {connect.WithProtoJSON()}, "gRPC-Web": {connect.WithGRPCWeb()},
				} {
					err := call(t, http.DefaultClient, server.URL+"/orders.v1.Orders/"+method, header, opts...)
					assertSameRefusal(t, protocol+" "+method, err, overGRPC, answer.Header().Get("WWW-Authenticate"))
				}
			}
		})
	}
}

// call makes a call over Connect. Both requests are empty.
func call(t *testing.T, h connect.HTTPClient, url string, header http.Header, opts ...connect.ClientOption) error {
	t.Helper()
	client := connect.NewClient[ordersv1.ListRequest, ordersv1.ListResponse](h, url, opts...)
	r := connect.NewRequest(&ordersv1.ListRequest{})
	for name, values := range header {
		r.Header()[name] = values
	}
	_, err := client.CallUnary(t.Context(), r)
	return err
}

// assertSameRefusal compares the refusal over Connect with those over gRPC and HTTP.
func assertSameRefusal(t *testing.T, door string, got, overGRPC error, challenge string) {
	t.Helper()
	e, refused := errors.AsType[*connect.Error](got)
	if refused != (overGRPC != nil) {
		t.Errorf("%s: %v, want %v", door, got, overGRPC)
		return
	}
	if !refused {
		return
	}
	want := status.Convert(overGRPC)
	if codes.Code(e.Code()) != want.Code() || e.Message() != want.Message() {
		t.Errorf("%s: %v, want %v", door, got, overGRPC)
	}
	if e.Meta().Get("WWW-Authenticate") != challenge || !strings.HasPrefix(challenge, "Bearer ") {
		t.Errorf("%s: challenge %s, want %s", door, e.Meta().Get("WWW-Authenticate"), challenge)
	}
	info := want.Details()[0].(*errdetails.ErrorInfo)
	if len(e.Details()) != 1 {
		t.Fatalf("%s: details %v", door, e.Details())
	}
	detail, err := e.Details()[0].Value()
	if err != nil {
		t.Fatal(err)
	}
	if same, ok := detail.(*errdetails.ErrorInfo); !ok || same.GetReason() != info.GetReason() || same.GetDomain() != info.GetDomain() {
		t.Errorf("%s: %v, want %v", door, detail, info)
	}
}

// TestConnectForgotten checks that a procedure which the policy does not name is
// refused for every token.
func TestConnectForgotten(t *testing.T) {
	w := newWorld(t)
	d, err := newDoors(w)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.connect)
	defer server.Close()
	header := http.Header{"Authorization": {"Bearer " + w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"read:*", "write:*"}})}}
	for _, path := range []string{"/orders.v1.Orders/Forgotten", "/orders.v1.Orders/Unknown", "/orders.v1.Orders/list", "/"} {
		if got := connect.CodeOf(call(t, http.DefaultClient, server.URL+path, header)); got != connect.CodePermissionDenied {
			t.Errorf("%s: %v", path, got)
		}
	}
}
