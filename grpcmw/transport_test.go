package grpcmw_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestTransports: gRPC's own server with mutual TLS, and the same service
// through net/http's HTTP/2, give the same answers and challenges to tokens
// that are bound to a certificate (RFC 8705 §3).
func TestTransports(t *testing.T) {
	authority, v := newVerifier(t)
	guard, err := grpcmw.New(v, grpcmw.Policy{"/grpc.testing.TestService/*": scopes.Authenticated()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	serverCert, mine, other := tlstest.New(t), tlstest.New(t), tlstest.New(t)

	native := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(credentials.NewTLS(serverCert.ServerConfig())))...)
	testpb.RegisterTestServiceServer(native, greeter{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go native.Serve(listener)
	defer native.Stop()

	inner := grpc.NewServer(guard.ServerOptions()...)
	testpb.RegisterTestServiceServer(inner, greeter{})
	overHTTP := httptest.NewUnstartedServer(inner)
	overHTTP.TLS = serverCert.ServerConfig()
	overHTTP.EnableHTTP2 = true
	overHTTP.StartTLS()
	defer overHTTP.Close()

	bound := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": mine.Thumbprint()}}})
	for name, addr := range map[string]string{"native": listener.Addr().String(), "ServeHTTP": overHTTP.Listener.Addr().String()} {
		for _, tt := range []struct {
			name  string
			own   *tlstest.Pair
			token string
			want  codes.Code
		}{
			{"its certificate", &mine, bound, codes.OK},
			{"another certificate", &other, bound, codes.Unauthenticated},
			{"no certificate", nil, bound, codes.Unauthenticated},
			{"a token that is not bound", nil, authority.Token(m2mtest.TokenSpec{}), codes.OK},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(serverCert.ClientConfig(tt.own))))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tt.token)
				var header, trailer metadata.MD
				_, err = testpb.NewTestServiceClient(conn).UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
				if status.Code(err) != tt.want {
					t.Errorf("%v, want %v", err, tt.want)
				}
				challenges := append(header["www-authenticate"], trailer["www-authenticate"]...)
				if refused := tt.want != codes.OK; refused != (len(challenges) == 1) {
					t.Errorf("challenges: %q", challenges)
				}
			})
		}
	}
}

// TestInsecurePeerCertificates: without the option metadata has no effect;
// with it, the proxy's metadata supplies the certificates.
func TestInsecurePeerCertificates(t *testing.T) {
	authority, v := newVerifier(t)
	mine := tlstest.New(t)
	bound := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": mine.Thumbprint()}}})
	claimed := func(chain []*x509.Certificate, err error) *grpcmw.Options {
		return &grpcmw.Options{InsecurePeerCertificates: func(context.Context) ([]*x509.Certificate, error) { return chain, err }}
	}
	for _, tt := range []struct {
		name string
		opts *grpcmw.Options
		want codes.Code
	}{
		{"off", nil, codes.Unauthenticated},
		{"on", claimed([]*x509.Certificate{mine.Leaf}, nil), codes.OK},
		{"on, and none", claimed(nil, nil), codes.Unauthenticated},
		{"on, and malformed", claimed(nil, errors.New("malformed")), codes.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guard, err := grpcmw.New(v, grpcmw.Policy{method: scopes.Authenticated()}, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			_, err = guard.Unary()(incoming(t.Context(), []string{"Bearer " + bound}, nil), nil,
				&grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
			if status.Code(err) != tt.want {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}
