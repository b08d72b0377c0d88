package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// replica is one process of the service, apart from being in this one: it shares
// nothing with the others but the store.
type replica struct {
	list     *revocation.List
	verifier *verifier.Verifier
	http     *http.Server
	grpc     *grpc.Server
	httpURL  string
	grpcAddr string
}

// newReplica starts a replica that follows the store.
func newReplica(ctx context.Context, issuer verifier.Issuer, server redisfleet.Server, name string) (r *replica, err error) {
	r = &replica{}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	source, err := redisfleet.NewRevocations(redisfleet.Options{Server: server, Replica: name})
	if err != nil {
		return r, err
	}
	if r.list, err = revocation.New(revocation.Config{Source: source}); err != nil {
		return r, err
	}
	r.verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, Revocations: r.list})
	if err != nil {
		return r, err
	}
	if err := r.serveHTTP(); err != nil {
		return r, err
	}
	if err := r.serveGRPC(); err != nil {
		return r, err
	}
	if err := r.list.Ready(ctx); err != nil {
		return r, err
	}
	return r, r.verifier.Ready(ctx)
}

func (r *replica) serveHTTP() error {
	guard, err := httpmw.New(r.verifier, nil)
	if err != nil {
		return err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(w, "orders for", client.ID)
	})
	if err := mux.CheckCoverage(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	r.httpURL = "http://" + l.Addr().String()
	go r.http.Serve(l)
	return nil
}

// serveGRPC serves grpc.health.v1.Health, guarded: its Watch is a stream that stays open.
func (r *replica) serveGRPC() error {
	guard, err := grpcmw.New(r.verifier, grpcmw.Policy{
		"/grpc.health.v1.Health/*": scopes.All("read:orders"),
	}, nil)
	if err != nil {
		return err
	}
	r.grpc = grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(local.NewCredentials()))...)
	grpc_health_v1.RegisterHealthServer(r.grpc, health.NewServer())
	if err := guard.CheckCoverage(r.grpc.GetServiceInfo()); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.grpcAddr = l.Addr().String()
	go r.grpc.Serve(l)
	return nil
}

func (r *replica) close() {
	if r.http != nil {
		r.http.Close()
	}
	if r.grpc != nil {
		r.grpc.Stop()
	}
	if r.verifier != nil {
		r.verifier.Close()
	}
	if r.list != nil {
		r.list.Close()
	}
}
