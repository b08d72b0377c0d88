package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"github.com/m2mauth/m2mauth/examples/internal/project"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// world holds the servers around the agent: an authority, and two APIs over TLS that
// trust it.
type world struct {
	project  *project.Project
	roots    *x509.CertPool
	http     *http.Server
	httpURL  string
	grpc     *grpc.Server
	grpcAddr string
	client   *http.Transport
}

func newWorld(ctx context.Context) (*world, error) {
	p, err := project.Open(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &world{project: p}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start() error {
	certificate, err := w.certificate()
	if err != nil {
		return err
	}
	if err := w.startHTTP(certificate); err != nil {
		return err
	}
	return w.startGRPC(certificate)
}

func (w *world) startHTTP(certificate tls.Certificate) error {
	guard, err := httpmw.New(w.project.Verifier, nil)
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
	mux.HandleFunc("POST /orders", scopes.All("write:orders"), func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusCreated)
	})
	if err := mux.CheckCoverage(); err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	w.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go w.http.Serve(listener)
	w.httpURL = "https://" + listener.Addr().String()
	return nil
}

func (w *world) startGRPC(certificate tls.Certificate) error {
	guard, err := grpcmw.New(w.project.Verifier, grpcmw.Policy{
		"/orders.v1.Orders/*":      scopes.All("read:orders"),
		"/orders.v1.Orders/Create": scopes.All("write:orders"),
	}, nil)
	if err != nil {
		return err
	}
	w.grpc = grpc.NewServer(append(guard.ServerOptions(),
		grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))...)
	ordersv1.RegisterOrdersServer(w.grpc, orders{})
	if err := guard.CheckCoverage(w.grpc.GetServiceInfo()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go w.grpc.Serve(listener)
	w.grpcAddr = listener.Addr().String()
	return nil
}

// orders implements the gRPC API.
type orders struct {
	ordersv1.UnimplementedOrdersServer
}

func (orders) all() []*ordersv1.Order {
	return []*ordersv1.Order{{Id: "1", Item: "tea"}, {Id: "2", Item: "cake"}}
}

func (o orders) List(context.Context, *ordersv1.ListRequest) (*ordersv1.ListResponse, error) {
	return &ordersv1.ListResponse{Orders: o.all()}, nil
}

func (o orders) Watch(_ *ordersv1.WatchRequest, stream grpc.ServerStreamingServer[ordersv1.Order]) error {
	for _, order := range o.all() {
		if err := stream.Send(order); err != nil {
			return err
		}
	}
	return nil
}

// transport returns a transport that trusts the APIs' certificate.
func (w *world) transport() *http.Transport {
	if w.client == nil {
		w.client = &http.Transport{TLSClientConfig: w.clientTLS(), ForceAttemptHTTP2: true}
	}
	return w.client
}

func (w *world) clientTLS() *tls.Config { return &tls.Config{RootCAs: w.roots} }

// certificate returns the APIs' certificate, the only one that the agent trusts.
func (w *world) certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func (w *world) close() {
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	if w.grpc != nil {
		w.grpc.Stop()
	}
	if w.http != nil {
		w.http.Close()
	}
	w.project.Close()
}
