package introspection_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// asks is an authority that answers questions, given their form and header.
type asks func(form url.Values, header http.Header) (*http.Response, error)

func (f asks) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	return f(form, r.Header)
}

func answered(code int, body string, header ...string) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(code)
	io.WriteString(w, body)
	return w.Result(), nil
}

// leaky are answers that repeat the question and its credentials.
var leaky = map[string]asks{
	"inactive": func(url.Values, http.Header) (*http.Response, error) { return answered(200, `{"active":false}`) },
	"an echo as an error code": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(400, `{"error":"`+form.Get("token")+`","error_description":"`+form.Encode()+header.Get("Authorization")+`"}`)
	},
	"credentials as an error code": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(401, `{"error":"`+secret+form.Get("client_assertion")+`"}`, "WWW-Authenticate", header.Get("Authorization"))
	},
	"a token as active": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, `{"active":"`+form.Get("token")+`"}`)
	},
	"a token as a media type": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, active, "Content-Type", form.Get("token")+"/"+secret)
	},
	"malformed JSON": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, form.Encode()+fmt.Sprint(header))
	},
	"a token in claims": func(form url.Values, header http.Header) (*http.Response, error) {
		token := form.Get("token")
		return answered(200, `{"active":true,"iss":"`+token+`","aud":"`+token+`","client_id":"`+token+`","cnf":{"jkt":"`+token+`"}}`)
	},
	"a token as the audience": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, `{"active":true,"aud":"`+form.Get("token")+`"}`)
	},
	"a token as the token type": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, `{"active":true,"token_type":"`+form.Get("token")+`"}`)
	},
	"a token as a date": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, strings.Replace(active, "{", `{"exp":"`+form.Get("token")+`",`, 1))
	},
	"a token as cnf": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, strings.Replace(active, "{", `{"cnf":"`+form.Get("token")+`",`, 1))
	},
	"a token as its own ID": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(200, strings.Replace(active, "{", `{"jti":"`+form.Get("token")+`",`, 1))
	},
	"a redirect": func(form url.Values, header http.Header) (*http.Response, error) {
		return answered(302, "", "Location", "https://u:"+secret+"@a.example/?"+form.Encode())
	},
	"a transport that quotes": func(form url.Values, header http.Header) (*http.Response, error) {
		return nil, &url.Error{Op: "Post", URL: "https://u:" + secret + "@a.example", Err: fmt.Errorf("malformed response %q", form.Encode()+fmt.Sprint(header))}
	},
	"a transport that shows": func(form url.Values, header http.Header) (*http.Response, error) {
		return nil, fmt.Errorf("malformed response to %s %s %s", form.Get("token"), form.Get("client_assertion"), header)
	},
}

// TestNothingLeaks looks for opaque tokens, and for the credentials of the service at the
// authority, in errors, decisions, the state of the issuer, logs and the status page.
func TestNothingLeaks(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]tokensource.Credentials{
		"a secret":      tokensource.Secret("orders", secret),
		"an assertion":  tokensource.ClientAssertion("orders", func(context.Context) (string, error) { return secret, nil }),
		"a private key": tokensource.PrivateKeyJWT{ClientID: "orders", Key: key},
	}
	for kind, c := range kinds {
		for name, answer := range leaky {
			for _, token := range []string{opaque, "ory_at_" + opaque + "." + opaque, opaque + strings.Repeat("x", 500)} {
				t.Run(fmt.Sprintf("%s, %s, %d bytes", kind, name, len(token)), func(t *testing.T) { lookForLeaks(t, c, answer, token) })
			}
		}
	}
}

func lookForLeaks(t *testing.T, c tokensource.Credentials, answer asks, token string) {
	secrets := []string{token, token[:20]}
	if _, hasKey := c.(tokensource.PrivateKeyJWT); !hasKey {
		secrets = append(secrets, secret)
	}
	asked := 0
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: "https://auth.example.com", Endpoint: "https://auth.example.com/introspect", Audiences: []string{"https://orders.example.com"},
		Credentials: c,
		Transport: asks(func(form url.Values, header http.Header) (*http.Response, error) {
			asked++
			if parts := strings.Split(form.Get("client_assertion"), "."); len(parts) == 3 {
				secrets = append(secrets, parts[1][:24], parts[2][:24])
			}
			if basic := strings.TrimPrefix(header.Get("Authorization"), "Basic "); basic != "" {
				secrets = append(secrets, basic)
			}
			return answer(form, header)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log, recent := slog.New(slog.NewJSONHandler(&out, nil)), &telemetry.Recent{}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, Observe: []func(context.Context, verifier.Decision){
		telemetry.Audit(log, nil), recent.Observe,
		func(_ context.Context, d verifier.Decision) {
			fmt.Fprintf(&out, "%v %+v %#v\n", d, d, d)
			log.Info("decision", "decision", d)
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	request := verifier.Request{Operation: "test", Authorization: []string{"Bearer " + token}}
	ctx, err := v.Authorize(t.Context(), request, scopes.All("orders:read"))
	if asked == 0 {
		t.Fatalf("Authorize() = %v without a question, want one", err)
	}
	e := v.Explain(t.Context(), request, scopes.All("orders:read"), nil)
	client, _ := verifier.ClientFromContext(ctx)
	doc, failed := json.Marshal(client)
	fmt.Fprintf(&out, "%v %+v %s %v\n", client, client, doc, failed)
	fmt.Fprintf(&out, "%v %+v %#v %v %+v %+v\n", err, err, err, e, e, v)
	for _, status := range v.Status() {
		text, err := json.Marshal(status)
		fmt.Fprintf(&out, "%v %+v %s %v\n", status, status, text, err)
		log.Info("status", "status", status)
	}
	page, err := telemetry.Status(telemetry.StatusConfig{Verifier: v, Recent: recent})
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"text/html", "application/json"} {
		r, w := httptest.NewRequest("GET", "http://localhost/", nil), httptest.NewRecorder()
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Accept", accept)
		page.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("the status page = %d, want 200", w.Code)
		}
		out.WriteString(html.UnescapeString(w.Body.String()))
	}
	for _, leak := range secrets {
		if strings.Contains(out.String(), leak) || strings.Contains(out.String(), url.QueryEscape(leak)) {
			t.Errorf("%q stands in\n%s", leak, out.String())
		}
	}
}
