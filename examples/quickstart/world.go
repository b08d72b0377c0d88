package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// world holds the servers: an authority, and two APIs that trust it.
type world struct {
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	http      *http.Server
	grpc      *grpc.Server
	status    *http.Server
	httpURL   string
	grpcAddr  string
	statusURL string
	orders    ordersv1.OrdersClient
	conn      *grpc.ClientConn
}

// newWorld starts everything. The verifier's audit log goes to log.
func newWorld(ctx context.Context, log io.Writer) (*world, error) {
	w := &world{authority: m2mtest.NewAuthority(nil)}
	if err := w.start(ctx, log); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context, log io.Writer) (err error) {
	recent := new(telemetry.Recent)
	w.verifier, err = verifier.New(verifier.Config{
		// For a project at Stytch, use stytch.Issuer(projectID, nil).
		Issuers: []verifier.Issuer{w.authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){
			telemetry.Audit(slog.New(slog.NewTextHandler(log, nil)), nil),
			recent.Observe,
		},
	})
	if err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := w.verifier.Ready(ready); err != nil {
		return err
	}
	o := newOrders()
	mux, err := newHTTP(w.verifier, o)
	if err != nil {
		return err
	}
	if w.http, w.httpURL, err = serveHTTP(mux); err != nil {
		return err
	}
	var guard *grpcmw.Interceptor
	if w.grpc, guard, err = newGRPC(w.verifier, o); err != nil {
		return err
	}
	status, err := telemetry.Status(telemetry.StatusConfig{
		Verifier: w.verifier,
		Service:  "orders",
		Recent:   recent,
		Operations: []iter.Seq2[string, scopes.Requirement]{
			mux.Operations(), guard.Operations(w.grpc.GetServiceInfo()),
		},
	})
	if err != nil {
		return err
	}
	if w.status, w.statusURL, err = serveHTTP(status); err != nil {
		return err
	}
	grpcListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go w.grpc.Serve(grpcListener)
	w.grpcAddr = grpcListener.Addr().String()
	if w.conn, err = grpc.NewClient(w.grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return err
	}
	w.orders = ordersv1.NewOrdersClient(w.conn)
	return nil
}

// serveHTTP serves h on a port of its own, and returns its URL.
func serveHTTP(h http.Handler) (*http.Server, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return server, "http://" + listener.Addr().String(), nil
}

func (w *world) close() {
	if w.conn != nil {
		w.conn.Close()
	}
	if w.grpc != nil {
		w.grpc.Stop()
	}
	for _, server := range []*http.Server{w.http, w.status} {
		if server != nil {
			server.Close()
		}
	}
	w.verifier.Close()
	w.authority.Close()
}

// serve prints commands to try, and keeps everything running until ctx ends.
func (w *world) serve(ctx context.Context, out io.Writer) error {
	id, secret := w.authority.CreateClient("by-hand", "read:orders")
	fmt.Fprintf(out, `The authority, the HTTP API and the gRPC API are up. Ctrl-C stops them.

A client with the scope read:orders is registered. Get a token for it:

  TOKEN=$(curl -s -u %s:%s \
    -d grant_type=client_credentials \
    %s |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')

Call the HTTP API with it, without it, and for more than it permits:

  curl -i -H "Authorization: Bearer $TOKEN" %[4]s/orders
  curl -i %[4]s/orders
  curl -i -H "Authorization: Bearer $TOKEN" -d item=jam %[4]s/orders

The same over gRPC (go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest):

  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \
    %[5]s orders.v1.Orders/List
  grpcurl -plaintext %[5]s orders.v1.Orders/List
  grpcurl -plaintext -H "Authorization: Bearer $TOKEN" -d '{"item":"jam"}' \
    %[5]s orders.v1.Orders/Create

Register your own clients by Stytch's API:

  curl -s -u %[6]s:%[7]s -H "Content-Type: application/json" \
    -d '{"client_name":"mine","scopes":["read:orders","write:orders"]}' \
    %[8]s/v1/m2m/clients

See what is refused and why, which keys are in use, and the policy:

  %[9]s

Below, the audit log has a line for each call.
`, id, secret, w.authority.TokenURL(), w.httpURL, w.grpcAddr,
		w.authority.ProjectID(), w.authority.Secret(), w.authority.URL(), w.statusURL)
	<-ctx.Done()
	return nil
}
