package gateway

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/m2mauth/m2mauth/examples/frameworks/gateway/shopv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
)

// policy has the requirement of each method, for gRPC and for the gateway.
var policy = grpcmw.Policy{
	"/shop.v1.Orders/Health": scopes.Public(),
	"/shop.v1.Orders/List":   scopes.All("orders:read"),
	"/shop.v1.Orders/Watch":  scopes.All("orders:read"),
	"/shop.v1.Orders/Update": scopes.All("orders:write"),
	"/shop.v1.Orders/Delete": scopes.All("orders:admin"),
}

// orders answers with the ID of the caller, and keeps what it was asked.
type orders struct {
	shopv1.UnimplementedOrdersServer
	empty   bool // Watch sends nothing
	hold    bool // Watch does not end
	mu      sync.Mutex
	deleted []string
	keys    []string // of the metadata with a token, at the last List
}

func (*orders) Health(context.Context, *shopv1.HealthRequest) (*shopv1.HealthResponse, error) {
	return &shopv1.HealthResponse{}, nil
}

func (o *orders) List(ctx context.Context, _ *shopv1.ListRequest) (*shopv1.ListResponse, error) {
	client, _ := verifier.ClientFromContext(ctx)
	md, _ := metadata.FromIncomingContext(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = nil
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if strings.HasPrefix(md[key][0], "Bearer ") {
			o.keys = append(o.keys, key)
		}
	}
	return &shopv1.ListResponse{Orders: []*shopv1.Order{{Item: "for " + client.ID}}}, nil
}

func (*orders) Update(_ context.Context, r *shopv1.UpdateRequest) (*shopv1.Order, error) {
	return &shopv1.Order{Id: r.GetId(), Item: r.GetItem()}, nil
}

func (o *orders) Delete(_ context.Context, r *shopv1.DeleteRequest) (*shopv1.Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deleted = append(o.deleted, r.GetId())
	return &shopv1.Order{Id: r.GetId(), Item: "deleted"}, nil
}

func (o *orders) Watch(_ *shopv1.WatchRequest, stream grpc.ServerStreamingServer[shopv1.Order]) error {
	if o.empty {
		return nil
	}
	err := stream.Send(&shopv1.Order{Id: "1"})
	if o.hold {
		<-stream.Context().Done()
	}
	return err
}

// world holds an authority, the service, and a guard for each transport.
type world struct {
	authority   *m2mtest.Authority
	verifier    *verifier.Verifier
	service     *orders
	web         *httpmw.Middleware
	interceptor *grpcmw.Interceptor
	server      *grpc.Server
}

const (
	origin      = "https://api.example.com"
	metadataURL = "https://api.example.com/.well-known/oauth-protected-resource"

	// resource ends every challenge.
	resource = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
)

func newWorld(t *testing.T, cfg *verifier.Config) *world {
	t.Helper()
	w := &world{service: &orders{}}
	w.authority, w.verifier = m2mtest.Trust(t, cfg)
	var err error
	if w.web, err = httpmw.New(w.verifier, &httpmw.Options{Resource: origin, Origin: origin}); err != nil {
		t.Fatal(err)
	}
	if w.interceptor, err = grpcmw.New(w.verifier, policy, &grpcmw.Options{Origin: origin}); err != nil {
		t.Fatal(err)
	}
	w.server = grpc.NewServer(w.interceptor.ServerOptions()...)
	shopv1.RegisterOrdersServer(w.server, w.service)
	if err := w.interceptor.CheckCoverage(w.server.GetServiceInfo()); err != nil {
		t.Fatal(err)
	}
	return w
}

// routes returns the routes of the gateway.
func (w *world) routes(t *testing.T) map[string]route {
	t.Helper()
	routes, err := routesOf(w.interceptor.Operations(w.server.GetServiceInfo()))
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

// inProcess returns a gateway that calls the service in its process.
func (w *world) inProcess(t *testing.T, opts ...runtime.ServeMuxOption) *runtime.ServeMux {
	t.Helper()
	mux := runtime.NewServeMux(opts...)
	if err := shopv1.RegisterOrdersHandlerServer(t.Context(), mux, w.service); err != nil {
		t.Fatal(err)
	}
	return mux
}

// guarded is inProcess by the recipe.
func (w *world) guarded(t *testing.T) *runtime.ServeMux {
	return w.inProcess(t, runtime.WithMiddlewares(inProcess(w.web, w.routes(t))))
}

// dials returns a gateway that dials the guarded server.
func (w *world) dials(t *testing.T, conn *grpc.ClientConn, opts ...runtime.ServeMuxOption) *runtime.ServeMux {
	t.Helper()
	mux := runtime.NewServeMux(opts...)
	if err := shopv1.RegisterOrdersHandler(t.Context(), mux, conn); err != nil {
		t.Fatal(err)
	}
	return mux
}

// dial serves gRPC in memory, and connects to it.
func (w *world) dial(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	go w.server.Serve(l)
	t.Cleanup(w.server.Stop)
	conn, err := grpc.NewClient("passthrough:///memory", append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// relayed is dials by the recipe.
func (w *world) relayed(t *testing.T, opts ...runtime.ServeMuxOption) *runtime.ServeMux {
	conn := w.dial(t, grpc.WithChainStreamInterceptor(earlyRefusal))
	return w.dials(t, conn, append(opts, runtime.WithErrorHandler(challenge(metadataURL)), runtime.WithMetadata(authorization))...)
}

// token returns an Authorization value.
func (w *world) token(scopes ...string) string {
	return "Bearer " + w.authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-7", Scopes: scopes})
}

// call makes one request, with header fields by turns of name and value.
func call(h http.Handler, call string, header ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, target, nil)
	for pair := range slices.Chunk(header, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	got := httptest.NewRecorder()
	h.ServeHTTP(got, r)
	return got
}

// operations returns what attack wants, from the gateway's own routes.
func operations(routes map[string]route, leaveOut ...string) (list []attack.Operation) {
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		if !slices.Contains(leaveOut, routes[name].method) {
			list = append(list, attack.Operation{Call: strings.ReplaceAll(name, "{id=*}", "1"), Need: routes[name].need})
		}
	}
	return list
}

func shown(got *httptest.ResponseRecorder) string {
	return fmt.Sprintf("%d %q", got.Code, got.Header()["Www-Authenticate"])
}
