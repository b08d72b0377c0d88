package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/ordersv1"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/status"
)

// TestForeignClients calls both APIs as programs without this module do: x/oauth2 gets
// the tokens, and its HTTP client and gRPC's per-RPC credentials send them.
func TestForeignClients(t *testing.T) {
	w, err := newWorld(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	id, secret := w.authority.CreateClient("foreign", "read:orders")
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: w.authority.TokenURL()}

	t.Run("HTTP", func(t *testing.T) {
		client := config.Client(t.Context())
		for method, want := range map[string]int{"GET": 200, "POST": 403} {
			req, _ := http.NewRequestWithContext(t.Context(), method, w.httpURL+"/orders", nil)
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s: %d, want %d", method, res.StatusCode, want)
			}
		}
	})
	t.Run("gRPC", func(t *testing.T) {
		// gRPC sends per-RPC credentials over TLS only.
		orders := overTLS(t, w, config.TokenSource(t.Context()))
		if res, err := orders.List(t.Context(), &ordersv1.ListRequest{}); err != nil || len(res.GetOrders()) == 0 {
			t.Errorf("List: %v, %v", res, err)
		}
		if _, err := orders.Create(t.Context(), &ordersv1.CreateRequest{}); status.Code(err) != codes.PermissionDenied {
			t.Errorf("Create: %v, want PermissionDenied", err)
		}
		watch, err := orders.Watch(t.Context(), &ordersv1.WatchRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := watch.Recv(); err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
}

// overTLS serves the gRPC API over TLS, and returns a client with tokens of source.
func overTLS(t *testing.T, w *world, source oauth2.TokenSource) ordersv1.OrdersClient {
	cert, pool := selfSigned(t)
	server, _, err := newGRPC(w.verifier, newOrders())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}))
	conn, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool})),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: source}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
	})
	return ordersv1.NewOrdersClient(conn)
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
