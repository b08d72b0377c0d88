package grpctoken_test

import (
	"context"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/internal/tlstest"
)

// TestTransportSecurity: a token is sent over TLS and credentials/local. Over
// plaintext none is fetched, and no call leaves.
func TestTransportSecurity(t *testing.T) {
	pair := tlstest.New(t)
	for _, tc := range []struct {
		name, network string
		server        credentials.TransportCredentials
		client        credentials.TransportCredentials
		want          codes.Code
	}{
		{"TLS", "tcp", credentials.NewTLS(pair.ServerConfig()), credentials.NewTLS(pair.ClientConfig(nil)), codes.OK},
		{"local, TCP", "tcp", local.NewCredentials(), local.NewCredentials(), codes.OK},
		{"local, Unix socket", "unix", local.NewCredentials(), local.NewCredentials(), codes.OK},
		{"plaintext", "tcp", insecure.NewCredentials(), insecure.NewCredentials(), codes.Unauthenticated},
		{"plaintext, Unix socket", "unix", insecure.NewCredentials(), insecure.NewCredentials(), codes.Unauthenticated},
		{"no security by other credentials", "tcp", insecure.NewCredentials(), silent{insecure.NewCredentials()}, codes.Unauthenticated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService(t)
			address := "127.0.0.1:0"
			if tc.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(tc.network, address)
			if err != nil {
				t.Fatal(err)
			}
			s.serve(t, l, grpc.Creds(tc.server))
			target := "passthrough:" + l.Addr().String()
			if tc.network == "unix" {
				target = "unix:" + address
			}
			client := dial(t, s.source(t), nil, target, grpc.WithTransportCredentials(tc.client))
			err = call(t, client)
			if status.Code(err) != tc.want {
				t.Fatalf("EmptyCall = %v, want %v", err, tc.want)
			}
			if tc.want == codes.OK {
				s.wantCounts(t, 1, 1)
				return
			}
			s.wantCounts(t, 0, 0)
			if !strings.Contains(err.Error(), "want TLS, or package credentials/local") {
				t.Errorf("EmptyCall = %v, want what to do", err)
			}
		})
	}
}

// TestServeHTTP: under net/http a service sends its challenge in the header.
func TestServeHTTP(t *testing.T) {
	pair := tlstest.New(t)
	s := newService(t)
	server := httptest.NewUnstartedServer(s.server(t))
	server.EnableHTTP2 = true
	server.TLS = pair.ServerConfig()
	server.StartTLS()
	t.Cleanup(server.Close)
	client := dial(t, s.source(t), nil, "passthrough:"+server.Listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(pair.ClientConfig(nil))))
	mustCall(t, client)
	s.revoke()
	mustCall(t, client)
	s.wantCounts(t, 3, 2)
	s.revoke()
	if _, err := read(t, client); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stream = %v, want Unauthenticated", err)
	}
	if _, err := read(t, client); err != nil {
		t.Errorf("the next stream = %v, want success", err)
	}
	s.wantCounts(t, 5, 3)
}

// silent are credentials that say nothing of their security level.
type silent struct {
	credentials.TransportCredentials
}

type silentInfo struct{}

func (silentInfo) AuthType() string { return "home-made" }

func (silent) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "home-made"}
}

func (silent) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, silentInfo{}, nil
}

func (s silent) Clone() credentials.TransportCredentials { return s }
