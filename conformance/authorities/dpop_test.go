package authorities_test

import (
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
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
