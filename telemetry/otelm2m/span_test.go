package otelm2m_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// spanCase is a call, and what its span must say.
type spanCase struct {
	name   string
	token  string
	fail   bool // Check fails
	status int  // HTTP
	code   codes.Code
	span   otelcodes.Code    // of the server's span
	want   map[string]string // attributes; "ISSUER" is the issuer
	absent []string
}

type failing struct{ on bool }

func (f *failing) check(context.Context, verifier.Client, verifier.Request) error {
	if f.on {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func spanCases(w *world) []spanCase {
	good := w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})
	return []spanCase{
		{
			name: "first sight", token: good, status: 200, code: codes.OK, span: otelcodes.Unset,
			want:   map[string]string{"m2mauth.outcome": "allowed", "m2mauth.remembered": "false", "m2mauth.issuer": w.verifier.Issuers()[0]},
			absent: []string{"error.type"},
		},
		{
			name: "remembered", token: good, status: 200, code: codes.OK, span: otelcodes.Unset,
			want:   map[string]string{"m2mauth.outcome": "allowed", "m2mauth.remembered": "true"},
			absent: []string{"error.type"},
		},
		{
			name: "expired", token: w.authority.Token(m2mtest.TokenSpec{TTL: -time.Hour}), status: 401, code: codes.Unauthenticated, span: otelcodes.Unset,
			want: map[string]string{"m2mauth.outcome": "invalid_token", "error.type": "expired"},
		},
		{
			name: "no token", status: 401, code: codes.Unauthenticated, span: otelcodes.Unset,
			want:   map[string]string{"m2mauth.outcome": "no_credentials", "error.type": "credentials_missing"},
			absent: []string{"m2mauth.issuer"},
		},
		{
			name: "scope", token: w.authority.Token(m2mtest.TokenSpec{}), status: 403, code: codes.PermissionDenied, span: otelcodes.Unset,
			want: map[string]string{"m2mauth.outcome": "insufficient_scope", "error.type": "scope_missing"},
		},
		{
			name: "outage", token: good, fail: true, status: 503, code: codes.Unavailable, span: otelcodes.Error,
			want: map[string]string{"m2mauth.outcome": "unavailable", "error.type": "check_failed"},
		},
	}
}

// check compares the one span of recorder that is new.
func (c spanCase) check(t *testing.T, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	got := make(map[string]string)
	for _, a := range spans[0].Attributes() {
		got[string(a.Key)] = a.Value.String()
	}
	for name, want := range maps.All(c.want) {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	for _, name := range c.absent {
		if v, ok := got[name]; ok {
			t.Errorf("%s = %q, want it absent", name, v)
		}
	}
	if got := spans[0].Status().Code; got != c.span {
		t.Errorf("the span's status = %v, want %v", got, c.span)
	}
	t.Log(got)
}

// TestHTTPSpan: the span of otelhttp has the attributes, and its status is otelhttp's.
func TestHTTPSpan(t *testing.T) {
	outage := new(failing)
	w := newWorld(t, verifier.Config{Check: outage.check})
	guard, err := httpmw.New(w.verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := guard.Require(scopes.All("a"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, c := range spanCases(w) {
		t.Run(c.name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			outage.on = c.fail
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			answer := httptest.NewRecorder()
			otelhttp.NewHandler(h, "server", otelhttp.WithTracerProvider(provider)).ServeHTTP(answer, r)
			if answer.Code != c.status {
				t.Errorf("status = %d, want %d", answer.Code, c.status)
			}
			c.check(t, recorder.Ended())
		})
	}
}

// TestGRPCSpan: the same with otelgrpc.
func TestGRPCSpan(t *testing.T) {
	outage := new(failing)
	w := newWorld(t, verifier.Config{Check: outage.check})
	guard, err := grpcmw.New(w.verifier, grpcmw.Policy{healthpb.Health_Check_FullMethodName: scopes.All("a")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(channel, 10)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(ended))
	server := grpc.NewServer(
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(provider))),
		grpc.UnaryInterceptor(guard.Unary()), grpc.StreamInterceptor(guard.Stream()))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for _, c := range spanCases(w) {
		t.Run(c.name, func(t *testing.T) {
			outage.on = c.fail
			ctx := t.Context()
			if c.token != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
			}
			_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
			if got := status.Code(err); got != c.code {
				t.Errorf("code = %v, want %v", got, c.code)
			}
			c.check(t, []sdktrace.ReadOnlySpan{<-ended}) // it ends after the answer is sent
		})
	}
}

// channel receives the spans that end.
type channel chan sdktrace.ReadOnlySpan

func (channel) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c channel) OnEnd(s sdktrace.ReadOnlySpan)                 { c <- s }
func (channel) Shutdown(context.Context) error                  { return nil }
func (channel) ForceFlush(context.Context) error                { return nil }
