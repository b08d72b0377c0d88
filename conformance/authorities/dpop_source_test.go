package authorities_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/dpop"
)

// TestDPoPTokenSource gets bound tokens from npm's oidc-provider, and calls the
// resource servers of npm's oauth4webapi and express-oauth2-jwt-bearer, and ours.
func TestDPoPTokenSource(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	c.proof = newECKey(t) // registers the client for bound tokens
	a.register(t, c)
	express := authorities.StartResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)
	server := authorities.StartDPoPResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)
	own := newGuarded(t, a)
	for _, test := range []struct {
		name, algorithm string
		tokenNonce      bool
		nonce           string // that oauth4webapi's server wants
		want            []int  // that it answers to two requests
	}{
		{"no nonce", "ES256", false, "", []int{200, 200}},
		{"the authority wants a nonce", "ES256", true, "", []int{200, 200}},
		{"the server wants a nonce", "ES256", false, "n-1", []int{401, 200, 200}},
		{"both do, and the key is Ed25519", "EdDSA", true, "n-2", []int{401, 200, 200}},
		{"both do, and the key is RSA", "RS256", true, "n-3", []int{401, 200, 200}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.RequireNonce(test.tokenNonce)
			server.RequireNonce(test.nonce)
			server.Seen()
			signer, err := dpop.NewSigner(keyFor(t, test.algorithm), "")
			if err != nil {
				t.Fatal(err)
			}
			conf := configOf(t, a, c, authorities.ResourceES256, true)
			conf.DPoP = signer
			rt, err := newSource(t, conf).RoundTripper(nil, express.URL, server.URL, own.URL)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: rt}
			get := func(url string) {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("GET %s = %s, %q, want 200", url, res.Status, res.Header.Values("WWW-Authenticate"))
				}
			}
			get(express.URL + "/jwt/users?page=1")
			get(own.URL + "/a%2Fb?q=1")
			get(server.URL + "/users?page=2")
			get(server.URL + "/a%2Fb/%C3%A9")
			var got []int
			for _, seen := range server.Seen() {
				got = append(got, seen.Status)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("oauth4webapi's server answered %v, want %v", got, test.want)
			}

			// After the key was rotated, calls go on with the old one until the
			// token for the new one is there.
			_, sent := own.seen()
			before := sent.Get("Authorization")
			if err := signer.Rotate(nil, ""); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(30 * time.Second); sent.Get("Authorization") == before; _, sent = own.seen() {
				if time.Now().After(deadline) {
					t.Fatal("no token for the new key in 30 s")
				}
				get(own.URL + "/")
			}
			get(server.URL + "/users")
		})
	}
}
