package introspection_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/clientauth"
	"github.com/m2mauth/m2mauth/internal/introspect"
	"github.com/m2mauth/m2mauth/introspection"
	"github.com/m2mauth/m2mauth/tokensource"
)

const endpoint = "https://auth.example.com/introspect"

// exchange answers requests instead of a network, and keeps them.
type exchange struct {
	answer   func(r *http.Request) (*http.Response, error)
	requests []*http.Request
	open     int // bodies that were not closed
	idle     int // calls of CloseIdleConnections
}

func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	x.requests = append(x.requests, r)
	res, err := x.answer(r)
	if err == nil {
		x.open++
		res.Body = &body{res.Body, x}
	}
	return res, err
}

func (x *exchange) CloseIdleConnections() { x.idle++ }

type body struct {
	io.ReadCloser
	x *exchange
}

func (b *body) Close() error {
	b.x.open--
	return b.ReadCloser.Close()
}

// answers returns an answer with these headers, as name and value.
func answers(status int, text string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
}

// question returns the Introspect of an Issuer that sends its requests to x.
func question(t *testing.T, x http.RoundTripper, credentials tokensource.Credentials) func(context.Context, string) ([]byte, error) {
	t.Helper()
	issuer, err := introspection.Issuer(introspection.Config{
		Issuer: "https://auth.example.com", Endpoint: endpoint, Credentials: credentials,
		Audiences: []string{"https://orders.example.com"}, Transport: x,
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer.Introspect
}

// TestRefusedQuestions: an answer that is none says why, without the secret or the token.
func TestRefusedQuestions(t *testing.T) {
	const encrypted = " does the authority sign or encrypt its answers for this service's client (RFC 9701)? Only application/json is asked for and read"
	for _, tt := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		want   string
	}{
		{"400", answers(400, `{"error":"invalid_request"}`), `HTTP status 400, error "invalid_request": is Endpoint the introspection endpoint, and` + encrypted},
		{"401", answers(401, `{"error":"invalid_client","error_description":"no such client"}`), `HTTP status 401, error "invalid_client": the authority refuses this service's own Credentials`},
		{"403", answers(403, "no"), "HTTP status 403: the authority does not let this service's own client ask about tokens"},
		{"404", answers(404, `{"error":7}`), "HTTP status 404: is Endpoint the introspection endpoint?"},
		{"405", answers(405, ""), "HTTP status 405: is Endpoint the introspection endpoint?"},
		{"406", answers(406, ""), "HTTP status 406:" + encrypted},
		{"201", answers(201, active), "HTTP status 201"},
		{"299", answers(299, active), "HTTP status 299"},
		{"300", answers(300, ""), "HTTP status 300: redirects are not followed"},
		{"307 without a place", answers(307, ""), "HTTP status 307: redirects are not followed"},
		{"399", answers(399, ""), "HTTP status 399: redirects are not followed"},
		{"503", answers(503, active), "HTTP status 503"},
		{"an error that repeats the secret", answers(503, `{"error":"`+secret+`"}`), "HTTP status 503"},
		{"an error that repeats the token", answers(503, `{"error":"`+opaque+`"}`), "HTTP status 503"},
		{"an error in a document that is nested", answers(503, `{"error":"busy","a":[[{}]]}`), `HTTP status 503, error "busy"`},
		{"an error in a document that is nested deeply", answers(503, `{"error":"busy","a":[[[{}]]]}`), "HTTP status 503"},

		{"another media type", answers(200, active, "Content-Type", "text/html; charset=utf-8"), `the answer can't be understood: the media type is "text/html; charset=utf-8", want application/json`},
		{"no media type", answers(200, active, "Content-Type", ""), `the answer can't be understood: the media type is "", want application/json`},
		{"a JWT", answers(200, "a.b.c", "Content-Type", "application/token-introspection+jwt"),
			"the answer can't be understood: the answer is a signed or encrypted JWT (RFC 9701), want application/json: " +
				"let the authority neither sign nor encrypt them for this service's client, or heed Accept: application/json"},
		{"a media type that repeats the secret", answers(200, active, "Content-Type", "text/"+secret), `the answer can't be understood: the media type is "text/[redacted]", want application/json`},
		{"a media type that repeats the token", answers(200, active, "Content-Type", "text/"+opaque), `the answer can't be understood: the media type is "text/[redacted]", want application/json`},
		{"no connection", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused to " + secret) }, "connection refused to [redacted]"},
	} {
		x := &exchange{answer: tt.answer}
		text, err := question(t, x, tokensource.Secret("orders", secret))(t.Context(), opaque)
		if want := endpoint + ": " + tt.want; text != nil || err == nil || err.Error() != want {
			t.Errorf("Introspect(%s) = %q, %v, want %q", tt.name, text, err, want)
		}
		if x.open != 0 {
			t.Errorf("Introspect(%s) leaves %d bodies open, want 0", tt.name, x.open)
		}
	}
}

// TestRefusedQuestionCauses: the kind of failure decides when the authority is asked again.
func TestRefusedQuestionCauses(t *testing.T) {
	ask := func(answer func(*http.Request) (*http.Response, error)) error {
		_, err := question(t, &exchange{answer: answer}, tokensource.Secret("orders", secret))(t.Context(), opaque)
		return err
	}
	err := ask(answers(429, "", "Retry-After", "7"))
	if s, ok := errors.AsType[*introspect.StatusError](err); !ok || s.Status != 429 || s.RetryAfter != 7*time.Second {
		t.Errorf("Introspect(429, Retry-After 7) = %#v, want both in a StatusError", err)
	}
	if err := ask(answers(200, "", "Content-Type", "text/html")); !errors.Is(err, introspect.ErrAnswer) {
		t.Errorf("Introspect(HTML) = %v, want %v", err, introspect.ErrAnswer)
	}
	down := errors.New("down")
	if err := ask(func(*http.Request) (*http.Response, error) { return nil, down }); !errors.Is(err, down) {
		t.Errorf("Introspect(no connection) = %v, want %v", err, down)
	}
}

// TestSecretStyles: a secret that is refused in the header is sent in the form, and from
// then on first. No other failure causes a second request.
func TestSecretStyles(t *testing.T) {
	inForm := func(r *http.Request) bool { return r.PostForm.Get("client_secret") == secret }
	x := &exchange{answer: func(r *http.Request) (*http.Response, error) {
		if inForm(r) {
			return answers(200, active)(r)
		}
		return answers(401, "")(r)
	}}
	ask := question(t, x, tokensource.Secret("orders", secret))
	for _, want := range []string{"[false true]", "[true]", "[true]"} {
		x.requests = nil
		text, err := ask(t.Context(), opaque)
		if err != nil || string(text) != active {
			t.Errorf("Introspect() = %q, %v, want the answer", text, err)
		}
		var forms []bool
		for _, r := range x.requests {
			forms = append(forms, inForm(r))
		}
		if got := fmt.Sprint(forms); got != want {
			t.Errorf("secrets in the form = %s, want %s", got, want)
		}
	}
	// Once a way is known to work, a 401 is about the secret itself.
	x.requests, x.answer = nil, answers(401, "")
	if _, err := ask(t.Context(), opaque); err == nil || len(x.requests) != 1 {
		t.Errorf("Introspect(401 later) = %v after %d requests, want an error after 1", err, len(x.requests))
	}
	assertion := tokensource.ClientAssertion("orders", func(context.Context) (string, error) { return "an.asser.tion", nil })
	for _, tt := range []struct {
		name        string
		status      int
		credentials tokensource.Credentials
		requests    int
	}{
		{"401, a secret", 401, tokensource.Secret("orders", secret), 2},
		{"400, a secret", 400, tokensource.Secret("orders", secret), 1},
		{"503, a secret", 503, tokensource.Secret("orders", secret), 1},
		{"401, an assertion", 401, assertion, 1},
	} {
		x := &exchange{answer: answers(tt.status, "")}
		if _, err := question(t, x, tt.credentials)(t.Context(), opaque); err == nil || len(x.requests) != tt.requests {
			t.Errorf("Introspect(%s) = %v after %d requests, want an error after %d", tt.name, err, len(x.requests), tt.requests)
		}
	}
}

// TestCredentialsFail: nothing is asked without credentials.
func TestCredentialsFail(t *testing.T) {
	vault := errors.New("the vault is sealed for " + secret)
	x := &exchange{answer: answers(200, active)}
	ask := question(t, x, tokensource.SecretFunc(func(context.Context) (string, string, error) { return "orders", secret, vault }))
	text, err := ask(t.Context(), opaque)
	if text != nil || err == nil || !strings.Contains(err.Error(), "the vault is sealed for [redacted]") || len(x.requests) != 0 {
		t.Errorf("Introspect() = %q, %v after %d requests, want the error of the credentials after 0", text, err, len(x.requests))
	}
}

// TestQuestion checks the header of a question, and the end of its context.
func TestQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for timeout, want := range map[time.Duration]time.Duration{0: 5 * time.Second, 3 * time.Second: 3 * time.Second} {
			x := &exchange{}
			var left time.Duration
			x.answer = func(r *http.Request) (*http.Response, error) {
				deadline, _ := r.Context().Deadline()
				left = time.Until(deadline)
				return answers(200, active, "Content-Type", "application/json; charset=utf-8")(r)
			}
			issuer, err := introspection.Issuer(introspection.Config{
				Issuer: "https://auth.example.com", Endpoint: endpoint, Credentials: tokensource.Secret("orders", secret), Transport: x, Timeout: timeout,
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			if text, err := issuer.Introspect(ctx, opaque); err != nil || string(text) != active {
				t.Fatalf("Introspect() = %q, %v, want the answer", text, err)
			}
			r := x.requests[0]
			if left != want || r.Context().Err() == nil {
				t.Errorf("a question with Timeout %v has %v, and its context is over: %t; want %v, true", timeout, left, r.Context().Err() != nil, want)
			}
			for name, want := range map[string]string{
				"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "m2mauth",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			end()
			synctest.Wait()
			if x.idle != 0 {
				t.Errorf("the connections of a Transport that is the caller's are closed %d times, want 0", x.idle)
			}
		}
	})
}

// certificate stands for credentials that are a client certificate.
type certificate struct{ clientID string }

func (c certificate) ClientAuth() clientauth.Method {
	return clientauth.Certificate{ClientID: c.clientID, Get: func() (*tls.Certificate, error) { return nil, errors.New("none") }}
}

// TestConfigLimits checks each field at its limits, and what its mistake says.
func TestConfigLimits(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*introspection.Config)
		want string // "" for no error
	}{
		{"good", func(*introspection.Config) {}, ""},
		{"no issuer", func(c *introspection.Config) { c.Issuer = "" }, "introspection: Config.Issuer is empty"},
		{"http", func(c *introspection.Config) { c.Endpoint = "http://a.example/i" }, `introspection: Config.Endpoint "http://a.example/i" `},
		{"10 s", func(c *introspection.Config) { c.Timeout = 10 * time.Second }, ""},
		{"more than 10 s", func(c *introspection.Config) { c.Timeout = 10*time.Second + 1 }, "introspection: Config.Timeout is 10.000000001s: want a positive duration, at most 10s"},
		{"1 ns", func(c *introspection.Config) { c.Timeout = 1 }, ""},
		{"negative", func(c *introspection.Config) { c.Timeout = -1 }, "introspection: Config.Timeout is -1ns: want a positive duration, at most 10s"},
		{"no credentials", func(c *introspection.Config) { c.Credentials = nil }, "introspection: Config.Credentials is nil: want those of this service at the authority"},
		{"credentials with a mistake", func(c *introspection.Config) { c.Credentials, c.Transport = certificate{}, http.DefaultTransport }, "introspection: Certificate: ClientID is empty"},
		{"a certificate without a Transport", func(c *introspection.Config) { c.Credentials = certificate{"orders"} }, "introspection: Config.Credentials hold a certificate: set a Transport that presents it"},
		{"a certificate with a Transport", func(c *introspection.Config) {
			c.Credentials, c.Transport = certificate{"orders"}, http.DefaultTransport
		}, ""},
	} {
		c := introspection.Config{Issuer: "https://auth.example.com", Endpoint: endpoint, Credentials: tokensource.Secret("orders", secret)}
		tt.edit(&c)
		_, err := introspection.Issuer(c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("Issuer(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}
