package stytch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/oauth2"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestTokenSourceClients uses one source with x/oauth2's client and gRPC's per-RPC
// credentials, over real sockets.
func TestTokenSourceClients(t *testing.T) {
	a := stytchtest.NewAuthority(t, m2mtest.Options{})
	id, secret := a.CreateClient("worker", "read:users")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	source, err := stytch.TokenSource(ctx, a.ProjectID(), stytch.StaticCredentials(id, stytch.NewSecret(secret)),
		&stytch.TokenSourceOptions{TokenURL: a.TokenURL()})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Header.Get("Authorization")]++
	}))
	defer api.Close()

	var wg sync.WaitGroup
	for range 4 {
		client := oauth2.NewClient(context.WithValue(ctx, oauth2.HTTPClient, api.Client()), source)
		wg.Go(func() {
			for range 10 {
				res, err := client.Get(api.URL)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
			}
		})
	}
	perRPC := oauth.TokenSource{TokenSource: source}
	overTLS := credentials.NewContextWithRequestInfo(ctx, credentials.RequestInfo{
		AuthInfo: secure{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}},
	})
	wg.Go(func() {
		md, err := perRPC.GetRequestMetadata(overTLS)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[md["authorization"]]++
	})
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("%d different tokens, want one", len(seen))
	}
	for _, n := range seen {
		if n != 41 {
			t.Errorf("%d calls, want 41", n)
		}
	}
}

type secure struct{ credentials.CommonAuthInfo }

func (secure) AuthType() string { return "test" }
