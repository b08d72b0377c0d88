package introspection_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// authority is a real HTTPS server behind a network of pipes, so that its time, and
// that of net/http's client, is that of a bubble of testing/synctest.
type authority struct {
	conns     chan net.Conn
	closed    chan struct{}
	ca        tlstest.Pair // trusted by the client
	clientTLS *tls.Config

	mu        sync.Mutex
	answer    http.HandlerFunc
	cert      tlstest.Pair // presented by the server
	dialErr   error
	questions int
}

// newAuthority starts an authority that reports every token as active but those that
// begin with "junk". It ends with the test.
func newAuthority(t *testing.T) *authority {
	pair := tlstest.New(t)
	a := &authority{conns: make(chan net.Conn), closed: make(chan struct{}), ca: pair, cert: pair, clientTLS: pair.ClientConfig(nil), answer: healthy}
	server := &http.Server{Handler: a, ErrorLog: log.New(io.Discard, "", 0)}
	listener := tls.NewListener(a, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return &a.cert.Certificate, nil
	}})
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return a
}

func (a *authority) Accept() (net.Conn, error) {
	select {
	case c := <-a.conns:
		return c, nil
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

func (a *authority) Close() error {
	close(a.closed)
	return nil
}

func (a *authority) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

func (a *authority) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a.mu.Lock()
	err := a.dialErr
	if err != nil || a.cert.Leaf != a.ca.Leaf { // no handler counts it
		a.questions++
	}
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	select {
	case a.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

// count returns the number of questions since it was called last.
func (a *authority) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.questions = 0 }()
	return a.questions
}

// now makes the authority fail by f from now on.
func (a *authority) now(f fault, transport *http.Transport) {
	a.mu.Lock()
	a.answer, a.dialErr = f.answer, f.dial
	if a.cert = a.ca; f.cert != nil {
		a.cert = *f.cert
	}
	if a.answer == nil {
		a.answer = healthy
	}
	a.mu.Unlock()
	if f.dial != nil || f.cert != nil {
		transport.CloseIdleConnections()
	}
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.questions++
	answer := a.answer
	a.mu.Unlock()
	answer(w, r)
}

func healthy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if token := r.FormValue("token"); len(token) > 4 && token[:4] == "junk" {
		io.WriteString(w, `{"active":false}`)
		return
	}
	io.WriteString(w, active)
}

// trust returns a Verifier that asks the authority, and its transport.
func (a *authority) trust(t *testing.T) (*verifier.Verifier, *http.Transport) {
	t.Helper()
	transport := &http.Transport{DialContext: a.dial, TLSClientConfig: a.clientTLS, MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 64 << 10}
	t.Cleanup(transport.CloseIdleConnections)
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: "https://auth.example.com", Endpoint: "https://127.0.0.1/introspect", Credentials: tokensource.Secret("orders", secret),
		Audiences: []string{"https://orders.example.com"}, Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v, transport
}

// pass lets virtual time pass, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
