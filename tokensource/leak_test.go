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

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/tokensource"
)

// access is a token that the authorities of this file issue.
const access = "access-w8Xk3q-token"

type answer = func(n int, r *http.Request) (*http.Response, error)

// leakyAnswers returns what an authority may answer. It issues tokens of a type.
func leakyAnswers(tokenType string) map[string]answer {
	echo := func(r *http.Request) string { // all that was sent
		return r.Form.Encode() + " " + fmt.Sprint(r.Header) + " " + secret + " " + access
	}
	return map[string]answer{
		"a token": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"`+tokenType+`","expires_in":60}`), nil
		},
		"a token of another type": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"`+access+`","expires_in":60}`), nil
		},
		"a malformed token": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+` `+access+`","token_type":"`+tokenType+`","expires_in":60}`), nil
		},
		"a malformed expiry": func(int, *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"`+tokenType+`","expires_in":"`+access+`"}`), nil
		},
		"malformed JSON": func(_ int, r *http.Request) (*http.Response, error) { return response(200, "{"+echo(r)), nil },
		"an echo": func(_ int, r *http.Request) (*http.Response, error) {
			return response(400, `{"error":`+string(must(json.Marshal(echo(r))))+`,"error_description":"`+secret+`"}`, "Retry-After", secret), nil
		},
		"a secret as a code": func(_ int, r *http.Request) (*http.Response, error) {
			return response(401, `{"error":"`+r.Form.Get("client_assertion")+secret+`"}`), nil
		},
		"a proof as a code": func(_ int, r *http.Request) (*http.Response, error) {
			return response(400, `{"error":"`+r.Header.Get("DPoP")+`"}`), nil
		},
		"a proof as a token": func(_ int, r *http.Request) (*http.Response, error) {
			return response(200, `{"access_token":"`+access+`","token_type":"`+r.Header.Get("DPoP")+`"}`), nil
		},
		"a redirect": func(_ int, r *http.Request) (*http.Response, error) {
			return response(302, "", "Location", "https://a.example/?"+r.Form.Encode()+r.Header.Get("DPoP")), nil
		},
		"a transport that quotes": func(_ int, r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: "https://u:" + secret + "@a.example", Err: fmt.Errorf("malformed response %q", echo(r))}
		},
		"a transport that shows": func(_ int, r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("malformed response to %s %s", r.Form.Get("client_assertion"), r.Header.Get("DPoP"))
		},
	}
}

// TestNothingLeaks: no token, secret, assertion, proof or key stands in an error, an
// event or a log, whatever the authority, the service and the network answer.
func TestNothingLeaks(t *testing.T) {
	kinds := map[string]tokensource.Credentials{
		"a secret":      tokensource.Secret(clientID, secret),
		"an assertion":  tokensource.ClientAssertion(clientID, func(context.Context) (string, error) { return secret, nil }),
		"a grant":       tokensource.JWTBearer(func(context.Context) (string, error) { return secret, nil }, tokensource.Secret(clientID, secret)),
		"a private key": tokensource.PrivateKeyJWT{ClientID: clientID, Key: keyE, Audience: "a"},
	}
	for _, scheme := range []string{"Bearer", "DPoP"} {
		for kind, c := range kinds {
			for name, answer := range leakyAnswers(scheme) {
				t.Run(scheme+", "+kind+", "+name, func(t *testing.T) { lookForLeaks(t, scheme, c, answer) })
			}
		}
	}
}

// lookForLeaks prints all that a Source and its RoundTripper return and report.
func lookForLeaks(t *testing.T, scheme string, c tokensource.Credentials, answer answer) {
	inBubble(t, func(config *tokensource.Config) {
		config.Credentials = c
		config.TokenURL = tokenURL + "?key=" + secret
		if scheme == "DPoP" {
			config.DPoP = must(dpop.NewSigner(nil, ""))
		}
	}, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		secrets := []string{secret, access, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString(keyE), fmt.Sprint([]byte(keyE))[1:30]}
		// keep adds what was sent, of which a part would be too much: the claims and the
		// signature of a JWT.
		keep := func(sent string) {
			if parts := strings.Split(sent, "."); len(parts) == 3 {
				secrets = append(secrets, parts[1][:24], parts[2][:24])
			} else if sent != "" {
				secrets = append(secrets, sent)
			}
		}
		a.answer = func(n int, r *http.Request) (*http.Response, error) {
			keep(r.Form.Get("client_assertion"))
			keep(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
			keep(r.Header.Get("DPoP"))
			return answer(n, r)
		}
		w := &service{refuse: map[string]bool{access: true}, reply: func(r *http.Request) *http.Response {
			keep(r.Header.Get("DPoP"))
			return nil
		}}
		var out strings.Builder
		log := slog.New(slog.NewJSONHandler(&out, nil))
		quotes := roundTrip(func(r *http.Request) (*http.Response, error) {
			keep(r.Header.Get("DPoP"))
			return nil, fmt.Errorf("malformed response to %v", r.Header)
		})
		for _, base := range []http.RoundTripper{w, quotes} {
			res, err := (&http.Client{Transport: must(s.RoundTripper(base, orders))}).Get(orders)
			fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
			log.Error("call", "err", err)
			if err == nil {
				res.Body.Close()
				fmt.Fprintf(&out, "%v\n", res.Request.Header)
			}
		}
		_, err := s.Token()
		fmt.Fprintf(&out, "%v %+v\n", err, err)
		credential, err := s.Credential(t.Context(), "GET", must(url.Parse(orders)))
		keep(credential.Proof)
		fmt.Fprintf(&out, "%v %+v %#v %s %v\n", credential, credential, credential, must(json.Marshal(credential)), err)
		log.Info("credential", "credential", credential, "err", err)
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
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
