package stytch_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestTokenSourceRotation(t *testing.T) {
	api := func(w *sourceWorld) *stytch.Client {
		c, err := stytch.New(w.ProjectID(), stytch.NewSecret(w.Secret()), &stytch.Options{
			BaseURL: "http://localhost", Transport: &stytchtest.Transport{Handler: w.Authority},
		})
		if err != nil {
			panic(err)
		}
		return c
	}
	t.Run("picked up at the next fetch", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			first := w.token(t)
			_, next, err := api(w).StartRotation(t.Context(), w.id)
			if err != nil {
				t.Fatal(err)
			}
			w.setSecret(next.Reveal())
			if _, err := api(w).CompleteRotation(t.Context(), w.id); err != nil {
				t.Fatal(err)
			}
			pass(50 * time.Minute)
			w.wantFetches(t, 2)
			if w.token(t).AccessToken == first.AccessToken {
				t.Error("not replaced")
			}
		})
	})
	t.Run("completed between asking and sending", func(t *testing.T) {
		var w0 *sourceWorld
		once := false
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			if !once {
				once = true
				_, next, err := api(w0).StartRotation(r.Context(), w0.id)
				if err != nil {
					return nil, err
				}
				if _, err := api(w0).CompleteRotation(r.Context(), w0.id); err != nil {
					return nil, err
				}
				w0.setSecret(next.Reveal())
			}
			return w0.RoundTrip(r)
		})
		inBubble(t, stytch.TokenSourceOptions{Transport: transport}, func(t *testing.T, w *sourceWorld) {
			w0 = w
			w.token(t)
			w.wantFetches(t, 2)
			if w.asked != 2 {
				t.Errorf("credentials were asked for %d times, want 2", w.asked)
			}
		})
	})
	t.Run("a wrong secret is sent once", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			w.setSecret("wrong-secret")
			_, err := w.source.Token()
			if e, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || e.ErrorCode != "invalid_client" {
				t.Errorf("%v", err)
			}
			if strings.Contains(err.Error(), "wrong-secret") || !strings.Contains(err.Error(), `401, error "invalid_client"`) {
				t.Errorf("%v", err)
			}
			w.wantFetches(t, 1)
		})
	})
	t.Run("an old token serves while the secret is wrong", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			first := w.token(t)
			good := w.secret.Reveal()
			w.setSecret("wrong-secret")
			pass(58 * time.Minute)
			if w.token(t).AccessToken != first.AccessToken {
				t.Error("another token")
			}
			w.setSecret(good)
			pass(90 * time.Second)
			if w.token(t).AccessToken == first.AccessToken {
				t.Error("not replaced")
			}
		})
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
