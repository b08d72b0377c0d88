package thirdparty

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// streams opens each kind of stream, sends a message, and waits for one where the kind
// allows it. wait then waits for the end of the stream.
var streams = map[string]func(context.Context, connect.HTTPClient, string, http.Header, ...connect.ClientOption) (wait func() error, err error){
	"from the server": func(ctx context.Context, h connect.HTTPClient, url string, header http.Header, opts ...connect.ClientOption) (func() error, error) {
		client := connect.NewClient[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse](h, url+fromServer, opts...)
		r := connect.NewRequest(&testpb.StreamingOutputCallRequest{})
		setHeader(r.Header(), header)
		stream, err := client.CallServerStream(ctx, r)
		if err != nil {
			return nil, err
		}
		if !stream.Receive() {
			return nil, stream.Err()
		}
		return func() error {
			defer stream.Close()
			for stream.Receive() {
			}
			return stream.Err()
		}, nil
	},
	"from the client": func(ctx context.Context, h connect.HTTPClient, url string, header http.Header, opts ...connect.ClientOption) (func() error, error) {
		client := connect.NewClient[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse](h, url+fromClient, opts...)
		stream := client.CallClientStream(ctx)
		setHeader(stream.RequestHeader(), header)
		if err := stream.Send(&testpb.StreamingInputCallRequest{}); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		conn, err := stream.Conn()
		if err != nil {
			return nil, err
		}
		return func() error {
			// CloseAndReceive would end the stream before its token ends.
			return conn.Receive(&testpb.StreamingInputCallResponse{})
		}, nil
	},
	"both ways": func(ctx context.Context, h connect.HTTPClient, url string, header http.Header, opts ...connect.ClientOption) (func() error, error) {
		client := connect.NewClient[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse](h, url+bothWays, opts...)
		stream := client.CallBidiStream(ctx)
		setHeader(stream.RequestHeader(), header)
		if err := stream.Send(&testpb.StreamingOutputCallRequest{}); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if _, err := stream.Receive(); err != nil {
			return nil, err
		}
		return func() error {
			_, err := stream.Receive() // both sides wait now
			stream.CloseRequest()
			stream.CloseResponse()
			return err
		}, nil
	},
}

func setHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = values
	}
}

// connectProtocols are what the clients of these tests speak.
var connectProtocols = map[string][]connect.ClientOption{
	"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
}

// TestConnectStreamEnds: when the token is no longer valid, streams of each kind end with
// the reason in each protocol, also while their handler waits for a message.
func TestConnectStreamEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ttl    time.Duration
		during func(*world)
		code   connect.Code
		reason string
	}{
		{"the token expires", 3 * time.Second, func(*world) {}, connect.CodeUnauthenticated, "ACCESS_TOKEN_EXPIRED"},
		{"the client is cut off", time.Hour, cutOff, connect.CodeUnauthenticated, "ACCESS_TOKEN_INVALID"},
		{"no decision is possible", time.Hour, func(w *world) { w.verifier.Close() }, connect.CodeUnavailable, "AUTH_KEYS_UNAVAILABLE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			received := make(chan struct{})
			_, h := newConnect(t, w.verifier, httpmw.Options{}, received)
			url, http2 := serveConnect(t, h)
			waits := make(map[string]func() error)
			open := func(name, kind string, client connect.HTTPClient, opts ...connect.ClientOption) {
				t.Helper()
				token := w.authority.Token(m2mtest.TokenSpec{
					ClientID: "m2m-client-test-7",
					Scopes:   []string{"call", "talk"},
					Claims:   map[string]any{"exp": float64(time.Now().Add(tt.ttl).UnixMilli()) / 1000},
				})
				wait, err := streams[kind](t.Context(), client, url, http.Header{"Authorization": {"Bearer " + token}}, opts...)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, kind, err)
				}
				if kind == "from the client" {
					<-received
				}
				waits[name+", "+kind] = wait
			}
			for kind := range streams {
				for name, opts := range connectProtocols {
					open(name, kind, http2, opts...)
				}
				if kind != "both ways" {
					open("Connect over HTTP/1.1", kind, http.DefaultClient)
				}
			}
			tt.during(w)
			for name, wait := range waits {
				assertRefused(t, name, wait(), tt.code, tt.reason)
			}
		})
	}
}

// assertRefused asserts the code of err, and the reason of its ErrorInfo.
func assertRefused(t *testing.T, name string, err error, code connect.Code, reason string) {
	t.Helper()
	e, ok := errors.AsType[*connect.Error](err)
	if !ok {
		t.Errorf("%s: %v, want %v", name, err, code)
		return
	}
	got := ""
	for _, d := range e.Details() {
		if value, err := d.Value(); err == nil {
			if info, ok := value.(*errdetails.ErrorInfo); ok {
				got = info.GetReason()
			}
		}
	}
	if e.Code() != code || got != reason {
		t.Errorf("%s: %v with the reason %q, want %v with %q", name, err, got, code, reason)
	}
}

// TestConnectStreamRefused: each kind of stream without a token is refused, also while
// its client waits with an open request.
func TestConnectStreamRefused(t *testing.T) {
	w := newWorld(t)
	_, h := newConnect(t, w.verifier, httpmw.Options{}, nil)
	url, http2 := serveConnect(t, h)
	for kind, open := range streams {
		for name, opts := range connectProtocols {
			for version, client := range map[string]*http.Client{"HTTP/2": http2, "HTTP/1.1": http.DefaultClient} {
				if version == "HTTP/1.1" && (name == "gRPC" || kind == "both ways") {
					continue // they need HTTP/2
				}
				wait, err := open(t.Context(), client, url, nil, opts...)
				if err == nil {
					err = wait()
				}
				assertRefused(t, name+" over "+version+", "+kind, err, connect.CodeUnauthenticated, "CREDENTIALS_MISSING")
				const challenge = `Bearer realm="api"`
				if e, ok := errors.AsType[*connect.Error](err); ok && !strings.HasPrefix(e.Meta().Get("WWW-Authenticate"), challenge) {
					t.Errorf("%s over %s, %s: challenge %q, want %s", name, version, kind, e.Meta().Get("WWW-Authenticate"), challenge)
				}
			}
		}
	}
}
