package authorities_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// guarded is a service of ours that takes bound tokens of an authority alone.
type guarded struct {
	*httptest.Server

	mu     sync.Mutex
	reason verifier.Reason // of the last refusal
	last   http.Header     // of the last request
}

func newGuarded(t *testing.T, a authority) *guarded {
	t.Helper()
	issuer, _, err := discovery.Issuer(t.Context(), a.issuer, &discovery.Options{
		Audiences: []string{authorities.ResourceES256}, RootCAs: a.ca.Pool(), AllowPrivate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer.RequireBound = true
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker,
		Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.reason = d.Reason
		}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Server = httptest.NewUnstartedServer(nil)
	guard, err := httpmw.New(v, &httpmw.Options{Origin: "http://" + g.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	next := guard.Require(scopes.All("read:users"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.last = r.Header.Clone()
		g.mu.Unlock()
		next.ServeHTTP(w, r)
	})
	g.Start()
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) seen() (verifier.Reason, http.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason, g.last
}

// TestDPoPOpenIDClient calls a service of ours by npm's openid-client, with tokens
// that npm's oidc-provider binds to its key.
func TestDPoPOpenIDClient(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	c.proof = newECKey(t) // registers the client for bound tokens
	a.register(t, c)
	service := newGuarded(t, a)
	client := authorities.StartDPoPClient(t, a.issuer, c.clientID, c.secret, authorities.ResourceES256, a.ca)
	for _, algorithm := range []string{"ES256", "Ed25519", "RS256"} {
		for _, nonce := range []bool{false, true} {
			p.RequireNonce(nonce)
			client.Rotate(algorithm)
			if _, kind := client.Token(); kind != "dpop" {
				t.Errorf("%s, RequireNonce(%t): token_type = %q, want dpop", algorithm, nonce, kind)
			}
			for _, path := range []string{"/users", "/users", "/a%2Fb?q=1", "/%7Eme/%C3%A9", "/"} {
				if status, challenges := client.Call("GET", service.URL+path); status != 200 {
					reason, _ := service.seen()
					t.Errorf("%s: GET %s = %d, %s, %v, want 200", algorithm, path, status, reason, challenges)
				}
			}
		}
	}

	// A proof that was used, and a token without a proof.
	_, sent := service.seen()
	for _, test := range []struct {
		name string
		edit func(http.Header)
		want verifier.Reason
	}{
		{"with the proof that was used", func(http.Header) {}, verifier.ProofReplayed},
		{"without a proof", func(h http.Header) { h.Del("DPoP") }, verifier.ProofMissing},
		{"as Bearer", func(h http.Header) {
			h.Set("Authorization", "Bearer"+h.Get("Authorization")[len("DPoP"):])
			h.Del("DPoP")
		}, verifier.Bound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", service.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = sent.Clone()
		test.edit(req.Header)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if reason, _ := service.seen(); res.StatusCode != 401 || reason != test.want {
			t.Errorf("GET %s = %d, %s, want 401, %s", test.name, res.StatusCode, reason, test.want)
		}
	}

	// With another key than the token's, the client understands both challenges.
	client.Rotate("ES256")
	status, challenges := client.Call("GET", service.URL+"/users")
	reason, _ := service.seen()
	if status != 401 || reason != verifier.ProofMismatch || len(challenges) != 2 {
		t.Errorf("GET with another key = %d, %s, challenges %v, want 401, %s and two", status, reason, challenges, verifier.ProofMismatch)
	}
	found := ""
	for _, c := range challenges {
		if c.Scheme == "dpop" {
			found = c.Parameters["error"]
		}
	}
	if found != "invalid_dpop_proof" {
		t.Errorf("GET with another key: challenges %v, want DPoP with invalid_dpop_proof", challenges)
	}
}
