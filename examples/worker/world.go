package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/local"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// tokenTTL is short, so that the story is.
const tokenTTL = 6 * time.Second

// vault is the place from which the client reads its current secret.
type vault struct {
	id string

	mu     sync.Mutex
	secret string
}

func (v *vault) credentials(context.Context) (clientID, secret string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.id, v.secret, nil
}

// world holds the servers around the pipeline: an authority, and a service that
// trusts it.
type world struct {
	ordersv1.UnimplementedOrdersServer
	authority *m2mtest.Authority
	api       *stytch.Client
	vault     *vault
	verifier  *verifier.Verifier
	http      *http.Server
	grpc      *grpc.Server
	httpURL   string
	grpcAddr  string

	cutoff   atomic.Int64 // tokens that were issued up to this Unix time are revoked
	refusals atomic.Int64
}

func newWorld(ctx context.Context) (*world, error) {
	w := &world{}
	if err := w.start(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context) (err error) {
	if w.authority, err = m2mtest.Start(&m2mtest.Options{TokenTTL: tokenTTL}); err != nil {
		return err
	}
	id, secret := w.authority.CreateClient("worker", "read:orders")
	w.vault = &vault{id: id, secret: secret}
	w.api, err = stytch.New(w.authority.ProjectID(), stytch.NewSecret(w.authority.Secret()), &stytch.Options{BaseURL: w.authority.URL()})
	if err != nil {
		return err
	}
	w.verifier, err = verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{w.authority.Issuer()},
		Check:   w.check,
	})
	if err != nil {
		return err
	}
	if err := w.verifier.Ready(ctx); err != nil {
		return err
	}
	if err := w.serveHTTP(); err != nil {
		return err
	}
	return w.serveGRPC()
}

// check refuses revoked tokens.
func (w *world) check(_ context.Context, c verifier.Client, _ verifier.Request) error {
	if c.IssuedAt.Unix() <= w.cutoff.Load() {
		w.refusals.Add(1)
		return verifier.Revoked
	}
	return nil
}

// revoke refuses every token that was issued up to now.
func (w *world) revoke(now time.Time) { w.cutoff.Store(now.Unix()) }

// rotateSecret starts a rotation, hands out the next secret, and completes it. It
// returns an error unless the old secret is refused then.
func (w *world) rotateSecret(ctx context.Context) error {
	_, next, err := w.api.StartRotation(ctx, w.vault.id)
	if err != nil {
		return err
	}
	w.vault.mu.Lock()
	old := w.vault.secret
	w.vault.secret = next.Reveal()
	w.vault.mu.Unlock()
	if _, err := w.api.CompleteRotation(ctx, w.vault.id); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.authority.TokenURL(), strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return err
	}
	req.Close = true
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(w.vault.id, old)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("the old secret: %s, want 401", res.Status)
	}
	return nil
}

func (w *world) serveHTTP() error {
	guard, err := httpmw.New(w.verifier, nil)
	if err != nil {
		return err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), func(rw http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(rw, "orders for", client.ID)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	w.httpURL = "http://" + listener.Addr().String()
	go w.http.Serve(listener)
	return mux.CheckCoverage()
}

func (w *world) serveGRPC() error {
	guard, err := grpcmw.New(w.verifier, grpcmw.Policy{"/orders.v1.Orders/*": scopes.All("read:orders")}, nil)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.grpc = grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(local.NewCredentials()))...)
	ordersv1.RegisterOrdersServer(w.grpc, w)
	w.grpcAddr = listener.Addr().String()
	go w.grpc.Serve(listener)
	return guard.CheckCoverage(w.grpc.GetServiceInfo())
}

// List implements ordersv1.OrdersServer.
func (w *world) List(ctx context.Context, _ *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
	if _, ok := verifier.ClientFromContext(ctx); !ok {
		return nil, errors.New("no client")
	}
	return &ordersv1.ListResponse{}, nil
}

func (w *world) close() {
	if w.grpc != nil {
		w.grpc.Stop()
	}
	if w.http != nil {
		w.http.Close()
	}
	if w.verifier != nil {
		w.verifier.Close()
	}
	if w.authority != nil {
		w.authority.Close()
	}
}
