package authorities_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/tokensource/grpctoken"
	"github.com/m2mauth/m2mauth/verifier"
)

// opaqueService is a service of ours over HTTP and gRPC, which asks an authority about
// opaque tokens. It takes those that are bound to a key, and others.
type opaqueService struct {
	verifier *verifier.Verifier
	url      string // over HTTP
	rpc      string // the address over gRPC

	mu     sync.Mutex
	reason verifier.Reason // of the last decision
	proofs []string        // that have arrived
}

func newOpaqueService(t *testing.T, a authority) *opaqueService {
	t.Helper()
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: a.issuer, Endpoint: a.introspectionURL, Audiences: []string{authorities.ResourceOpaque},
		Credentials: credentialsOf(t, a, resourceClient), Transport: a.ca.Transport(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &opaqueService{}
	s.verifier, err = verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{issuer}, DPoP: checker, Observe: []func(context.Context, verifier.Decision){s.observe},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.verifier.Close() })
	s.serveHTTP(t)
	s.serveGRPC(t)
	return s
}

func (s *opaqueService) serveHTTP(t *testing.T) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s.url = "http://" + server.Listener.Addr().String()
	guard, err := httpmw.New(s.verifier, &httpmw.Options{Origin: s.url})
	if err != nil {
		t.Fatal(err)
	}
	guarded := guard.Require(scopes.All("read:users"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.arrive(r.Header.Values("DPoP"))
		guarded.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
}

func (s *opaqueService) serveGRPC(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.rpc = listener.Addr().String()
	guard, err := grpcmw.New(s.verifier, grpcmw.Policy{"/grpc.health.v1.Health/*": scopes.All("read:users")},
		&grpcmw.Options{Origin: "https://" + s.rpc})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(local.NewCredentials()))...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)
	t.Cleanup(server.Stop)
}

func (s *opaqueService) observe(_ context.Context, d verifier.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = d.Reason
}

func (s *opaqueService) arrive(proofs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proofs = append(s.proofs, proofs...)
}

// last returns the Reason of the last decision, "" if it allowed the call, and the
// proof that came last over HTTP.
func (s *opaqueService) last() (reason verifier.Reason, proof string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.proofs) > 0 {
		proof = s.proofs[len(s.proofs)-1]
	}
	return s.reason, proof
}

// dial connects over gRPC.
func (s *opaqueService) dial(t *testing.T, options ...grpc.DialOption) healthpb.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient(s.rpc, append(options, grpc.WithTransportCredentials(local.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return healthpb.NewHealthClient(conn)
}

// callAs calls the service over HTTP and over gRPC, unary and as a stream, by the
// tokens of source.
func (s *opaqueService) callAs(t *testing.T, source *tokensource.Source) {
	t.Helper()
	rt, err := source.RoundTripper(nil, s.url)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: rt}).Get(s.url + "/users?page=1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if reason, _ := s.last(); res.StatusCode != http.StatusOK {
		t.Errorf("GET by the owner = %d %s, want 200", res.StatusCode, reason)
	}
	options, err := grpctoken.DialOptions(source, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.dial(t, options...)
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("Check() by the owner = %v, want nil", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Errorf("Watch() by the owner = %v, want a message", err)
	}
}

// refuses calls the service over HTTP and over gRPC as a thief, with proofs of a key
// unless it is nil.
func (s *opaqueService) refuses(t *testing.T, what, authorization string, want verifier.Reason, key *proving) {
	t.Helper()
	md := metadata.Pairs("authorization", authorization)
	proof := ""
	if key != nil {
		proof = key.proof("GET", s.url+"/users", "")
		md.Set("dpop", key.proof("POST", "https://"+s.rpc+"/grpc.health.v1.Health/Check", ""))
	}
	if status, reason := s.get(t, authorization, proof); status != http.StatusUnauthorized || reason != want {
		t.Errorf("GET with %s = %d %s, want 401 %s", what, status, reason, want)
	}
	_, err := s.dial(t).Check(metadata.NewOutgoingContext(t.Context(), md), &healthpb.HealthCheckRequest{})
	if reason, _ := s.last(); status.Code(err) != codes.Unauthenticated || reason != want {
		t.Errorf("Check() with %s = %v %s, want Unauthenticated %s", what, err, reason, want)
	}
}

// get calls the service over HTTP, with a proof unless it is "".
func (s *opaqueService) get(t *testing.T, authorization, proof string) (status int, reason verifier.Reason) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	if proof != "" {
		req.Header.Set("DPoP", proof)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	reason, _ = s.last()
	return res.StatusCode, reason
}

// TestOpaqueBoundTokens: npm's oidc-provider binds opaque tokens to the key of a client
// of ours, and reports the binding. The owner calls over HTTP and gRPC; a thief of the
// token, and of a proof, is refused.
func TestOpaqueBoundTokens(t *testing.T) {
	a, p := oidcProvider(t)
	for _, nonce := range []bool{false, true} { // of the token endpoint
		p.RequireNonce(nonce)
		s := newOpaqueService(t, a)
		signer, err := dpop.NewSigner(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		conf := configOf(t, a, secretClient(t, a), authorities.ResourceOpaque, true)
		conf.DPoP = signer
		source := newSource(t, conf)
		s.callAs(t, source)
		s.callAs(t, source) // the token is remembered
		if n := s.verifier.Status()[0].Fetches; n != 1 {
			t.Errorf("questions about the owner's token = %d, want 1", n)
		}
		sent, err := source.Credential(t.Context(), "GET", &url.URL{Scheme: "https", Host: "api.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		answer := a.introspect(t.Context(), t, sent.AccessToken)
		if answer.TokenType != "DPoP" || len(answer.Cnf) != 1 || answer.Cnf["jkt"] != signer.Key().Thumbprint() {
			t.Errorf("the authority's answer = %+v, want token_type DPoP and cnf with the key alone", answer)
		}
		_, stolen := s.last()
		s.stolen(t, sent.AccessToken, stolen)

		unbound, err := fetchControl(t.Context(), t, a, secretClient(t, a), authorities.ResourceOpaque)
		if err != nil {
			t.Fatal(err)
		}
		own := &proving{t: t, c: credential{proof: newECKey(t)}, token: unbound.AccessToken}
		s.refuses(t, "an unbound token as DPoP", "DPoP "+unbound.AccessToken, verifier.Unbound, own)
	}
}

// stolen calls with the token of another client, the last proof of its owner, and a key
// of its own.
func (s *opaqueService) stolen(t *testing.T, token, proof string) {
	t.Helper()
	own := &proving{t: t, c: credential{proof: newECKey(t)}, token: token}
	s.refuses(t, "a bound token as Bearer", "Bearer "+token, verifier.Bound, nil)
	s.refuses(t, "a bound token as Bearer beside a proof", "Bearer "+token, verifier.Bound, own)
	s.refuses(t, "no proof", "DPoP "+token, verifier.ProofMissing, nil)
	s.refuses(t, "a proof by the thief's key", "DPoP "+token, verifier.ProofMismatch, own)
	if status, reason := s.get(t, "DPoP "+token, proof); status != http.StatusUnauthorized || reason != verifier.ProofReplayed {
		t.Errorf("GET with the owner's proof = %d %s, want 401 %s", status, reason, verifier.ProofReplayed)
	}
}

// TestForeignOpaqueDPoP: npm's openid-client calls a service of ours with an opaque
// token that is bound to its key.
func TestForeignOpaqueDPoP(t *testing.T) {
	a, _ := oidcProvider(t)
	c := secretClient(t, a)
	c.proof = newECKey(t) // registers the client for bound tokens
	a.register(t, c)
	s := newOpaqueService(t, a)
	client := authorities.StartDPoPClient(t, a.issuer, c.clientID, c.secret, authorities.ResourceOpaque, a.ca)
	if token, kind := client.Token(); strings.Contains(token, ".") || kind != "dpop" {
		t.Fatalf("Token() = one of %d dots and type %q, want an opaque one of type dpop", strings.Count(token, "."), kind)
	}
	for range 2 {
		if status, challenges := client.Call("GET", s.url+"/users?page=1"); status != http.StatusOK {
			t.Errorf("openid-client's call = %d %v, want 200", status, challenges)
		}
	}
	client.Rotate("ES256")
	status, _ := client.Call("GET", s.url+"/users")
	if reason, _ := s.last(); status != http.StatusUnauthorized || reason != verifier.ProofMismatch {
		t.Errorf("openid-client's call with another key = %d %s, want 401 %s", status, reason, verifier.ProofMismatch)
	}
}
