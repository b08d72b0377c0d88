package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// FuzzTokenEndpointSendsOneReading checks that each request upstream is a client
// credentials request of known parameters without repetition, and that each response
// is JSON that holds no part of upstream's response but the token.
func FuzzTokenEndpointSendsOneReading(f *testing.F) {
	const form, doc = "application/x-www-form-urlencoded", "application/json"
	f.Add(form, "", "grant_type=client_credentials&client_id=a&client_secret=b&scope=c")
	f.Add(form, "Basic YTpi", "grant_type=client_credentials")
	f.Add(form+"; charset=utf-8", "basic  YTpi", "grant_type=client_credentials&client_id=a")
	f.Add(doc, "", `{"grant_type":"client_credentials","client_id":"a","client_secret":"b"}`)
	f.Add(doc, "Bearer x", `{"grant_type":"\u0063lient_credentials","x":{"y":[1]}}`)
	f.Add(form, "", "grant_type=client_credentials&client_id=a%26grant_type%3Dpassword&client_secret=b&code=x")
	f.Fuzz(func(t *testing.T, contentType, authorization, body string) {
		asked := 0
		upstream := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			text, _ := io.ReadAll(r.Body)
			sent, err := url.ParseQuery(string(text))
			if err != nil {
				t.Errorf("upstream got %q", text)
			}
			for name, values := range sent {
				switch {
				case len(values) != 1 || values[0] == "":
					t.Errorf("%s went upstream %d times", name, len(values))
				case name == "grant_type" && values[0] == "client_credentials":
				case name == "client_id", name == "client_secret", name == "scope":
				default:
					t.Errorf("%s=%q went upstream", name, values[0])
				}
			}
			if sent.Get("client_id") == "" || sent.Get("client_secret") == "" || sent.Get("grant_type") == "" {
				t.Errorf("upstream got %q", text)
			}
			io.WriteString(w, `{"access_token":"a.b.c","token_type":"bearer","expires_in":60,"x":"hush"}`)
		})}
		h, err := gateway.NewTokenEndpoint(stytchtest.Project, &gateway.TokenEndpointOptions{Transport: upstream})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || strings.Contains(w.Body.String(), "hush") {
			t.Errorf("status %d: %q", w.Code, w.Body)
		}
		if (w.Code == 200) != (asked == 1) || asked > 1 {
			t.Errorf("status %d, and upstream was asked %d times", w.Code, asked)
		}
	})
}
