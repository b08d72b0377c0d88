package introspection_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "hush-kR8z42-hush"
	opaque = "2YotnFZFEjr1zCsicMWpAA"
	active = `{"active":true,"client_id":"worker","aud":"https://orders.example.com","scope":"orders:read","token_type":"Bearer"}`
)

// trust returns a Verifier that asks handler about tokens.
func trust(t *testing.T, handler http.HandlerFunc) *verifier.Verifier {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: "https://auth.example.com", Endpoint: server.URL + "/introspect", Credentials: tokensource.Secret("orders", secret),
		Audiences: []string{"https://orders.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// TestAsk: the question is RFC 7662's, and the client of the answer reaches the
// handler. A second call asks nothing.
func TestAsk(t *testing.T) {
	var questions atomic.Int32
	v := trust(t, func(w http.ResponseWriter, r *http.Request) {
		questions.Add(1)
		id, password, _ := r.BasicAuth()
		if r.Method != "POST" || r.FormValue("token") != opaque || r.FormValue("token_type_hint") != "access_token" || id != "orders" || password != secret {
			t.Errorf("the question is %s %v by %s, want POST with the token by orders", r.Method, r.Form, id)
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, active)
	})
	for range 2 {
		ctx, err := v.Authorize(t.Context(), verifier.Request{Authorization: []string{"Bearer " + opaque}}, scopes.All("orders:read"))
		if err != nil {
			t.Fatalf("Authorize() = %v, want nil", err)
		}
		if client, _ := verifier.ClientFromContext(ctx); client.ID != "worker" {
			t.Errorf("Client = %v, want worker", client)
		}
	}
	if n := questions.Load(); n != 1 {
		t.Errorf("questions = %d, want 1", n)
	}
}

// TestAnswers: everything but a good answer of 200 is no verdict on the token.
func TestAnswers(t *testing.T) {
	long := `{"active":true,"x":"` + strings.Repeat("x", 64<<10) + `"}`
	for _, tt := range []struct {
		name   string
		status int
		kind   string
		body   string
		want   verifier.Reason
	}{
		{"active", 200, "application/json", active, ""},
		{"inactive", 200, "application/json", `{"active":false,"client_id":"worker"}`, verifier.Inactive},
		{"another audience", 200, "application/json", `{"active":true,"client_id":"worker","aud":"https://other.example.com"}`, verifier.Audience},
		{"a person's", 200, "application/json", strings.Replace(active, `"client_id"`, `"username":"jo","client_id"`, 1), verifier.NotMachine},
		{"a refresh token", 200, "application/json", strings.Replace(active, "Bearer", "refresh_token", 1), verifier.TokenType},
		{"500", 500, "application/json", active, verifier.IntrospectionUnavailable},
		{"429", 429, "application/json", active, verifier.IntrospectionUnavailable},
		{"401: our own secret is wrong", 401, "application/json", `{"error":"invalid_client"}`, verifier.IntrospectionUnavailable},
		{"a redirect", 302, "application/json", active, verifier.IntrospectionUnavailable},
		{"HTML", 200, "text/html", "<html>", verifier.IntrospectionUnavailable},
		{"active as a string", 200, "application/json", `{"active":"true"}`, verifier.IntrospectionUnavailable},
		{"empty", 200, "application/json", ``, verifier.IntrospectionUnavailable},
		{"too long", 200, "application/json", long, verifier.IntrospectionUnavailable},
		{"signed (RFC 9701)", 200, "application/token-introspection+jwt", "a.b.c", verifier.IntrospectionUnavailable},
	} {
		v := trust(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			if tt.status == 302 {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := v.Verify(t.Context(), opaque)
		e, _ := errors.AsType[*verifier.Error](err)
		if tt.want == "" && err == nil {
			continue
		}
		if e == nil || e.Reason != tt.want {
			t.Errorf("Verify(%s) = %v, want %q", tt.name, err, tt.want)
			continue
		}
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, opaque) || strings.Contains(text, secret) {
			t.Errorf("Verify(%s) = %s, which holds the token or the secret", tt.name, text)
		}
	}
}

// TestForeignJWT: a JWT of another issuer never leaves the process.
func TestForeignJWT(t *testing.T) {
	v := trust(t, func(http.ResponseWriter, *http.Request) {
		t.Error("the authority was asked about another issuer's JWT")
	})
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUuY29tIn0.c2ln"
	if _, err := v.Verify(t.Context(), jwt); !errors.Is(err, verifier.UnknownIssuer) {
		t.Errorf("Verify(another issuer's JWT) = %v, want %s", err, verifier.UnknownIssuer)
	}
}

func TestMistakes(t *testing.T) {
	_, err := introspection.Issuer(introspection.Config{Endpoint: "http://auth.example.com/introspect", Timeout: time.Minute})
	for _, field := range []string{"Issuer", "Endpoint", "Timeout", "Credentials"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("Issuer(mistakes) = %v, want Config.%s in it", err, field)
		}
	}
}

// TestClose: the connections of the default transport end with the Verifier.
func TestClose(t *testing.T) {
	closed := make(chan struct{}, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, active)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: "https://auth.example.com", Endpoint: server.URL, Credentials: tokensource.Secret("orders", secret), Audiences: []string{"https://orders.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), opaque); err != nil {
		t.Fatal(err)
	}
	v.Close()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is open after Close, want it closed")
	}
}
