package telemetry_test

import (
	"context"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// misspeltMethod serves a method that the policy misspells.
func misspeltMethod(_ *testing.T, s *setting) {
	s.call = func(t *testing.T, v *verifier.Verifier, token string) iter.Seq2[string, scopes.Requirement] {
		guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.health.v1.Health/Chekc": scopes.All("read:orders")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(guard.ServerOptions()...)
		healthpb.RegisterHealthServer(server, health.NewServer())
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go server.Serve(listener)
		defer server.Stop()
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
		if _, err := healthpb.NewHealthClient(conn).Check(ctx, nil); err == nil {
			t.Error("Check() = nil, want a refusal")
		}
		return guard.Operations(server.GetServiceInfo())
	}
}

// forgottenRoute serves a route without a requirement.
func forgottenRoute(_ *testing.T, s *setting) {
	s.call = func(t *testing.T, v *verifier.Verifier, token string) iter.Seq2[string, scopes.Requirement] {
		m, err := httpmw.New(v, nil)
		if err != nil {
			t.Fatal(err)
		}
		router := mux.NewRouter()
		guard, err := gorilla.New(m, router)
		if err != nil {
			t.Fatal(err)
		}
		router.HandleFunc("/orders", func(http.ResponseWriter, *http.Request) {})
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if w := get(router, r); w.Code != http.StatusForbidden {
			t.Errorf("GET /orders = %d, want 403", w.Code)
		}
		return guard.Operations()
	}
}
