package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
)

// orders implements both APIs. Its methods find the calling client in their context,
// and never see a token.
type orders struct {
	ordersv1.UnimplementedOrdersServer

	mu   sync.Mutex
	list []*ordersv1.Order
}

func newOrders() *orders {
	return &orders{list: []*ordersv1.Order{{Id: "1", Item: "tea"}, {Id: "2", Item: "cake"}}}
}

func (o *orders) all() []*ordersv1.Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.list)
}

func (o *orders) add(item string) *ordersv1.Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	order := &ordersv1.Order{Id: fmt.Sprint(len(o.list) + 1), Item: item}
	o.list = append(o.list, order)
	return order
}

// newHTTP returns the HTTP API. Each route is registered with its Requirement.
func newHTTP(v *verifier.Verifier, o *orders) (*httpmw.Mux, error) {
	guard, err := httpmw.New(v, nil)
	if err != nil {
		return nil, err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /healthz", scopes.Public(), func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		writeJSON(w, map[string]any{"for": client.ID, "orders": o.all()})
	})
	mux.HandleFunc("POST /orders", scopes.All("write:orders"), func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, o.add(r.FormValue("item")))
	})
	return mux, mux.CheckCoverage()
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only if the caller is gone
}

// newGRPC returns the gRPC API. Methods that the policy does not name are refused.
func newGRPC(v *verifier.Verifier, o *orders) (*grpc.Server, *grpcmw.Interceptor, error) {
	guard, err := grpcmw.New(v, grpcmw.Policy{
		"/orders.v1.Orders/*":                         scopes.All("read:orders"),
		"/orders.v1.Orders/Create":                    scopes.All("write:orders"),
		"/grpc.reflection.v1.ServerReflection/*":      scopes.Public(), // for grpcurl
		"/grpc.reflection.v1alpha.ServerReflection/*": scopes.Public(),
	}, nil)
	if err != nil {
		return nil, nil, err
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	ordersv1.RegisterOrdersServer(server, o)
	reflection.Register(server)
	return server, guard, guard.CheckCoverage(server.GetServiceInfo())
}

func (o *orders) List(ctx context.Context, _ *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
	return &ordersv1.ListResponse{Orders: o.all()}, nil
}

func (o *orders) Create(ctx context.Context, r *ordersv1.CreateRequest) (*ordersv1.Order, error) {
	return o.add(r.GetItem()), nil
}

func (o *orders) Watch(_ *ordersv1.WatchRequest, stream grpc.ServerStreamingServer[ordersv1.Order]) error {
	for _, order := range o.all() {
		if err := stream.Send(order); err != nil {
			return err
		}
	}
	// The example has no new orders, so the stream lasts until the client leaves or
	// its token expires.
	<-stream.Context().Done()
	return context.Cause(stream.Context())
}
