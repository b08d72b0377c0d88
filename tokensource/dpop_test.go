package tokensource_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// bound is an authority that binds tokens, a service that takes no others, and a
// client.
type bound struct {
	authority *m2mtest.Authority
	service   *httptest.Server
	signer    *dpop.Signer
	source    *tokensource.Source
	client    *http.Client
	verifier  *verifier.Verifier

	mu      sync.Mutex
	wrap    func(w http.ResponseWriter, r *http.Request, next http.Handler) // before the service, if set
	reasons []verifier.Reason
}

func newBound(t *testing.T) *bound {
	t.Helper()
	b := &bound{}
	checker := func() *dpop.Checker {
		c, err := dpop.NewChecker(dpop.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.authority = m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256"), DPoP: checker()})
	t.Cleanup(b.authority.Close)
	issuer := b.authority.Issuer()
	issuer.RequireBound = true
	var err error
	b.verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker(),
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			b.mu.Lock()
			b.reasons = append(b.reasons, d.Reason)
			b.mu.Unlock()
		}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.verifier.Close() })
	b.service = httptest.NewUnstartedServer(nil)
	guard, err := httpmw.New(b.verifier, &httpmw.Options{Origin: "http://" + b.service.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	guarded := guard.Require(scopes.Authenticated())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(append([]byte(r.Method+" "+r.URL.RequestURI()+" "), body...))
	}))
	b.service.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		wrap := b.wrap
		b.mu.Unlock()
		if wrap != nil {
			wrap(w, r, guarded)
			return
		}
		guarded.ServeHTTP(w, r)
	})
	b.service.Start()
	t.Cleanup(b.service.Close)
	if b.signer, err = dpop.NewSigner(nil, ""); err != nil {
		t.Fatal(err)
	}
	id, secret := b.authority.CreateClient("worker")
	b.source, err = tokensource.New(tokensource.Config{
		TokenURL: b.authority.TokenURL(), Credentials: tokensource.Secret(id, secret), DPoP: b.signer,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.source.Close() })
	rt, err := b.source.RoundTripper(nil, b.service.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.client = &http.Client{Transport: rt}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return b
}

// send makes a request and returns the status and the body.
func (b *bound) send(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.service.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func (b *bound) before(wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	b.mu.Lock()
	b.wrap = wrap
	b.mu.Unlock()
}

// TestBound calls a service with bound tokens: each request has a proof of its own.
func TestBound(t *testing.T) {
	b := newBound(t)
	for _, tt := range []struct{ method, path string }{
		{"GET", "/orders"}, {"GET", "/orders"}, {"DELETE", "/a%2Fb?q=1"}, {"PUT", "/"}, {"GET", ""}, {"POST", "/orders/%7E"},
	} {
		status, body := b.send(t, tt.method, tt.path, "x")
		if status != 200 {
			t.Errorf("%s %q = %d %s, want 200; reasons %q", tt.method, tt.path, status, body, b.reasons)
		}
	}
	if _, err := b.source.Token(); err == nil || !strings.Contains(err.Error(), "proof") {
		t.Errorf("Token() = %v, want an error: oauth2.NewClient would send no proof", err)
	}
}

// TestBoundStolen: a token without the key is worth nothing, and neither is a proof
// that was used.
func TestBoundStolen(t *testing.T) {
	b := newBound(t)
	var authorization, proof string
	b.before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		authorization, proof = r.Header.Get("Authorization"), r.Header.Get("DPoP")
		next.ServeHTTP(w, r)
	})
	if status, body := b.send(t, "GET", "/orders", ""); status != 200 {
		t.Fatalf("GET /orders = %d %s, want 200", status, body)
	}
	token := strings.TrimPrefix(authorization, "DPoP ")
	for _, tt := range []struct {
		name, authorization, proof string
		want                       verifier.Reason
	}{
		{"as Bearer", "Bearer " + token, "", verifier.Bound},
		{"without a proof", authorization, "", verifier.ProofMissing},
		{"with the proof that was used", authorization, proof, verifier.ProofReplayed},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", b.service.URL+"/orders", nil)
		r.Header.Set("Authorization", tt.authorization)
		if tt.proof != "" {
			r.Header.Set("DPoP", tt.proof)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := b.reasons[len(b.reasons)-1]; res.StatusCode != 401 || got != tt.want {
			t.Errorf("a thief %s = %d, %s, want 401, %s", tt.name, res.StatusCode, got, tt.want)
		}
	}
}

// TestBoundNonce: a service that wants a nonce gets it in one repeat, and from then
// on at once (RFC 9449 §9).
func TestBoundNonce(t *testing.T) {
	b := newBound(t)
	requests := 0
	b.before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		requests++
		w.Header().Set("DPoP-Nonce", "n-1")
		if claimOf(t, r.Header.Get("DPoP"), "nonce") != "n-1" {
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"`)
			w.WriteHeader(401)
			return
		}
		next.ServeHTTP(w, r)
	})
	for _, want := range []int{2, 3} {
		if status, body := b.send(t, "PUT", "/orders", "payload"); status != 200 || !strings.HasSuffix(body, "payload") || requests != want {
			t.Errorf("PUT = %d %s after %d requests, want 200, the payload, %d", status, body, requests, want)
		}
	}
}

// TestBoundProofRefused: one repeat with a new proof, and not another one.
func TestBoundProofRefused(t *testing.T) {
	b := newBound(t)
	refusals, requests := 1, 0
	b.before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		requests++
		if refusals > 0 {
			refusals--
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_dpop_proof", algs="ES256"`)
			w.WriteHeader(401)
			return
		}
		next.ServeHTTP(w, r)
	})
	if status, _ := b.send(t, "GET", "/", ""); status != 200 || requests != 2 {
		t.Errorf("GET, one proof refused = %d after %d requests, want 200 after 2", status, requests)
	}
	refusals, requests = 10, 0
	if status, _ := b.send(t, "GET", "/", ""); status != 401 || requests != 2 {
		t.Errorf("GET, each proof refused = %d after %d requests, want 401 after 2", status, requests)
	}
	refusals, requests = 1, 0
	if status, _ := b.send(t, "POST", "/", "x"); status != 401 || requests != 1 {
		t.Errorf("POST, one proof refused = %d after %d requests, want 401 after 1: it is not idempotent", status, requests)
	}
}

// TestBoundTokenRefused: a token that a service refuses is replaced, by a challenge
// of the scheme DPoP.
func TestBoundTokenRefused(t *testing.T) {
	b := newBound(t)
	if status, _ := b.send(t, "GET", "/", ""); status != 200 {
		t.Fatalf("GET = %d, want 200", status)
	}
	first, requests := "", 0
	b.before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		requests++
		if first == "" {
			first = r.Header.Get("Authorization")
		}
		if r.Header.Get("Authorization") == first {
			w.Header().Add("WWW-Authenticate", `Bearer realm="api"`)
			w.Header().Add("WWW-Authenticate", `DPoP realm="api", error="invalid_token", algs="ES256"`)
			w.WriteHeader(401)
			return
		}
		next.ServeHTTP(w, r)
	})
	if status, _ := b.send(t, "GET", "/", ""); status != 200 || requests != 2 {
		t.Errorf("GET, the token refused = %d after %d requests, want 200 after 2", status, requests)
	}
}

// TestBoundRotate: after the key was rotated, the next token is bound to the new one,
// and no call fails meanwhile.
func TestBoundRotate(t *testing.T) {
	b := newBound(t)
	var keys []string
	b.before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		header, _, _ := strings.Cut(r.Header.Get("DPoP"), ".")
		if len(keys) == 0 || keys[len(keys)-1] != header {
			keys = append(keys, header)
		}
		next.ServeHTTP(w, r)
	})
	call := func() {
		t.Helper()
		if status, body := b.send(t, "GET", "/", ""); status != 200 {
			t.Errorf("GET = %d %s, want 200", status, body)
		}
	}
	call()
	if err := b.signer.Rotate(nil, ""); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(keys) < 2 && time.Now().Before(deadline); {
		call()
	}
	if len(keys) != 2 {
		t.Errorf("calls used %d keys, want 2", len(keys))
	}
}

// TestBoundTokenNonce: an authority that wants a nonce gets it in one repeat (RFC
// 9449 §8).
func TestBoundTokenNonce(t *testing.T) {
	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var proofs []string
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proof := r.Header.Get("DPoP")
		proofs = append(proofs, proof)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("DPoP-Nonce", "n-7")
		if claimOf(t, proof, "nonce") != "n-7" {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"use_dpop_nonce"}`)
			return
		}
		io.WriteString(w, `{"access_token":"t","token_type":"dpop","expires_in":60}`)
	}))
	defer authority.Close()
	s, err := tokensource.New(tokensource.Config{TokenURL: authority.URL + "/token?x=1", Credentials: tokensource.Secret("id", "secret"), DPoP: signer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, _ := http.NewRequest("GET", "https://api.example.com/x", nil)
	credential, err := s.Credential(t.Context(), "GET", r.URL)
	if err != nil || credential.Authorization != "DPoP t" || claimOf(t, credential.Proof, "htu") != "https://api.example.com/x" || len(proofs) != 2 {
		t.Errorf("Credential() = %v, %v after %d requests, want a proof for the URL after 2", credential.Authorization, err, len(proofs))
	}
	if htu := claimOf(t, proofs[0], "htu"); htu != authority.URL+"/token" {
		t.Errorf("htu of the token request = %v, want the URL without its query", htu)
	}
}

// TestBoundWrongType: an authority that ignores the proof has issued a bearer token,
// which must not be taken for a bound one.
func TestBoundWrongType(t *testing.T) {
	signer, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":60}`)
	}))
	defer authority.Close()
	s, err := tokensource.New(tokensource.Config{TokenURL: authority.URL, Credentials: tokensource.Secret("id", "secret"), DPoP: signer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, _ := http.NewRequest("GET", "https://api.example.com/", nil)
	if _, err := s.Credential(t.Context(), "GET", r.URL); err == nil || !strings.Contains(err.Error(), "type is not DPoP") {
		t.Errorf("Credential() = %v, want an error about the token's type", err)
	}
}

// claimOf reads a claim of a proof without verifying it.
func claimOf(t *testing.T, proof, name string) any {
	t.Helper()
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	claims := map[string]any{}
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Error(err)
	}
	return claims[name]
}

// TestCredentialPrints neither the token nor the proof, by no way.
func TestCredentialPrints(t *testing.T) {
	c := tokensource.Credential{Authorization: "DPoP hush-kR8z42", Proof: "hush-kR8z43", AccessToken: "hush-kR8z42", Origin: "https://api.example.com"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "c", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "c", c)
	doc, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %s %q %x %v", c, c, c, c, c, c, &c) + log.String() + string(doc)
	if strings.Contains(text, "hush") || !strings.Contains(text, "https://api.example.com") {
		t.Errorf("a Credential prints %s, want its origin alone", text)
	}
}
