package authorities_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/m2mauth/m2mauth/conformance/authorities"
)

// secretClient returns a registered client with a secret.
func secretClient(t *testing.T, a authority) credential {
	t.Helper()
	c := credential{clientID: "caller", method: "client_secret_basic", secret: strings.Repeat("s3cret-", 6)}
	a.register(t, c)
	return c
}

// TestForeignChallenges prints how the foreign resource servers refuse, and shows
// that they do so for the reasons that TestRoundTripper relies on.
func TestForeignChallenges(t *testing.T) {
	a, _ := oidcProvider(t)
	c := secretClient(t, a)
	token := func(resource string) string {
		got, err := fetchControl(t.Context(), t, a, c, resource)
		if err != nil {
			t.Fatal(err)
		}
		return got.AccessToken
	}
	server := authorities.StartResourceServer(t, a.issuer, authorities.ResourceES256, a.ca)
	good, denied, elsewhere := token(authorities.ResourceES256), token(authorities.ResourceES256), token(authorities.ResourceRS256)
	server.Deny(denied)

	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, test := range []struct {
		name, path, token string
		status            int
		challenge         string // a part of it
	}{
		{"good", "/jwt/users", good, 200, ""},
		{"none", "/jwt/users", "", 401, `Bearer realm="api"`},
		{"junk", "/jwt/users", "junk", 401, `error="invalid_token"`},
		{"denied", "/jwt/users", denied, 401, `error="invalid_token"`},
		{"for another resource", "/jwt/users", elsewhere, 401, `error="invalid_token"`},
		{"without the scope", "/jwt/admin", good, 403, `error="insufficient_scope"`},
		{"good", "/passport/users", good, 200, ""},
		{"none", "/passport/users", "", 401, `Bearer realm="machines"`},
		{"denied", "/passport/users", denied, 401, `error="invalid_token"`},
		{"any", "/passport-jwt/users", good, 401, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.token != "" {
			req.Header.Set("Authorization", "Bearer "+test.token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		challenge := strings.Join(res.Header.Values("WWW-Authenticate"), " | ")
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", test.path, test.name, res.StatusCode, challenge)
		if res.StatusCode != test.status || !strings.Contains(challenge, test.challenge) {
			t.Errorf("GET %s (%s) = %d, %s, want %d with %s", test.path, test.name, res.StatusCode, challenge, test.status, test.challenge)
		}
	}
	table.Flush()
	t.Logf("challenges\n%s", &out)
}
