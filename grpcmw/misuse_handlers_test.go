package grpcmw_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// panicOf is what f panics with, or nil.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// TestPanics: panics pass through the interceptors to an outer interceptor
// that recovers them. The next call is decided as usual.
func TestPanics(t *testing.T) {
	authority, v := newVerifier(t)
	token := []string{"Bearer " + authority.Token(m2mtest.TokenSpec{})}
	guard := guardOf(t, v, scopes.Authenticated(), nil)
	var lasting context.Context
	for range 2 {
		ctx := incoming(t.Context(), token, nil)
		got := []any{panicOf(func() {
			guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unaryMethod}, func(context.Context, any) (any, error) { panic("handler") })
		}), panicOf(func() {
			guard.Stream()(nil, &fakeStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: duplex}, func(_ any, ss grpc.ServerStream) error {
				lasting = ss.Context()
				panic("handler")
			})
		})}
		if fmt.Sprint(got) != "[handler handler]" {
			t.Errorf("%v", got)
		}
	}
	if lasting.Err() == nil {
		t.Error("the stream's context goes on")
	}
}

// TestInsecurePeerCertificatesFails: it is called only for verified tokens.
// If it fails, the call is refused as Unavailable.
func TestInsecurePeerCertificatesFails(t *testing.T) {
	authority, v := newVerifier(t)
	good := "Bearer " + authority.Token(m2mtest.TokenSpec{})
	for _, tt := range []struct {
		name          string
		need          scopes.Requirement
		authorization string
		fail          func() error
		want          codes.Code
		asked         int
	}{
		{"it works", scopes.Authenticated(), good, func() error { return nil }, codes.OK, 2},
		{"an error", scopes.Authenticated(), good, func() error { return errors.New("no such metadata") }, codes.Unavailable, 2},
		{"a panic", scopes.Authenticated(), good, func() error { panic("malformed") }, codes.Unavailable, 2},
		{"junk", scopes.Authenticated(), "Bearer x", func() error { panic("asked") }, codes.Unauthenticated, 0},
		{"public", scopes.Public(), good, func() error { panic("asked") }, codes.OK, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked, reached := 0, 0
			guard := guardOf(t, v, tt.need, &grpcmw.Options{InsecurePeerCertificates: func(context.Context) ([]*x509.Certificate, error) {
				asked++
				return nil, tt.fail()
			}})
			ctx := incoming(t.Context(), []string{tt.authorization}, nil)
			_, unary := guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unaryMethod}, func(context.Context, any) (any, error) {
				reached++
				return nil, nil
			})
			stream := guard.Stream()(nil, &fakeStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: duplex}, func(any, grpc.ServerStream) error {
				reached++
				return nil
			})
			handlers := map[bool]int{true: 2}[tt.want == codes.OK]
			if status.Code(unary) != tt.want || status.Code(stream) != tt.want || asked != tt.asked || reached != handlers {
				t.Errorf("%v, %v; asked %d times, the handlers reached %d times; want %s, and asked %d times",
					unary, stream, asked, reached, tt.want, tt.asked)
			}
		})
	}
}

// TestHandlersChangeTheirMetadata: changes that a handler or an interceptor
// makes to its metadata affect no other call.
func TestHandlersChangeTheirMetadata(t *testing.T) {
	authority, v := newVerifier(t)
	good := "Bearer " + authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: []string{"a"}})
	guard := guardOf(t, v, scopes.All("a"), nil)
	for _, tt := range []struct {
		name    string
		between func(context.Context) context.Context
		want    codes.Code
	}{
		{"its copy", func(ctx context.Context) context.Context {
			md, _ := metadata.FromIncomingContext(ctx)
			md.Set("authorization", "Bearer x")
			values := metadata.ValueFromIncomingContext(ctx, "authorization")
			values[0] = "Bearer x"
			return ctx
		}, codes.OK},
		{"a planted client", func(ctx context.Context) context.Context {
			return verifier.ContextWithClient(metadata.NewIncomingContext(ctx, metadata.MD{}), verifier.Client{ID: "root", Scopes: scopes.Of("a")})
		}, codes.Unauthenticated},
		{"another token", func(ctx context.Context) context.Context {
			other := authority.Token(m2mtest.TokenSpec{Scopes: []string{"b"}})
			return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+other))
		}, codes.PermissionDenied},
		{"a second token", func(ctx context.Context) context.Context {
			return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", good, "authorization", good))
		}, codes.Unauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := running(t,
				grpc.ChainUnaryInterceptor(guard.Unary(), func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
					return h(tt.between(ctx), req)
				}, guard.Unary()),
				grpc.ChainStreamInterceptor(guard.Stream(), func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
					return h(srv, otherContext{ss, tt.between(ss.Context())})
				}, guard.Stream()))
			id := map[codes.Code]string{codes.OK: "m2m-client-test-1"}[tt.want]
			for range 2 {
				wantBoth(t, client, strings.TrimPrefix(good, "Bearer "), tt.want, id)
			}
		})
	}
}

// otherContext is a stream with a context of somebody else's.
type otherContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s otherContext) Context() context.Context { return s.ctx }

// TestStreamUnderTwoGuards: both guards pass messages on unchanged, and end
// the stream with one status when the token expires.
func TestStreamUnderTwoGuards(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	synctest.Test(t, func(t *testing.T) {
		v, _ := watched(t, authority, func(c *verifier.Config) { c.Leeway = -1 })
		guard := guardOf(t, v, scopes.Authenticated(), nil)
		client := running(t, append(guard.ServerOptions(), guard.ServerOptions()...)...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // it has ended long before
		defer cancel()
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", TTL: time.Minute}))
		began := time.Now()
		ss, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"m2m-client-test-1", "", "b"} {
			res, err := ss.Recv()
			if err != nil || string(res.GetPayload().GetBody()) != want {
				t.Errorf("%v, %v; want %q", res, err, want)
			}
			next := map[string]string{"m2m-client-test-1": "", "": "b"}[want]
			if err := ss.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte(next)}}); err != nil {
				t.Fatal(err)
			}
		}
		if res, err := ss.Recv(); err != nil {
			t.Errorf("%v, %v", res, err)
		}
		_, err = ss.Recv()
		wantExpired(t, "the client", err)
		if lasted := time.Since(began); lasted != time.Minute {
			t.Errorf("it lasted %v", lasted)
		}
	})
}

// TestBehindHTTP serves a gRPC server as an http.Handler inside httpmw. Both
// guards apply, and handlers find the inner client. An inner Public method
// hides the outer client.
func TestBehindHTTP(t *testing.T) {
	authority, v := newVerifier(t)
	edge, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair := tlstest.New(t)
	for _, tt := range []struct {
		name    string
		inner   []grpc.ServerOption
		granted []string // nil for no token at all
		code    codes.Code
		id      string
	}{
		{"both met", guardOf(t, v, scopes.All("rpc"), nil).ServerOptions(), []string{"edge", "rpc"}, codes.OK, "m2m-client-test-1"},
		{"refused by gRPC's", guardOf(t, v, scopes.All("rpc"), nil).ServerOptions(), []string{"edge"}, codes.PermissionDenied, ""},
		{"refused by HTTP's", guardOf(t, v, scopes.All("rpc"), nil).ServerOptions(), []string{"rpc"}, codes.PermissionDenied, ""},
		{"no token", guardOf(t, v, scopes.Public(), nil).ServerOptions(), nil, codes.Unauthenticated, ""},
		{"public within", guardOf(t, v, scopes.Public(), nil).ServerOptions(), []string{"edge"}, codes.OK, ""},
		{"no guard within", nil, []string{"edge"}, codes.OK, "m2m-client-test-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := grpc.NewServer(tt.inner...)
			testpb.RegisterTestServiceServer(inner, &everything{service{duplex: idStream}})
			server := httptest.NewUnstartedServer(edge.Require(scopes.All("edge"))(inner))
			server.TLS, server.EnableHTTP2 = pair.ServerConfig(), true
			server.StartTLS()
			defer server.Close()
			conn, err := grpc.NewClient(server.Listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(pair.ClientConfig(nil))))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			token := ""
			if tt.granted != nil {
				token = authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1", Scopes: tt.granted})
			}
			wantBoth(t, testpb.NewTestServiceClient(conn), token, tt.code, tt.id)

			// What is no gRPC is the outer guard's to refuse, and gRPC's to turn away.
			res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: pair.ClientConfig(nil), DisableKeepAlives: true}}).Get(server.URL + unaryMethod)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != 401 || !strings.Contains(string(body), "no_credentials") {
				t.Errorf("a plain GET: %d %s", res.StatusCode, body)
			}
		})
	}
}
