package stytch_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestErrorsDoNotEcho checks that no error holds a secret, even if the response repeats
// it anywhere.
func TestErrorsDoNotEcho(t *testing.T) {
	const secret, imported = "secret-test-" + hush, "imported-" + hush
	for _, tt := range []struct{ name, body string }{
		{"error_type", `{"error_type":"bad_` + secret + `"}`},
		{"request_id", `{"error_type":"bad_request","request_id":"request-` + secret + `"}`},
		{"error_message", `{"error_type":"bad_request","error_message":"not ` + imported + `, not ` + secret + `"}`},
		{"base64", `{"error_message":"` + base64.StdEncoding.EncodeToString([]byte(stytchtest.Project+":"+secret)) + `"}`},
		{"error_url", `{"error_type":"bad_request","error_url":"https://example.com/?` + secret + `"}`},
		{"no JSON", secret},
	} {
		d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, tt.body)
		})}
		c, err := stytch.New(stytchtest.Project, stytch.NewSecret(secret), &stytch.Options{BaseURL: "http://localhost", Transport: d})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.CreateClient(t.Context(), stytch.CreateParams{Secret: stytch.NewSecret(imported)})
		if e, ok := errors.AsType[*stytch.Error](err); !ok || e.Status != 400 {
			t.Errorf("CreateClient(%s) = %v, want an *Error of status 400", tt.name, err)
		}
		for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), marshal(t, err)} {
			wantHidden(t, tt.name, text, false)
			if strings.Contains(text, base64.RawStdEncoding.EncodeToString([]byte(stytchtest.Project + ":" + secret))[:40]) {
				t.Errorf("%s leaks the Basic credentials: %s", tt.name, text)
			}
		}
	}
}

// TestUnansweredDoesNotEcho checks the same for a transport that quotes the request.
func TestUnansweredDoesNotEcho(t *testing.T) {
	const secret = "secret-test-" + hush
	c, err := stytch.New(stytchtest.Project, stytch.NewSecret(secret), &stytch.Options{
		BaseURL: "http://localhost", Retries: -1,
		Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("can't send " + secret) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetClient(t.Context(), "m2m-client-test-1")
	wantHidden(t, "GetClient", fmt.Sprintf("%v %#v", err, err), true)
}

// TestTokenErrorDoesNotEcho checks that the *oauth2.RetrieveError in a token error
// holds neither the response nor the request.
func TestTokenErrorDoesNotEcho(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		code       string // ErrorCode
	}{
		{"a refusal", `{"error":"invalid_client","error_description":"SECRET","error_uri":"https://example.com/?SECRET"}`, 401, "invalid_client"},
		{"in error", `{"error":"no SECRET"}`, 400, ""},
		{"with 200", `{"error":"server_error","access_token":"SECRET"}`, 200, "server_error"},
		{"no JSON", `<html>SECRET`, 502, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Echo", r.PostForm.Get("client_secret"))
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, strings.ReplaceAll(tt.body, "SECRET", r.PostForm.Get("client_secret")))
			})}
			inBubble(t, stytch.TokenSourceOptions{Transport: d}, func(t *testing.T, w *sourceWorld) {
				_, err := w.source.Token()
				refused, ok := errors.AsType[*oauth2.RetrieveError](err)
				if !ok || refused.Response == nil || refused.Response.StatusCode != tt.status || refused.ErrorCode != tt.code {
					t.Fatalf("Token() = %v, want status %d and code %q", err, tt.status, tt.code)
				}
				if got := refused.Response.Header.Get("Retry-After"); got != "7" {
					t.Errorf("Retry-After = %q, want 7", got)
				}
				secret := w.secret.Reveal()
				for _, text := range []string{
					err.Error(), refused.Error(), fmt.Sprintf("%+v", *refused), fmt.Sprintf("%#v", *refused),
					fmt.Sprintf("%+v", *refused.Response), string(refused.Body),
				} {
					if strings.Contains(text, secret) {
						t.Errorf("the secret is in %s", text)
					}
				}
				if refused.Response.Request != nil || len(refused.Body) > 0 {
					t.Error("the error holds the request or the answer's body")
				}
			})
		})
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
