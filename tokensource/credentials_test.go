package tokensource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

func TestSecretStyles(t *testing.T) {
	for _, tt := range []struct {
		name               string
		style              oauth2.AuthStyle
		id, secret         string
		user, pass, inForm string
	}{
		{"Basic", 0, "worker", "hush", "worker", "hush", ""},
		{"Basic, form-encoded", oauth2.AuthStyleInHeader, "a:b", "h u&sh%ü", "a%3Ab", "h+u%26sh%25%C3%BC", ""},
		{"in the form", oauth2.AuthStyleInParams, "a:b", "h u&sh", "", "", "a:b/h u&sh"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) {
				c.AuthStyle, c.Credentials = tt.style, tokensource.Secret(tt.id, tt.secret)
			}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
				token(t, s)
				r := a.last()
				user, pass, _ := r.BasicAuth()
				inForm := strings.Trim(r.Form.Get("client_id")+"/"+r.Form.Get("client_secret"), "/")
				if user != tt.user || pass != tt.pass || inForm != tt.inForm {
					t.Errorf("Basic %q:%q, form %q, want %q:%q, %q", user, pass, inForm, tt.user, tt.pass, tt.inForm)
				}
			})
		})
	}
}

func TestParameters(t *testing.T) {
	inBubble(t, func(c *tokensource.Config) {
		c.TokenURL = tokenURL + "?p=policy"
		c.Scopes, c.Audience = []string{"read:users", "write:users"}, []string{"https://api.example.com"}
		c.Resource = []string{"https://a.example.com", "urn:b"}
		c.Parameters = map[string][]string{"organization": {"acme"}}
	}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		token(t, s)
		s.Invalidate("token-1")
		token(t, s) // the same form again
		r := a.last()
		const want = "audience=https%3A%2F%2Fapi.example.com&grant_type=client_credentials&organization=acme&" +
			"resource=https%3A%2F%2Fa.example.com&resource=urn%3Ab&scope=read%3Ausers+write%3Ausers"
		if got := r.Form.Encode(); got != want || r.URL.RawQuery != "p=policy" || r.Method != http.MethodPost {
			t.Errorf("%s %s with %s, want POST with %s", r.Method, r.URL, got, want)
		}
		if got := r.Header.Get("Content-Type") + " " + r.Header.Get("Accept"); got != "application/x-www-form-urlencoded application/json" {
			t.Errorf("Content-Type and Accept: %s", got)
		}
	})
}

// rotation is a secret at the authority, and the one that the client reads.
type rotation struct {
	mu              sync.Mutex
	current, stored string
	read            int
}

func (r *rotation) set(current, stored string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current, r.stored = current, stored
}

func (r *rotation) credentials(context.Context) (string, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read++
	return clientID, r.stored, nil
}

// answer refuses every secret but the current one.
func (r *rotation) answer(a *authority) func(int, *http.Request) (*http.Response, error) {
	return func(_ int, req *http.Request) (*http.Response, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, pass, _ := req.BasicAuth(); pass != r.current {
			return response(401, `{"error":"invalid_client","error_description":"`+pass+` is wrong"}`), nil
		}
		return a.issue(), nil
	}
}

func TestRotation(t *testing.T) {
	// With AuthStyle set, a refused secret is not sent the other way.
	rotate := func(t *testing.T, f func(t *testing.T, r *rotation, a *authority, s *tokensource.Source, e *events)) {
		r := &rotation{current: "old", stored: "old"}
		inBubble(t, func(c *tokensource.Config) {
			c.Credentials, c.AuthStyle = tokensource.SecretFunc(r.credentials), oauth2.AuthStyleInHeader
		},
			func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
				a.answer = r.answer(a)
				f(t, r, a, s, e)
			})
	}
	t.Run("picked up at the next fetch", func(t *testing.T) {
		rotate(t, func(t *testing.T, r *rotation, a *authority, s *tokensource.Source, e *events) {
			token(t, s)
			token(t, s)
			r.set("new", "new")
			pass(50 * time.Minute)
			a.wantFetches(t, 2)
			if got := e.kinds(); got != "fetched fetched" {
				t.Errorf("events: %s", got)
			}
		})
	})
	t.Run("completed between reading and sending", func(t *testing.T) {
		rotate(t, func(t *testing.T, r *rotation, a *authority, s *tokensource.Source, e *events) {
			check := r.answer(a)
			a.answer = func(n int, req *http.Request) (*http.Response, error) {
				r.set("new", "new")
				return check(n, req)
			}
			token(t, s)
			synctest.Wait()
			a.wantFetches(t, 2)
			if r.read != 2 || e.kinds() != "fetched" {
				t.Errorf("credentials were read %d times, events %s, want 2 and one fetch", r.read, e.kinds())
			}
		})
	})
	t.Run("a wrong secret is sent once", func(t *testing.T) {
		rotate(t, func(t *testing.T, r *rotation, a *authority, s *tokensource.Source, _ *events) {
			r.set("old", "wrong-secret")
			_, err := s.Token()
			wantError(t, "Token()", err, `client "worker" at https://login.example.com/token: HTTP status 401, error "invalid_client"`)
			if e, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || e.ErrorCode != "invalid_client" {
				t.Errorf("Token() = %v, want a RetrieveError", err)
			}
			a.wantFetches(t, 1)
		})
	})
	t.Run("an old token serves while the secret is wrong", func(t *testing.T) {
		rotate(t, func(t *testing.T, r *rotation, _ *authority, s *tokensource.Source, _ *events) {
			token(t, s)
			token(t, s)
			r.set("old", "wrong-secret")
			pass(58 * time.Minute)
			if got := token(t, s); got != "token-1" {
				t.Errorf("Token() = %s, want token-1", got)
			}
			r.set("old", "old")
			pass(90 * time.Second)
			if got := token(t, s); got != "token-2" {
				t.Errorf("Token() = %s, want token-2", got)
			}
		})
	})
}

// TestOtherStyle: an authority may accept a client in one way only, and not
// say so in its metadata.
func TestOtherStyle(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		valid := secret
		a.answer = func(_ int, r *http.Request) (*http.Response, error) {
			a.mu.Lock()
			ok := r.Form.Get("client_secret") == valid
			a.mu.Unlock()
			if !ok {
				return response(401, `{"error":"invalid_client"}`), nil
			}
			return a.issue(), nil
		}
		s.Invalidate(settled(t, s))
		a.wantFetches(t, 2)
		s.Invalidate(settled(t, s)) // by the way that succeeded
		a.wantFetches(t, 3)
		settled(t, s)
		a.set(func(*authority) { valid = "another" })
		s.Invalidate("token-3")
		pass(time.Second)
		a.wantFetches(t, 5) // once, not twice
		if got := e.kinds(); got != "fetched refused replaced refused replaced refused replaced!" {
			t.Errorf("events: %s", got)
		}
	})
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.answer = func(int, *http.Request) (*http.Response, error) {
			return response(401, `{"error":"invalid_client"}`), nil
		}
		_, err := s.Token()
		wantError(t, "Token()", err, "invalid_client")
		a.wantFetches(t, 2)
	})
	// Other errors say nothing about the client.
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.answer = func(int, *http.Request) (*http.Response, error) {
			return response(400, `{"error":"invalid_scope"}`), nil
		}
		_, err := s.Token()
		wantError(t, "Token()", err, "invalid_scope")
		a.wantFetches(t, 1)
	})
}

func TestSecretFunc(t *testing.T) {
	for name, tt := range map[string]struct {
		f    func(context.Context) (string, string, error)
		want string
		is   error
	}{
		"an error":   {func(context.Context) (string, string, error) { return "", "", errBoom }, "credentials: boom", errBoom},
		"with both":  {func(context.Context) (string, string, error) { return "a", "hunter2", fmt.Errorf("no hunter2") }, "no [redacted]", nil},
		"empty":      {func(context.Context) (string, string, error) { return "a", "", nil }, "empty ClientID or ClientSecret", nil},
		"a panic":    {func(context.Context) (string, string, error) { panic("hunter2") }, "credentials panicked", nil},
		"it is slow": {func(ctx context.Context) (string, string, error) { <-ctx.Done(); return "", "", ctx.Err() }, "", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *tokensource.Config) { c.Credentials = tokensource.SecretFunc(tt.f) },
				func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
					_, err := s.Token()
					wantError(t, "Token()", err, tt.want)
					if tt.is != nil && !errors.Is(err, tt.is) || strings.Contains(err.Error(), "hunter2") {
						t.Errorf("Token() = %v, want %v", err, tt.is)
					}
					a.wantFetches(t, 0)
				})
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSecretFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(t.TempDir(), "client.json")
	steps := []struct {
		name       string
		change     func()
		user, pass string // "" for an error
		want       string
	}{
		{"nothing", func() {}, "", "", "no such file"},
		{"written", func() {
			write(t, filepath.Join(folder, "client_id"), "worker\n")
			write(t, filepath.Join(folder, "client_secret"), "old\r\n")
			write(t, file, `{"client_id":"worker","client_secret":"old"}`)
		}, "worker", "old", ""},
		{"changed", func() {
			write(t, filepath.Join(folder, "client_id"), "worker-2")
			write(t, filepath.Join(folder, "client_secret"), "new")
			write(t, file, `{"client_id":"worker-2","client_secret":"new"}`)
		}, "worker-2", "new", ""},
		{"emptied", func() {
			write(t, filepath.Join(folder, "client_secret"), "")
			write(t, file, `{"client_id":"worker-2"}`)
		}, "", "", "empty ClientID or ClientSecret"},
		{"too long", func() {
			write(t, filepath.Join(folder, "client_secret"), strings.Repeat("x", 70<<10))
			write(t, file, strings.Repeat(" ", 70<<10))
		}, "", "", "too long"},
	}
	for name, path := range map[string]string{"a folder": folder, "a JSON file": file} {
		t.Run(name, func(t *testing.T) {
			for _, entry := range []string{filepath.Join(folder, "client_id"), filepath.Join(folder, "client_secret"), file} {
				os.Remove(entry)
			}
			for _, step := range steps {
				step.change()
				inBubble(t, func(c *tokensource.Config) { c.Credentials = tokensource.SecretFile(path) },
					func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
						if step.user == "" {
							if step.name == "nothing" && path == folder {
								step.want = "no such file"
							}
							_, err := s.Token()
							wantError(t, step.name+": Token()", err, step.want)
							return
						}
						token(t, s)
						if user, pass, _ := a.last().BasicAuth(); user != step.user || pass != step.pass {
							t.Errorf("%s: %s:%s, want %s:%s", step.name, user, pass, step.user, step.pass)
						}
					})
			}
		})
	}
}

func TestSecretEnv(t *testing.T) {
	t.Setenv("WORKER_ID", "worker")
	t.Setenv("WORKER_SECRET", "hush")
	inBubble(t, func(c *tokensource.Config) { c.Credentials = tokensource.SecretEnv("WORKER_ID", "WORKER_SECRET") },
		func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			token(t, s)
			if user, pass, _ := a.last().BasicAuth(); user != "worker" || pass != "hush" {
				t.Errorf("%s:%s, want worker:hush", user, pass)
			}
		})
}

// TestConfigHidesSecrets: a Config that is logged shows no secret.
func TestConfigHidesSecrets(t *testing.T) {
	c := tokensource.Config{Credentials: tokensource.Secret(clientID, secret)}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		texts = append(texts, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, c.Credentials))
	}
	text, _ := json.Marshal(c.Credentials)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "config", c, "credentials", c.Credentials)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "config", c, "credentials", c.Credentials)
	for _, got := range append(texts, string(text), log.String()) {
		for _, leak := range []string{secret, fmt.Sprintf("%x", secret), secret[:8]} {
			if strings.Contains(got, leak) {
				t.Errorf("%s holds the secret", got)
			}
		}
	}
}
