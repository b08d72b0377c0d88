package tokensource_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
)

// TestNothingLeaks: no token, secret, assertion or key stands in an error, an
// event or a log, whatever the authority and the network answer.
func TestNothingLeaks(t *testing.T) {
	const access = "access-w8Xk3q-token"
	echo := func(r *http.Request) string { // all that was sent
		return r.Form.Encode() + " " + fmt.Sprint(r.Header) + " " + secret + " " + access
	}
	answers := map[string]func(n int, r *http.Request) (*http.Response, error){
		"a token": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"Bearer","expires_in":60}`), nil
		},
		"a token of a type": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"`+access+`","expires_in":60}`), nil
		},
		"a malformed token": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+` `+access+`","token_type":"Bearer","expires_in":60}`), nil
		},
		"a malformed expiry": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"Bearer","expires_in":"`+access+`"}`), nil
		},
		"malformed JSON": func(_ int, r *http.Request) (*http.Response, error) { return response(200, "{"+echo(r)), nil },
		"an echo": func(_ int, r *http.Request) (*http.Response, error) {
			return response(400, `{"error":`+string(must(json.Marshal(echo(r))))+`,"error_description":"`+secret+`"}`, "Retry-After", secret), nil
		},
		"a secret as a code": func(_ int, r *http.Request) (*http.Response, error) {
			return response(401, `{"error":"`+r.Form.Get("client_assertion")+secret+`"}`), nil
		},
		"a redirect": func(_ int, r *http.Request) (*http.Response, error) {
			return response(302, "", "Location", "https://a.example/?"+r.Form.Encode()), nil
		},
		"a transport that quotes": func(_ int, r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: "https://u:" + secret + "@a.example", Err: fmt.Errorf("malformed response %q", echo(r))}
		},
	}
	kinds := map[string]tokensource.Credentials{
		"a secret":      tokensource.Secret(clientID, secret),
		"an assertion":  tokensource.ClientAssertion(clientID, func(context.Context) (string, error) { return secret, nil }),
		"a grant":       tokensource.JWTBearer(func(context.Context) (string, error) { return secret, nil }, tokensource.Secret(clientID, secret)),
		"a private key": tokensource.PrivateKeyJWT{ClientID: clientID, Key: keyE, Audience: "a"},
	}
	for kind, c := range kinds {
		for name, answer := range answers {
			t.Run(kind+", "+name, func(t *testing.T) {
				inBubble(t, func(config *tokensource.Config) {
					config.Credentials = c
					config.TokenURL = tokenURL + "?key=" + secret
				}, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
					// The secrets of this run: what was sent, too.
					secrets := []string{secret, access, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString(keyE), fmt.Sprint([]byte(keyE))[1:30]}
					a.answer = func(n int, r *http.Request) (*http.Response, error) {
						if assertion := r.Form.Get("client_assertion"); assertion != "" {
							secrets = append(secrets, assertion)
						}
						if basic := r.Header.Get("Authorization"); basic != "" {
							secrets = append(secrets, strings.TrimPrefix(basic, "Basic "))
						}
						return answer(n, r)
					}
					w := &service{refuse: map[string]bool{access: true}}
					client := &http.Client{Transport: must(s.RoundTripper(w, orders))}
					var out strings.Builder
					log := slog.New(slog.NewJSONHandler(&out, nil))
					res, err := client.Get(orders)
					fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
					log.Error("call", "err", err)
					if err == nil {
						res.Body.Close()
						fmt.Fprintf(&out, "%v\n", res.Request.Header)
					}
					_, err = s.Token()
					fmt.Fprintf(&out, "%v %+v\n", err, err)
					e.kinds()
					for _, event := range e.all {
						fmt.Fprintf(&out, "%v %+v %#v\n", event, event, event)
						log.Info("event", "event", event, "err", event.Err)
					}
					for _, leak := range secrets {
						if strings.Contains(out.String(), leak) || strings.Contains(out.String(), url.QueryEscape(leak)) {
							t.Errorf("%q stands in\n%s", leak, out.String())
						}
					}
				})
			})
		}
	}
}

// TestImports: a program that calls over HTTP links no gRPC, and no verifier.
func TestImports(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	for dep := range strings.Lines(string(list)) {
		for _, unwanted := range []string{"google.golang.org/grpc", "google.golang.org/protobuf", "github.com/m2mauth/m2mauth/verifier", "github.com/m2mauth/m2mauth/stytch"} {
			if strings.HasPrefix(dep, unwanted) {
				t.Errorf("tokensource links %s", dep)
			}
		}
	}
}
