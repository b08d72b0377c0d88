package thirdparty

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/authn"
	"connectrpc.com/connect"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// TestConnectUnavailable: a service that can't decide says so, and when to call again, in
// each protocol.
func TestConnectUnavailable(t *testing.T) {
	authority, v := m2mtest.Trust(t, &verifier.Config{Check: func(context.Context, verifier.Client, verifier.Request) error {
		return &verifier.Error{Code: verifier.Unavailable, Reason: verifier.CheckFailed, RetryAfter: 1500 * time.Millisecond}
	}})
	_, h := newConnect(t, v, httpmw.Options{}, nil)
	url, http2 := serveConnect(t, h)
	header := http.Header{"Authorization": {"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"call"}})}}
	for name, opts := range connectProtocols {
		err := call(t, http2, url+unary, header, opts...)
		e, ok := errors.AsType[*connect.Error](err)
		if !ok || e.Code() != connect.CodeUnavailable || e.Meta().Get("Retry-After") != "2" {
			t.Errorf("%s: %v, want unavailable with Retry-After 2", name, err)
			continue
		}
		if got := retryDelay(e); got != 1500*time.Millisecond {
			t.Errorf("%s: RetryInfo of %v, want 1.5s", name, got)
		}
	}
}

func retryDelay(e *connect.Error) time.Duration {
	for _, d := range e.Details() {
		if value, err := d.Value(); err == nil {
			if info, ok := value.(*errdetails.RetryInfo); ok {
				return info.GetRetryDelay().AsDuration()
			}
		}
	}
	return 0
}

// TestConnectDeny: a handler returns the error of Deny, and the caller receives a refusal.
// Without the interceptor it would receive the cause.
func TestConnectDeny(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	guard, err := NewConnectGuard(v, testPolicy(), httpmw.Options{}, testServices())
	if err != nil {
		t.Fatal(err)
	}
	deny := func(opts ...connect.HandlerOption) (string, *http.Client) {
		mux := http.NewServeMux()
		mux.Handle(unary, connect.NewUnaryHandlerSimple(unary, func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			return nil, v.Deny(ctx, errors.New("the order of another tenant"))
		}, opts...))
		return serveConnect(t, guard.Handler(mux))
	}
	header := http.Header{"Authorization": {"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"call"}})}}
	url, http2 := deny(connect.WithInterceptors(guard.Interceptor()))
	for name, opts := range connectProtocols {
		err := call(t, http2, url+unary, header, opts...)
		assertRefused(t, name, err, connect.CodePermissionDenied, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
		if strings.Contains(err.Error(), "tenant") {
			t.Errorf("%s: %v, want nothing of the cause", name, err)
		}
	}
	url, http2 = deny()
	if err := call(t, http2, url+unary, header); connect.CodeOf(err) != connect.CodeUnknown || !strings.Contains(err.Error(), "tenant") {
		t.Errorf("without the interceptor: %v; it used to be unknown, with the cause", err)
	}
}

// TestConnectAuthn shows why the recipe does not use connectrpc.com/authn with its
// BearerToken and Errorf: a second Authorization value is hidden, a refusal has no
// challenge, and an outage is a refusal of the token.
func TestConnectAuthn(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	middleware := authn.NewMiddleware(func(ctx context.Context, r *http.Request) (any, error) {
		token, ok := authn.BearerToken(r)
		if !ok {
			return nil, authn.Errorf("no bearer token")
		}
		ctx, err := v.Authorize(ctx, verifier.Request{Authorization: []string{"Bearer " + token}}, scopes.All("call"))
		if err != nil {
			return nil, authn.Errorf("refused")
		}
		client, _ := verifier.ClientFromContext(ctx)
		return client, nil
	})
	found := true
	h := middleware.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, found = verifier.ClientFromContext(r.Context())
	}))
	send := func(authorization ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", unary, strings.NewReader("{}"))
		r.Header["Content-Type"] = []string{"application/json"}
		r.Header["Authorization"] = authorization
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	token := "Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"call"}})
	if w := send(token, "Bearer x"); w.Code != 200 || found {
		t.Errorf("two values = %d, client in the context %t; authn used to allow them, and to keep the client elsewhere", w.Code, found)
	}
	if w := send(); w.Code != 401 || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("no token = %d with the challenge %q; authn used to send none", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	v.Close()
	if w := send(token); w.Code != 401 {
		t.Errorf("no decision is possible = %d; with authn.Errorf it used to be 401", w.Code)
	}
}
