package tokensource_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

const assertion = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"

func TestAssertions(t *testing.T) {
	f := func(context.Context) (string, error) { return assertion, nil }
	const asserted = "client_assertion=" + assertion + "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
	for _, tt := range []struct {
		name string
		c    tokensource.Credentials
		want string
	}{
		{"with a client ID", tokensource.ClientAssertion("worker", f), asserted + "&client_id=worker&grant_type=client_credentials"},
		{"without", tokensource.ClientAssertion("", f), asserted + "&grant_type=client_credentials"},
		{"a grant", tokensource.JWTBearer(f, nil), "assertion=" + assertion + "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"},
		{"a grant beside an assertion", tokensource.JWTBearer(f, tokensource.ClientAssertion("worker", f)), "assertion=" + assertion +
			"&" + asserted + "&client_id=worker&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) { c.Credentials = tt.c }, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
				token(t, s)
				if got := a.last().Form.Encode(); got != tt.want {
					t.Errorf("form %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestAssertionErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(context.Context) (string, error)
		want string
	}{
		{"an error", func(context.Context) (string, error) { return "", errBoom }, "credentials: boom"},
		{"empty", func(context.Context) (string, error) { return "", nil }, "the assertion is empty"},
		{"two lines", func(context.Context) (string, error) { return "a\nb", nil }, "holds spaces"},
		{"long", func(context.Context) (string, error) { return strings.Repeat("a", 70<<10), nil }, "71680 bytes"},
		{"a panic", func(context.Context) (string, error) { panic(assertion) }, "credentials panicked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) { c.Credentials = tokensource.ClientAssertion("", tt.f) },
				func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
					_, err := s.Token()
					wantError(t, "Token()", err, tt.want)
					a.wantFetches(t, 0)
				})
		})
	}
	for _, c := range []tokensource.Credentials{tokensource.ClientAssertion("x", nil), tokensource.JWTBearer(nil, nil)} {
		_, err := tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: c})
		wantError(t, "New", err, "the function is nil")
	}
}

// TestGrantWithSecret: a grant is sent with the client's own authentication.
// Either may change.
func TestGrantWithSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "old")
	inBubble(t, func(c *tokensource.Config) {
		c.Credentials = tokensource.JWTBearer(tokensource.AssertionFile(path), tokensource.Secret(clientID, secret))
	}, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		a.answer = func(_ int, r *http.Request) (*http.Response, error) {
			write(t, path, "new")
			if user, pass, _ := r.BasicAuth(); user != clientID || pass != secret || r.Form.Get("assertion") != "new" {
				return response(400, `{"error":"invalid_grant"}`), nil
			}
			return a.issue(), nil
		}
		token(t, s)
		a.wantFetches(t, 2)
		if got := e.kinds(); got != "fetched" || e.all[0].ClientID != clientID {
			t.Errorf("events: %s of client %q", got, e.all[0].ClientID)
		}
	})
	f := tokensource.AssertionFile(path)
	_, err := tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: tokensource.JWTBearer(f, tokensource.JWTBearer(f, nil))})
	wantError(t, "New", err, "another JWTBearer")
	_, err = tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: tokensource.JWTBearer(nil, tokensource.Secret("", ""))})
	wantError(t, "New", err, "the function is nil")
	wantError(t, "New", err, "Secret has an empty client ID")
}

// TestAssertionFile: a projected token that was renewed between reading and
// sending is read again.
func TestAssertionFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "old\n")
	inBubble(t, func(c *tokensource.Config) {
		c.Credentials = tokensource.ClientAssertion(clientID, tokensource.AssertionFile(path))
	}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.answer = func(_ int, r *http.Request) (*http.Response, error) {
			write(t, path, "new\n")
			if r.Form.Get("client_assertion") != "new" {
				return response(401, `{"error":"invalid_client"}`), nil
			}
			return a.issue(), nil
		}
		token(t, s)
		a.wantFetches(t, 2)
	})
}

// TestTokenFile: the file's token is the access token. It is read again before it
// expires, and after a refusal.
func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	config := func(c *tokensource.Config) {
		*c = tokensource.Config{Fetch: tokensource.TokenFile(path), Observe: c.Observe}
	}
	inBubble(t, config, func(t *testing.T, _ *authority, s *tokensource.Source, e *events) {
		_, err := s.Token()
		wantError(t, "Token()", err, fmt.Sprintf("tokensource: Fetch: %q: no such file", path))
		first, second, third := jwt(time.Now(), 1), jwt(time.Now().Add(50*time.Minute), 2), jwt(time.Now().Add(51*time.Minute), 3)
		write(t, path, first+"\n")
		pass(2 * time.Second)
		got, err := s.Token()
		if err != nil || got.AccessToken != first || time.Until(got.Expiry).Round(time.Minute) != time.Hour {
			t.Fatalf("Token() = %v, %v, want the file's for an hour", got, err)
		}
		token(t, s)
		pass(49 * time.Minute) // read again at least once, and unchanged
		if token(t, s) != first {
			t.Error("Token() = another token than the file's")
		}
		write(t, path, second)
		for range 12 * 60 { // in use, until the first has expired
			token(t, s)
			pass(time.Second)
		}
		if token(t, s) != second {
			t.Error("Token() = not the file's second token")
		}
		write(t, path, third)
		s.Invalidate(second)
		if token(t, s) != third {
			t.Error("Token() = not the file's third token")
		}
		if n := len(strings.Fields(e.kinds())); n > 40 {
			t.Errorf("%d events in an hour", n)
		}
	})
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "\n", "is empty"},
		{"two lines", "a\nb", "holds spaces"},
		{"no JWT", "opaque", "expiry is unknown"},
		{"expired", jwt(time.Unix(1_000_000_000-7200, 0).Add(-time.Hour), 1), "has expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, path, tt.text)
			inBubble(t, config, func(t *testing.T, _ *authority, s *tokensource.Source, _ *events) {
				pass(365 * 24 * time.Hour * 3)
				_, err := s.Token()
				wantError(t, "Token()", err, tt.want)
			})
		})
	}
}

func TestFetch(t *testing.T) {
	hour := func() *oauth2.Token { return &oauth2.Token{AccessToken: "a", Expiry: time.Now().Add(time.Hour)} }
	for _, tt := range []struct {
		name string
		f    func(context.Context) (*oauth2.Token, error)
		want string
	}{
		{"a token", func(context.Context) (*oauth2.Token, error) { return hour(), nil }, ""},
		{"nothing", func(context.Context) (*oauth2.Token, error) { return nil, nil }, "no token and no error"},
		{"an error", func(context.Context) (*oauth2.Token, error) { return hour(), errBoom }, "tokensource: Fetch: boom"},
		{"a panic", func(context.Context) (*oauth2.Token, error) { panic("hunter2") }, "tokensource: Fetch: it panicked"},
		{"another type", func(context.Context) (*oauth2.Token, error) {
			token := hour()
			token.TokenType = "MAC"
			return token, nil
		}, "not bearer"},
		{"it is slow", func(ctx context.Context) (*oauth2.Token, error) { <-ctx.Done(); return nil, ctx.Err() }, "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) { *c = tokensource.Config{Fetch: tt.f} },
				func(t *testing.T, _ *authority, s *tokensource.Source, _ *events) {
					got, err := s.Token()
					if tt.want == "" {
						if err != nil || got.AccessToken != "a" || got.Type() != "Bearer" {
							t.Errorf("Token() = %v, %v", got, err)
						}
						return
					}
					wantError(t, "Token()", err, tt.want)
				})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := must(tokensource.New(tokensource.Config{Fetch: func(ctx context.Context) (*oauth2.Token, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}))
		go s.Token()
		synctest.Wait()
		s.Close() // ends the call
	})
}

func TestGitHubActions(t *testing.T) {
	answer := `{"count":1,"value":"` + assertion + `"}`
	status := http.StatusOK
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		w.WriteHeader(status)
		w.Write([]byte(answer))
	}))
	defer server.Close()
	get := tokensource.GitHubActions("https://login.example.com")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "")
	_, err := get(t.Context())
	wantError(t, "GitHubActions()", err, `the permission "id-token: write"`)
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", server.URL+"/token?api-version=2.0")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", secret)
	got, err := get(t.Context())
	if got != assertion || err != nil {
		t.Errorf("GitHubActions() = %q, %v, want the job's token", got, err)
	}
	if asked.URL.Query().Get("audience") != "https://login.example.com" || asked.URL.Query().Get("api-version") != "2.0" ||
		asked.Header.Get("Authorization") != "Bearer "+secret {
		t.Errorf("request %s with %v", asked.URL, asked.Header)
	}
	for _, tt := range []struct {
		name, answer string
		status       int
		want         string
	}{
		{"an error", secret, 403, "/token: HTTP status 403"},
		{"no JSON", secret, 200, "malformed JSON"},
		{"no value", `{}`, 200, "no value"},
	} {
		answer, status = tt.answer, tt.status
		if tt.name == "no JSON" {
			answer = "{" + secret
		}
		_, err := get(t.Context())
		wantError(t, "GitHubActions("+tt.name+")", err, tt.want)
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v holds the request token", err)
		}
	}
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://example.com/token")
	_, err = get(t.Context())
	wantError(t, "GitHubActions(http)", err, "is not https")
}
