package tokensource_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

func TestAhead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		synctest.Wait()
		a.wantFetches(t, 0) // nobody has called
		first, err := s.Token()
		if err != nil || first.Type() != "Bearer" || time.Until(first.Expiry) != time.Hour {
			t.Fatalf("Token() = %v, %v, want a Bearer token for an hour", first, err)
		}
		first.AccessToken = "changed" // a copy
		pass(47 * time.Minute)
		if got := token(t, s); got != "token-1" {
			t.Errorf("Token() = %s after 47 minutes, want token-1", got)
		}
		pass(3 * time.Minute) // a fifth of an hour ahead, but for a tenth of that
		a.wantFetches(t, 2)
		if got := token(t, s); got != "token-2" {
			t.Errorf("Token() = %s after 50 minutes, want token-2", got)
		}
		a.wantFetches(t, 2)
		if got := e.kinds(); got != "fetched fetched" {
			t.Errorf("events: %s", got)
		}
	})
}

func TestRefreshAhead(t *testing.T) {
	for _, tt := range []struct {
		name            string
		ahead, maxAge   time.Duration
		before, replace time.Duration // no fetch before, one by then
	}{
		{"configured", 20 * time.Minute, 0, 39 * time.Minute, 42 * time.Minute},
		{"at most half of the lifetime", 50 * time.Minute, 0, 29 * time.Minute, 33 * time.Minute},
		{"of MaxAge", 0, 5 * time.Minute, 3*time.Minute + 59*time.Second, 4*time.Minute + 7*time.Second},
		{"configured, of MaxAge", 2 * time.Minute, 5 * time.Minute, 2*time.Minute + 59*time.Second, 3*time.Minute + 13*time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) { c.RefreshAhead, c.MaxAge = tt.ahead, tt.maxAge },
				func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
					token(t, s)
					token(t, s)
					pass(tt.before)
					a.wantFetches(t, 1)
					pass(tt.replace - tt.before)
					a.wantFetches(t, 2)
				})
		})
	}
}

// TestIdle: without callers there are no requests.
func TestIdle(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		token(t, s)
		token(t, s)
		pass(50 * time.Minute)
		a.wantFetches(t, 2) // the first was used
		pass(24 * time.Hour)
		a.wantFetches(t, 2) // the second was not
		token(t, s)
		a.wantFetches(t, 3)
	})
}

// TestLateUse: a call shortly before the end gets the old token at once, and a
// new one is fetched in the background.
func TestLateUse(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		token(t, s)
		token(t, s)
		pass(50 * time.Minute)
		pass(50 * time.Minute) // the second token, unused, is due
		a.wantFetches(t, 2)
		if got := token(t, s); got != "token-2" {
			t.Errorf("Token() = %s, want token-2", got)
		}
		synctest.Wait()
		a.wantFetches(t, 3)
		if got := token(t, s); got != "token-3" {
			t.Errorf("Token() = %s, want token-3", got)
		}
	})
}

func TestOneFlight(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		hang := make(chan struct{})
		a.hang = hang
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := s.Token(); err != nil || got.AccessToken != "token-1" {
					t.Errorf("Token() = %v, %v, want token-1", got, err)
				}
			})
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		wg.Go(func() {
			if _, err := s.TokenContext(ctx); !errors.Is(err, errBoom) {
				t.Errorf("TokenContext(cancelled) = %v, want %v", err, errBoom)
			}
		})
		synctest.Wait()
		cancel(errBoom) // it ends its own wait and nobody else's
		synctest.Wait()
		a.wantFetches(t, 1)
		close(hang)
		wg.Wait()
		a.wantFetches(t, 1)
	})
}

func TestOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		token(t, s)
		token(t, s)
		a.down()
		pass(59 * time.Minute)
		if got := token(t, s); got != "token-1" {
			t.Errorf("Token() = %s in an outage, want token-1", got)
		}
		if n := a.count(); n < 8 || n > 25 {
			t.Errorf("%d requests in 11 minutes of an outage, want 8 to 25", n)
		}
		a.up()
		pass(time.Minute)
		if got := token(t, s); got != "token-2" {
			t.Errorf("Token() = %s after the outage, want token-2", got)
		}
		kinds := e.kinds()
		if !strings.HasPrefix(kinds, "fetched fetched! fetched! ") || !strings.HasSuffix(kinds, " fetched! fetched") {
			t.Errorf("events: %s", kinds)
		}
	})
}

// TestDown: without a token, calls fail at once, and the attempts get rarer.
func TestDown(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.set(func(a *authority) {
			a.answer = func(int, *http.Request) (*http.Response, error) { return response(503, "", "Retry-After", "90"), nil }
		})
		_, err := s.Token()
		e, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok || e.Response.StatusCode != 503 || e.Response.Header.Get("Retry-After") != "90" {
			t.Errorf("Token() = %v, want a RetrieveError with 503 and Retry-After", err)
		}
		wantError(t, "Token()", err, `tokensource: client "worker" at https://login.example.com/token: HTTP status 503`)
		for range 100 {
			if _, err := s.Token(); err == nil {
				t.Fatal("Token() = nil in an outage, want an error")
			}
		}
		a.wantFetches(t, 1)
		pass(89 * time.Second)
		s.Token()
		a.wantFetches(t, 1)
		a.up()
		pass(2 * time.Second)
		token(t, s)
		a.wantFetches(t, 2)

		a.down()
		pass(time.Hour)
		before := a.count()
		for range 600 { // ten minutes
			s.Token()
			pass(time.Second)
		}
		if n := a.count() - before; n < 10 || n > 26 {
			t.Errorf("%d requests in ten minutes of an outage, want 10 to 26", n)
		}
	})
}

func TestTimeout(t *testing.T) {
	inBubble(t, func(c *tokensource.Config) { c.Timeout = 3 * time.Second }, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.hang = make(chan struct{})
		began := time.Now()
		if _, err := s.Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("Token() = %v after %v, want %v after 3s", err, time.Since(began), context.DeadlineExceeded)
		}
	})
}

// TestClose: the bubble fails if a goroutine is left.
func TestClose(t *testing.T) {
	t.Run("with a token", func(t *testing.T) {
		inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			token(t, s)
			s.Close()
			s.Close()
			pass(58 * time.Minute)
			token(t, s)
			s.Invalidate("token-1") // nothing can replace it
			token(t, s)
			a.wantFetches(t, 1)
			pass(2 * time.Minute)
			if _, err := s.Token(); !errors.Is(err, tokensource.ErrClosed) {
				t.Errorf("Token() = %v, want %v", err, tokensource.ErrClosed)
			}
		})
	})
	t.Run("before the first token", func(t *testing.T) {
		inBubble(t, nil, func(t *testing.T, _ *authority, s *tokensource.Source, _ *events) {
			s.Close()
			if _, err := s.Token(); !errors.Is(err, tokensource.ErrClosed) {
				t.Errorf("Token() = %v, want %v", err, tokensource.ErrClosed)
			}
		})
	})
	t.Run("while callers wait", func(t *testing.T) {
		inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			a.hang = make(chan struct{})
			failed := make(chan error)
			go func() {
				_, err := s.Token()
				failed <- err
			}()
			synctest.Wait()
			s.Close()
			if err := <-failed; !errors.Is(err, tokensource.ErrClosed) {
				t.Errorf("Token() = %v, want %v", err, tokensource.ErrClosed)
			}
		})
	})
	t.Run("the zero value", func(t *testing.T) {
		var s tokensource.Source
		s.Invalidate("x")
		if _, err := s.Token(); err == nil || s.Close() != nil {
			t.Errorf("Token() = %v, want an error, and Close() = nil", err)
		}
	})
}

// TestMaxAge: a token's age counts from its iat.
func TestMaxAge(t *testing.T) {
	minutes := func(n int) func(*tokensource.Config) {
		return func(c *tokensource.Config) { c.MaxAge = time.Duration(n) * time.Minute }
	}
	t.Run("a cached token is old already", func(t *testing.T) {
		inBubble(t, minutes(10), func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			old := jwt(time.Now().Add(-8*time.Minute), 1)
			a.answer = func(int, *http.Request) (*http.Response, error) {
				return response(200, `{"access_token":"`+old+`","token_type":"Bearer","expires_in":3000}`), nil
			}
			token(t, s)
			a.up()
			pass(100 * time.Second)
			if got := token(t, s); got == old {
				t.Error("Token() = the cached token 9 minutes after it was issued, want its replacement")
			}
		})
	})
	t.Run("too old", func(t *testing.T) {
		inBubble(t, minutes(5), func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			a.answer = func(int, *http.Request) (*http.Response, error) {
				return response(200, `{"access_token":"`+jwt(time.Now().Add(-8*time.Minute), 1)+`","token_type":"Bearer","expires_in":3000}`), nil
			}
			_, err := s.Token()
			wantError(t, "Token()", err, "issued 8m0s ago: want at most MaxAge, 5m0s")
		})
	})
	t.Run("instead of expires_in", func(t *testing.T) {
		inBubble(t, minutes(5), func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			a.answer = func(int, *http.Request) (*http.Response, error) {
				return response(200, `{"access_token":"opaque","token_type":"Bearer"}`), nil
			}
			got, err := s.Token()
			if err != nil || time.Until(got.Expiry) != 5*time.Minute {
				t.Errorf("Token() = %v, %v, want a token for 5 minutes", got, err)
			}
		})
	})
}

func TestMistakes(t *testing.T) {
	good := tokensource.Secret("x", "y")
	fetch := func(context.Context) (*oauth2.Token, error) { return nil, nil }
	for _, tt := range []struct {
		name   string
		config tokensource.Config
		want   []string
	}{
		{"nothing", tokensource.Config{}, []string{"no TokenURL, Issuer or Fetch", "no Credentials"}},
		{"everything", tokensource.Config{
			TokenURL: "http://example.com/token", Issuer: "https://EXAMPLE.com", Credentials: tokensource.Secret("", ""),
			AuthStyle: 7, Scopes: []string{"a b"}, Audience: []string{""}, Resource: []string{"/x"},
			Parameters:   map[string][]string{"scope": {"x"}, "audience": {"x"}},
			RefreshAhead: -1, MaxAge: -1, Timeout: -1,
		}, []string{
			`TokenURL "http://example.com/token" is not https`, `Issuer "https://EXAMPLE.com" holds capitals`, "Secret has an empty client ID",
			"AuthStyle is 7", `Scopes: "a b"`, "Audience holds an empty name", `Resource: "/x"`, `Parameters: "scope" is set`,
			`Parameters: "audience" stands beside`, "RefreshAhead is negative", "MaxAge is negative", "Timeout is negative",
		}},
		{"two origins", tokensource.Config{Fetch: fetch, TokenURL: tokenURL, Credentials: good}, []string{"Fetch beside TokenURL", "have no effect"}},
		{"times", tokensource.Config{TokenURL: tokenURL, Credentials: good, MaxAge: 9 * time.Second, RefreshAhead: 5 * time.Second, Timeout: 9 * time.Second},
			[]string{"MaxAge is 9s", "RefreshAhead is 5s", "Timeout is 9s"}},
		{"a user", tokensource.Config{TokenURL: "https://a:hunter2@example.com/", Credentials: good}, []string{"holds credentials"}},
		{"a fragment", tokensource.Config{TokenURL: "https://example.com/#x", Credentials: good}, []string{"holds a fragment"}},
		{"no URL", tokensource.Config{TokenURL: "login", Credentials: good}, []string{"is no absolute URL"}},
		{"two URLs in one", tokensource.Config{TokenURL: "https://login.example.comhttp://x", Credentials: good}, []string{"is no absolute URL"}},
		{"an empty port", tokensource.Config{TokenURL: "https://login.example.com:/token", Credentials: good}, []string{"is no absolute URL"}},
		{"a nil function", tokensource.Config{TokenURL: tokenURL, Credentials: tokensource.SecretFunc(nil)}, []string{"the function is nil"}},
		{"no variables", tokensource.Config{TokenURL: tokenURL, Credentials: tokensource.SecretEnv("M2MAUTH_NO_ID", "M2MAUTH_NO_SECRET")},
			[]string{`no "M2MAUTH_NO_ID" and no "M2MAUTH_NO_SECRET"`}},
		{"no path", tokensource.Config{TokenURL: tokenURL, Credentials: tokensource.SecretFile("")}, []string{"SecretFile: the path is empty"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tokensource.New(tt.config)
			if s != nil {
				s.Close()
			}
			for _, want := range tt.want {
				wantError(t, "New", err, want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "\n")+1 != len(tt.want)) {
				t.Errorf("New = %v, want %d mistakes", err, len(tt.want))
			}
		})
	}
}
