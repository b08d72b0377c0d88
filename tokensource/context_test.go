package tokensource_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/tokensource"
)

// The contexts here derive from context.Background: the channel of t.Context belongs
// to no bubble.

// TestContext checks that the end of Config.Context closes a source, and that the
// errors hold its cause. The bubble fails if a goroutine is left.
func TestContext(t *testing.T) {
	inContext := func(t *testing.T, f func(*testing.T, *authority, *tokensource.Source, context.CancelCauseFunc)) {
		t.Helper()
		var ctx context.Context
		var end context.CancelCauseFunc
		inBubble(t, func(c *tokensource.Config) {
			ctx, end = context.WithCancelCause(context.Background())
			c.Context = ctx
		}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			defer end(nil)
			f(t, a, s, end)
		})
	}
	wantClosed := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, errBoom) || !errors.Is(err, tokensource.ErrClosed) {
			t.Errorf("Token() = %v, want %v and %v", err, tokensource.ErrClosed, errBoom)
		}
	}
	t.Run("with a token", func(t *testing.T) {
		inContext(t, func(t *testing.T, a *authority, s *tokensource.Source, end context.CancelCauseFunc) {
			token(t, s)
			end(errBoom)
			pass(58 * time.Minute)
			token(t, s)
			s.Invalidate("token-1") // no fetch can replace it
			token(t, s)
			a.wantFetches(t, 1)
			pass(2 * time.Minute)
			_, err := s.Token()
			wantClosed(t, err)
		})
	})
	t.Run("before the first token", func(t *testing.T) {
		inContext(t, func(t *testing.T, a *authority, s *tokensource.Source, end context.CancelCauseFunc) {
			end(errBoom)
			_, err := s.Token()
			wantClosed(t, err)
			a.wantFetches(t, 0)
		})
	})
	t.Run("while callers wait", func(t *testing.T) {
		inContext(t, func(t *testing.T, a *authority, s *tokensource.Source, end context.CancelCauseFunc) {
			a.hang = make(chan struct{})
			failed := make(chan error)
			go func() {
				_, err := s.Token()
				failed <- err
			}()
			synctest.Wait()
			end(errBoom)
			wantClosed(t, <-failed)
		})
	})
	t.Run("after Close", func(t *testing.T) {
		inContext(t, func(t *testing.T, _ *authority, s *tokensource.Source, end context.CancelCauseFunc) {
			s.Close()
			end(errBoom)
			_, err := s.Token()
			if !errors.Is(err, tokensource.ErrClosed) || errors.Is(err, errBoom) {
				t.Errorf("Token() = %v, want %v alone", err, tokensource.ErrClosed)
			}
		})
	})
}

// TestContextEndsFetch checks the event of a fetch that the end of Config.Context
// interrupts: it holds the cause, whatever the callback returns.
func TestContextEndsFetch(t *testing.T) {
	hangs := func(ctx context.Context) (*oauth2.Token, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, tt := range []struct {
		name   string
		change func(*tokensource.Config)
	}{
		{"a request", func(c *tokensource.Config) { c.Transport = &authority{hang: make(chan struct{})} }},
		{"credentials", func(c *tokensource.Config) {
			c.Credentials = tokensource.SecretFunc(func(ctx context.Context) (string, string, error) {
				_, err := hangs(ctx)
				return "", "", err
			})
		}},
		{"Fetch", func(c *tokensource.Config) {
			*c = tokensource.Config{Context: c.Context, Observe: c.Observe, Fetch: hangs}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var end context.CancelCauseFunc
			inBubble(t, func(c *tokensource.Config) {
				c.Context, end = context.WithCancelCause(context.Background())
				tt.change(c)
			}, func(t *testing.T, _ *authority, s *tokensource.Source, e *events) {
				go s.Token()
				synctest.Wait()
				end(errBoom)
				if got := e.kinds(); got != "fetched!" {
					t.Fatalf("events: %s, want fetched!", got)
				}
				if err := e.all[0].Err; !errors.Is(err, errBoom) || !errors.Is(err, tokensource.ErrClosed) {
					t.Errorf("Err = %v, want %v and %v", err, tokensource.ErrClosed, errBoom)
				}
			})
		})
	}
}

// TestContextValues checks that requests and callbacks receive Context's values.
func TestContextValues(t *testing.T) {
	type key struct{}
	var got any
	inBubble(t, func(c *tokensource.Config) {
		c.Context = context.WithValue(context.Background(), key{}, "value")
		c.Credentials = tokensource.SecretFunc(func(ctx context.Context) (string, string, error) {
			got = ctx.Value(key{})
			return clientID, secret, nil
		})
	}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		a.answer = func(_ int, r *http.Request) (*http.Response, error) {
			if v := r.Context().Value(key{}); v != "value" {
				t.Errorf("the request's value is %v, want value", v)
			}
			return a.issue(), nil
		}
		token(t, s)
		if got != "value" {
			t.Errorf("the callback's value is %v, want value", got)
		}
	})
}
