package thirdparty

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// newBound returns a verifier that takes only tokens that are bound to a DPoP key.
func newBound(t *testing.T, authority *m2mtest.Authority) *verifier.Verifier {
	t.Helper()
	proofs, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	issuer := authority.Issuer()
	issuer.RequireBound = true
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: proofs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestConnectProofs: one handler takes the tokens of one DPoP key from Connect's client,
// with POST and GET, and from grpc-go. Without the key, a stolen token is refused.
func TestConnectProofs(t *testing.T) {
	atAuthority, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	authority := m2mtest.NewAuthority(&m2mtest.Options{DPoP: atAuthority})
	defer authority.Close()

	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	origin := "https://" + server.Listener.Addr().String()
	_, h := newConnect(t, newBound(t, authority), httpmw.Options{Origin: origin}, nil)
	var stolen http.Header
	var methods []string
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == unary {
			stolen = http.Header{"Authorization": r.Header["Authorization"], "Dpop": r.Header["Dpop"]}
		}
		methods = append(methods, r.Method+" "+r.URL.Path)
		h.ServeHTTP(w, r)
	})
	server.StartTLS()
	defer server.Close()

	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	id, secret := authority.CreateClient("caller", "call", "read", "talk")
	source, err := tokensource.New(tokensource.Config{TokenURL: authority.TokenURL(), Credentials: tokensource.Secret(id, secret), DPoP: signer})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	transport, err := source.RoundTripper(server.Client().Transport, origin)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport}

	for name, opts := range connectProtocols {
		for _, path := range []string{unary, cacheable} {
			opts := slices.Clone(opts)
			if path == cacheable {
				opts = append(opts, connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects))
			}
			got, err := connect.NewClient[testpb.SimpleRequest, testpb.SimpleResponse](client, origin+path, opts...).
				CallUnary(t.Context(), connect.NewRequest(&testpb.SimpleRequest{}))
			if err != nil {
				t.Errorf("%s %s = %v, want no error", name, path, err)
			} else if got.Msg.GetUsername() != id {
				t.Errorf("%s %s = %q, want %q", name, path, got.Msg.GetUsername(), id)
			}
		}
	}
	if !slices.Contains(methods, "GET "+cacheable) {
		t.Errorf("calls = %q, want a GET among them", methods)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	options, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(server.Listener.Addr().String(), append(options,
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	orders := testpb.NewTestServiceClient(conn)
	if got, err := orders.UnaryCall(t.Context(), &testpb.SimpleRequest{}); err != nil || got.GetUsername() != id {
		t.Errorf("grpc-go UnaryCall = %v, %v; want %s", got, err, id)
	}
	stream, err := orders.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if got, err := stream.Recv(); err != nil || string(got.GetPayload().GetBody()) != id {
		t.Errorf("grpc-go FullDuplexCall = %v, %v; want %s", got, err, id)
	}

	// A copy of the headers of a call is good for nothing.
	assertRefused(t, "the thief", call(t, server.Client(), origin+unary, stolen), connect.CodeUnauthenticated, "ACCESS_TOKEN_INVALID")
}

// TestConnectProofAttack attacks the procedures of a service that takes bound tokens.
func TestConnectProofAttack(t *testing.T) {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	const origin = "https://api.example.com"
	guard, h := newConnect(t, newBound(t, authority), httpmw.Options{Origin: origin}, nil)
	url, _ := serveConnect(t, h)
	attack.Run(t, attack.Target{
		Authority: authority,
		Handler:   asJSON(h), HTTP: connectCalls(guard), HTTPOrigin: origin,
		Conn: dialConnect(t, url), GRPC: attack.Operations(guard.Operations()), GRPCOrigin: origin,
	})
}
