package gateway

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// TestDial attacks every route of a gateway that dials, the stream included.
func TestDial(t *testing.T) {
	w := newWorld(t, nil)
	gateway := w.relayed(t)
	attack.Run(t, attack.Target{Authority: w.authority, Handler: gateway, HTTP: operations(w.routes(t))})
	for _, target := range []string{"GET /v1/orders", "GET /v1/orders:watch"} {
		if got := call(gateway, target, "Authorization", w.token("orders:read")); got.Code != 200 {
			t.Errorf("%s = %s, want 200", target, shown(got))
		}
	}
	w.service.empty = true
	if got := call(gateway, "GET /v1/orders:watch", "Authorization", w.token("orders:read")); got.Code != 200 || got.Body.Len() != 0 {
		t.Errorf("an empty stream = %s %q, want 200 and nothing", shown(got), got.Body)
	}
}

// TestDialRefusals compares the answers to refused calls, of a unary method and of a
// stream. Both servers of gRPC are tested: one sends the challenge as a trailer, and
// grpc.Server.ServeHTTP as a header.
func TestDialRefusals(t *testing.T) {
	var refuse error // by Config.Check
	w := newWorld(t, &verifier.Config{Check: func(context.Context, verifier.Client, verifier.Request) error { return refuse }})
	opts := []runtime.ServeMuxOption{runtime.WithErrorHandler(challenge(metadataURL)), runtime.WithMetadata(authorization)}
	early := grpc.WithChainStreamInterceptor(earlyRefusal)
	good := w.token("orders:read")
	for server, conn := range map[string]*grpc.ClientConn{"Serve": w.dial(t, early), "ServeHTTP": overHTTP(t, w.server, early)} {
		gateway := w.dials(t, conn, opts...)
		legacy := w.dials(t, conn, append(opts, runtime.WithLegacyHeaderMatching())...)
		for _, tt := range []struct {
			name       string
			gateway    http.Handler
			header     []string
			refuse     error
			status     int
			challenge  string
			retryAfter string
		}{
			{"no token", gateway, nil, nil, 401, `Bearer realm="api", scope="orders:read"` + resource, ""},
			{"no scopes", gateway, []string{"Authorization", w.token()}, nil, 403,
				`Bearer realm="api", error="insufficient_scope", scope="orders:read"` + resource, ""},
			{"not a token", gateway, []string{"Authorization", "Bearer x"}, nil, 401,
				`Bearer realm="api", error="invalid_token"` + resource, ""},
			{"two values", gateway, []string{"Authorization", good, "Authorization", good}, nil, 401,
				`Bearer realm="api", error="invalid_request"` + resource, ""},
			{"two values, one that gRPC can't carry", gateway, []string{"Authorization", good, "Authorization", "Bearer \xff"}, nil, 401,
				`Bearer realm="api", error="invalid_request"` + resource, ""},
			{"a token in metadata", legacy, []string{"Grpc-Metadata-Authorization", good}, nil, 401,
				`Bearer realm="api", scope="orders:read"` + resource, ""},
			{"a token of the gateway's prefix", gateway, []string{"Grpcgateway-Authorization", good}, nil, 401,
				`Bearer realm="api", scope="orders:read"` + resource, ""},
			{"unavailable", gateway, []string{"Authorization", good},
				&verifier.Error{Code: verifier.Unavailable, Reason: verifier.CheckFailed, RetryAfter: 1500 * time.Millisecond}, 503, "", "2"},
			{"too many", gateway, []string{"Authorization", good},
				&verifier.Error{Code: verifier.TooManyRequests, Reason: verifier.CheckFailed, RetryAfter: time.Minute}, 429, "", "60"},
		} {
			refuse = tt.refuse
			for _, target := range []string{"GET /v1/orders", "GET /v1/orders:watch"} {
				if server == "ServeHTTP" && target == "GET /v1/orders:watch" {
					tt.retryAfter = "" // it sends a header first, so the gateway answers by itself
				}
				got := call(tt.gateway, target, tt.header...)
				if got.Code != tt.status || strings.Join(got.Header()["Www-Authenticate"], "|") != tt.challenge || got.Header().Get("Retry-After") != tt.retryAfter {
					t.Errorf("%s, %s: %s = %s, Retry-After %q, want %d %q, Retry-After %q", server, tt.name, target,
						shown(got), got.Header().Get("Retry-After"), tt.status, tt.challenge, tt.retryAfter)
				}
			}
		}
	}
}

// overHTTP serves gRPC by net/http.
func overHTTP(t *testing.T, server *grpc.Server, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	h := httptest.NewUnstartedServer(server)
	h.Config.Protocols = new(http.Protocols)
	h.Config.Protocols.SetUnencryptedHTTP2(true)
	h.Start()
	t.Cleanup(h.Close)
	conn, err := grpc.NewClient(h.Listener.Addr().String(), append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestDialStreamEnds checks that a refusal of a stream that has begun is the last line of
// the response.
func TestDialStreamEnds(t *testing.T) {
	w := newWorld(t, nil)
	w.service.hold = true
	server := httptest.NewServer(w.relayed(t))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/orders:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", w.token("orders:read"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || response.StatusCode != 200 || !strings.Contains(lines.Text(), `"result"`) {
		t.Fatalf("the stream begins with %d %q, want 200 and a result", response.StatusCode, lines.Text())
	}
	w.verifier.Close() // the token is not valid any more
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), `{"error":{"code":14,`) || lines.Scan() {
		t.Errorf("the stream ends with %q, want the code Unavailable and no more", lines.Text())
	}
}

// TestDialServerDown checks that a server that is down is a 503, and not a refusal.
func TestDialServerDown(t *testing.T) {
	w := newWorld(t, nil)
	gateway := w.relayed(t)
	w.server.Stop()
	got := call(gateway, "GET /v1/orders", "Authorization", w.token("orders:read"))
	if got.Code != 503 || got.Header()["Www-Authenticate"] != nil {
		t.Errorf("GET /v1/orders = %s, want 503 without a challenge", shown(got))
	}
}

// TestDialProof checks that the challenge for DPoP is passed on, and that a bound token
// is refused: its proof names the URL of the gateway, and not that of the server.
func TestDialProof(t *testing.T) {
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var reason verifier.Reason
	w := newWorld(t, &verifier.Config{DPoP: checker, Observe: []func(context.Context, verifier.Decision){
		func(_ context.Context, d verifier.Decision) { reason = d.Reason },
	}})
	key := prooftest.New(t)
	token := w.authority.Token(m2mtest.TokenSpec{Scopes: []string{"orders:read"}, Claims: map[string]any{"cnf": map[string]any{"jkt": key.Thumbprint()}}})
	bound := func(gateway http.Handler) *httptest.ResponseRecorder {
		proof := key.Sign(t, key.Header(), prooftest.Claims("GET", origin+"/v1/orders", token, time.Now()))
		return call(gateway, "GET /v1/orders", "Authorization", "DPoP "+token, "DPoP", proof)
	}
	if got := bound(w.guarded(t)); got.Code != 200 {
		t.Errorf("GET /v1/orders in process = %s, want 200", shown(got))
	}
	passProofs := runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { return name, name == "Dpop" })
	got := bound(w.relayed(t, passProofs))
	challenges := strings.Join(got.Header()["Www-Authenticate"], "|")
	if want := `Bearer realm="api"` + resource + `|DPoP realm="api", error="invalid_dpop_proof", algs="`; got.Code != 401 ||
		reason != verifier.ProofMismatch || !strings.HasPrefix(challenges, want) || !strings.HasSuffix(challenges, resource) {
		t.Errorf("GET /v1/orders = %s for the Reason %q, want 401 %q for %q", shown(got), reason, want, verifier.ProofMismatch)
	}
}
