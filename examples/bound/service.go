package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/metadata"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// headers are what a call carries, and what a careless log keeps.
type headers struct{ authorization, proof string }

// service is an API over HTTP and gRPC, and the authority that it trusts.
type service struct {
	ordersv1.UnimplementedOrdersServer
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	http      *http.Server
	grpc      *grpc.Server
	httpURL   string
	grpcAddr  string

	mu   sync.Mutex
	last []verifier.Decision
	log  map[string]headers // by transport: the last call
}

func newService(ctx context.Context) (*service, error) {
	s := &service{log: make(map[string]headers)}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	// The authority binds a token to the key of the proof that came with its request.
	atAuthority, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		return err
	}
	if s.authority, err = m2mtest.Start(&m2mtest.Options{DPoP: atAuthority}); err != nil {
		return err
	}

	// Config.DPoP takes proofs, and RequireBound refuses every token without a key.
	proofs, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		return err
	}
	issuer := s.authority.Issuer()
	issuer.RequireBound = true
	s.verifier, err = verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{issuer},
		DPoP:    proofs,
		Observe: []func(context.Context, verifier.Decision){s.observe},
	})
	if err != nil {
		return err
	}
	if err := s.verifier.Ready(ctx); err != nil {
		return err
	}
	if err := s.serveHTTP(); err != nil {
		return err
	}
	return s.serveGRPC()
}

func (s *service) serveHTTP() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.httpURL = "http://" + listener.Addr().String()
	// Origin is the address by which clients reach the service: proofs must name it.
	guard, err := httpmw.New(s.verifier, &httpmw.Options{Origin: s.httpURL})
	if err != nil {
		return err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return err
	}
	orders := func(rw http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(rw, "orders for", client.ID)
	}
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), orders)
	mux.HandleFunc("DELETE /orders", scopes.All("read:orders"), orders)
	careless := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.keep("HTTP", headers{r.Header.Get("Authorization"), r.Header.Get("DPoP")})
		mux.ServeHTTP(rw, r)
	})
	s.http = &http.Server{Handler: careless, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener)
	return nil
}

func (s *service) serveGRPC() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.grpcAddr = listener.Addr().String()
	guard, err := grpcmw.New(s.verifier, grpcmw.Policy{"/orders.v1.Orders/*": scopes.All("read:orders")},
		&grpcmw.Options{Origin: "https://" + s.grpcAddr})
	if err != nil {
		return err
	}
	careless := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if proofs := md.Get("dpop"); len(proofs) == 1 {
			s.keep("gRPC", headers{md.Get("authorization")[0], proofs[0]})
		}
		return next(ctx, req)
	}
	s.grpc = grpc.NewServer(append([]grpc.ServerOption{grpc.Creds(local.NewCredentials()), grpc.ChainUnaryInterceptor(careless)}, guard.ServerOptions()...)...)
	ordersv1.RegisterOrdersServer(s.grpc, s)
	go s.grpc.Serve(listener)
	return guard.CheckCoverage(s.grpc.GetServiceInfo())
}

// List implements ordersv1.OrdersServer.
func (s *service) List(context.Context, *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
	return &ordersv1.ListResponse{}, nil
}

// Watch implements ordersv1.OrdersServer.
func (s *service) Watch(_ *ordersv1.WatchRequest, stream grpc.ServerStreamingServer[ordersv1.Order]) error {
	return stream.Send(&ordersv1.Order{Id: "1", Item: "bolts"})
}

func (s *service) observe(_ context.Context, d verifier.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = append(s.last, d)
}

// decided returns the Reason of the one decision since the last call: "" if it was
// allowed. ok is false unless there was exactly one.
func (s *service) decided() (reason verifier.Reason, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.last = nil }()
	if len(s.last) != 1 {
		return "", false
	}
	return s.last[0].Reason, true
}

func (s *service) keep(transport string, h headers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log[transport] = h
}

// leaked returns the headers of the last call over a transport.
func (s *service) leaked(transport string) headers {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log[transport]
}

func (s *service) close() {
	if s.grpc != nil {
		s.grpc.Stop()
	}
	if s.http != nil {
		s.http.Close()
	}
	if s.verifier != nil {
		s.verifier.Close()
	}
	if s.authority != nil {
		s.authority.Close()
	}
}
