package stytch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestTokenSourceAnswers(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"no expiry", `{"access_token":"a.b.c","token_type":"bearer"}`, "expires_in"},
		{"a negative expiry", `{"access_token":"a.b.c","token_type":"bearer","expires_in":-1}`, "expires_in"},
		{"another type", `{"access_token":"a.b.c","token_type":"DPoP","expires_in":60}`, "not bearer"},
		{"no token", `{"token_type":"bearer","expires_in":60}`, "missing access_token"},
		{"a proxy's page", `<html>secret page</html>`, "cannot parse json"},
		{"an error with 200", `{"error":"server_error","access_token":"a.b.c"}`, `error "server_error"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, tt.body)
			})}
			inBubble(t, stytch.TokenSourceOptions{Transport: d}, func(t *testing.T, w *sourceWorld) {
				token, err := w.source.Token()
				if token != nil || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "a.b.c") {
					t.Errorf("%v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestTokenSourceCredentials(t *testing.T) {
	vault := errors.New("vault is sealed")
	for name, tt := range map[string]struct {
		credentials func(context.Context) (stytch.Credentials, error)
		want        func(error) bool
	}{
		"an error": {
			func(context.Context) (stytch.Credentials, error) { return stytch.Credentials{}, vault },
			func(err error) bool { return errors.Is(err, vault) },
		},
		"nothing": {
			stytch.StaticCredentials("x", stytch.Secret{}),
			func(err error) bool { return strings.Contains(err.Error(), "empty ClientID or ClientSecret") },
		},
		"a panic": {
			func(context.Context) (stytch.Credentials, error) { panic("hush") },
			func(err error) bool {
				return strings.Contains(err.Error(), "panicked") && !strings.Contains(err.Error(), "hush")
			},
		},
		"too slow": {
			func(ctx context.Context) (stytch.Credentials, error) {
				<-ctx.Done()
				return stytch.Credentials{}, ctx.Err()
			},
			func(err error) bool { return errors.Is(err, context.DeadlineExceeded) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				source, err := stytch.TokenSource(ctx, stytchtest.Project, tt.credentials, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := source.Token(); err == nil || !tt.want(err) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestTokenSourceMistakes(t *testing.T) {
	good := stytch.StaticCredentials("x", stytch.NewSecret("y"))
	source, err := stytch.TokenSource(t.Context(), "x", nil, &stytch.TokenSourceOptions{
		TokenURL: "http://example.com/token", Scopes: []string{"a b"}, Timeout: -1, RefreshAhead: -1, MaxAge: -1,
	})
	for _, want := range []string{"no project ID", "credentials is nil", "TokenURL", "Scopes", "Timeout", "RefreshAhead", "MaxAge"} {
		if source != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	// The preset's own mistakes alone, with its default TokenURL.
	source, err = stytch.TokenSource(context.Background(), "secret-test-hush", nil, nil)
	for _, want := range []string{"no project ID", "credentials is nil"} {
		if source != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("TokenSource(a secret, nil) = %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stytch.TokenSource(ctx, stytchtest.Project, good, nil); err != nil {
		t.Error(err)
	}
}
