package stytch_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestTokenSourceRequest checks the token request: its URL, and credentials and scopes
// in its form.
func TestTokenSourceRequest(t *testing.T) {
	const live = "project-live-22222222-2222-4222-8222-222222222222"
	for _, tt := range []struct {
		name, project string
		opts          stytch.TokenSourceOptions
		url, form     string
	}{
		{
			"a test project", stytchtest.Project, stytch.TokenSourceOptions{},
			"https://test.stytch.com/v1/public/" + stytchtest.Project + "/oauth2/token",
			"client_id=worker&client_secret=s%2F%2B&grant_type=client_credentials",
		},
		{
			"a live project", live, stytch.TokenSourceOptions{Scopes: []string{"read:users", "write:users"}},
			"https://api.stytch.com/v1/public/" + live + "/oauth2/token",
			"client_id=worker&client_secret=s%2F%2B&grant_type=client_credentials&scope=read%3Ausers+write%3Ausers",
		},
		{
			"TokenURL", live, stytch.TokenSourceOptions{TokenURL: "https://login.example.com/oauth2/token"},
			"https://login.example.com/oauth2/token",
			"client_id=worker&client_secret=s%2F%2B&grant_type=client_credentials",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var url, form string
			tt.opts.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				url, form = r.Method+" "+r.URL.String(), string(body)
				if got := r.Header["Authorization"]; got != nil {
					t.Errorf("Authorization = %q, want none", got)
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(
					`{"access_token":"a.b.c","token_type":"bearer","expires_in":3600}`))}, err
			})
			source, err := stytch.TokenSource(t.Context(), tt.project, stytch.StaticCredentials("worker", stytch.NewSecret("s/+")), &tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			if token, err := source.Token(); err != nil || token.AccessToken != "a.b.c" {
				t.Errorf("Token() = %v, %v, want a.b.c", token, err)
			}
			if url != "POST "+tt.url || form != tt.form {
				t.Errorf("the request is %s with %s, want POST %s with %s", url, form, tt.url, tt.form)
			}
		})
	}
}

// TestTokenSourceRefused checks that the source's RoundTripper replaces a token that a
// service refuses, and repeats the request.
func TestTokenSourceRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		unsafe bool
		method string
		want   int // the status
	}{
		{"GET", false, "GET", 200},
		{"POST", false, "POST", 401},
		{"POST with RepeatUnsafe", true, "POST", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, stytch.TokenSourceOptions{RepeatUnsafe: tt.unsafe}, func(t *testing.T, w *sourceWorld) {
				revoked := w.token(t).AccessToken
				api := &stytchtest.Transport{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") == "Bearer "+revoked {
						rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
						rw.WriteHeader(401)
					}
				})}
				transport, err := w.source.RoundTripper(api, "https://api.example.com")
				if err != nil {
					t.Fatal(err)
				}
				req, err := http.NewRequestWithContext(t.Context(), tt.method, "https://api.example.com/", nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := transport.RoundTrip(req)
				if err != nil || res.StatusCode != tt.want {
					t.Fatalf("RoundTrip = %v, %v, want status %d", res, err, tt.want)
				}
				pass(time.Second)
				w.wantFetches(t, 2)
				if w.token(t).AccessToken == revoked {
					t.Error("Token() = the refused token, want its replacement")
				}
			})
		})
	}
}

// TestTokenSourceMaxAge checks that MaxAge replaces tokens that are valid for longer.
func TestTokenSourceMaxAge(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{MaxAge: 5 * time.Minute, RefreshAhead: 2 * time.Minute}, func(t *testing.T, w *sourceWorld) {
		first := w.token(t).AccessToken
		pass(2*time.Minute + 58*time.Second)
		w.wantFetches(t, 1)
		pass(15 * time.Second)
		synctest.Wait()
		w.wantFetches(t, 2)
		if w.token(t).AccessToken == first {
			t.Error("Token() = the first token, want its replacement")
		}
	})
}
