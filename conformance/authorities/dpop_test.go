package authorities_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestDPoPControl shows that the servers take proofs, by the control alone: the
// authority with and without a nonce (RFC 9449 §8), and the resource server.
func TestDPoPControl(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	c.proof = newECKey(t)
	a.register(t, c)
	server := authorities.StartResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)

	for _, required := range []bool{false, true} {
		p.RequireNonce(required)
		token, err := fetchControl(t.Context(), t, a, c, authorities.ResourceES256)
		if err != nil {
			t.Fatalf("RequireNonce(%t): %v", required, err)
		}
		if got := token.Type(); got != "DPoP" {
			t.Errorf("RequireNonce(%t): token_type = %q, want DPoP", required, got)
		}
		for _, test := range []struct {
			name      string
			transport http.RoundTripper
			want      int
		}{
			{"with a proof", &proving{t: t, c: c, token: token.AccessToken, next: http.DefaultTransport}, 200},
			{"with another key's proof", &proving{t: t, c: credential{proof: newECKey(t)}, token: token.AccessToken, next: http.DefaultTransport}, 401},
			{"without a proof", http.DefaultTransport, 400},
		} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/jwt/users", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "DPoP "+token.AccessToken)
			res, err := test.transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != test.want {
				t.Errorf("GET %s = %s, %s, want %d", test.name, res.Status, res.Header.Get("WWW-Authenticate"), test.want)
			}
		}
	}
}

// boundService is a service of ours that takes tokens of a only with a proof.
func boundService(t *testing.T, a authority) *httptest.Server {
	t.Helper()
	issuer, _, err := discovery.Issuer(t.Context(), a.issuer, &discovery.Options{
		Audiences: []string{authorities.ResourceES256}, RootCAs: a.ca.Pool(), AllowPrivate: true,
		JWKS: verifier.JWKSOptions{FetchTimeout: 30 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer.RequireBound = true
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	guard, err := httpmw.New(v, &httpmw.Options{Origin: "http://" + server.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = guard.Require(scopes.All("read:users"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		io.WriteString(w, client.ID)
	}))
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// TestBoundTokens gets bound tokens from oidc-provider, with and without a nonce, and
// calls npm's resource server and a service of ours with them.
func TestBoundTokens(t *testing.T) {
	a, p := oidcProvider(t)
	theirs := authorities.StartResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)
	ours := boundService(t, a)
	for _, required := range []bool{false, true} {
		p.RequireNonce(required)
		signer, err := dpop.NewSigner(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		c := configOf(t, a, secretClient(t, a), authorities.ResourceES256, true)
		c.DPoP = signer
		source := newSource(t, c)
		rt, err := source.RoundTripper(nil, theirs.URL, ours.URL)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: rt}
		call := func(what, url string) {
			t.Helper()
			for range 2 {
				res, err := client.Get(url)
				if err != nil {
					t.Fatalf("GET %s (%s, nonce %t) = %v", url, what, required, err)
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("GET %s (%s, nonce %t) = %s %v %s, want 200", url, what, required, res.Status, res.Header["Www-Authenticate"], body)
				}
			}
		}
		call("of express-oauth2-jwt-bearer", theirs.URL+"/jwt/users")
		call("of m2mauth", ours.URL+"/users?page=1")
		// With another key, a new token.
		if err := signer.Rotate(nil, ""); err != nil {
			t.Fatal(err)
		}
		call("of m2mauth, the key rotated", ours.URL+"/users")
	}
}

// TestForeignDPoPClient: npm's openid-client gets a token from oidc-provider, and
// calls a service of ours.
func TestForeignDPoPClient(t *testing.T) {
	a, p := oidcProvider(t)
	ours := boundService(t, a)
	c := secretClient(t, a)
	type call struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	for _, required := range []bool{false, true} {
		p.RequireNonce(required)
		got := authorities.RunDPoPClient(t, a.ca, map[string]any{
			"issuer": a.issuer, "id": c.clientID, "secret": c.secret, "resource": authorities.ResourceES256,
			"calls": []call{{"GET", ours.URL + "/users"}, {"DELETE", ours.URL + "/users/a%2Fb?x=1"}, {"GET", ours.URL + "/~u/%7Eu"}, {"GET", ours.URL}},
		})
		if want := []string{"dpop", "200", "200", "200", "200", "401", "401"}; !slices.Equal(got, want) {
			t.Errorf("openid-client (nonce %t) = %q, want %q", required, got, want)
		}
	}
}
