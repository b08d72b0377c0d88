package stytch_test

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

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/tokensource"
)

// sourceWorld holds a token source and its authority, in virtual time.
type sourceWorld struct {
	*m2mtest.Authority
	*stytchtest.Transport
	id     string
	stop   context.CancelCauseFunc
	source *tokensource.Source

	mu     sync.Mutex
	secret stytch.Secret
	asked  int
	events []tokensource.Event
}

// inBubble runs f with a source whose tokens live for an hour.
func inBubble(t *testing.T, opts stytch.TokenSourceOptions, f func(*testing.T, *sourceWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256"), NoServer: true})
		defer a.Close()
		w := &sourceWorld{Authority: a, Transport: &stytchtest.Transport{Handler: a}}
		id, secret := a.CreateClient("worker", "read:users", "write:users")
		w.id, w.secret = id, stytch.NewSecret(secret)
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(nil)
		w.stop = stop
		if opts.Transport == nil {
			opts.Transport = w.Transport
		}
		opts.TokenURL = "http://localhost" + strings.TrimPrefix(a.TokenURL(), a.URL())
		opts.Observe = func(e tokensource.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		}
		source, err := stytch.TokenSource(ctx, a.ProjectID(), w.credentials, &opts)
		if err != nil {
			t.Fatal(err)
		}
		w.source = source
		f(t, w)
	})
}

func (w *sourceWorld) credentials(context.Context) (stytch.Credentials, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return stytch.Credentials{ClientID: w.id, ClientSecret: w.secret}, nil
}

func (w *sourceWorld) setSecret(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secret = stytch.NewSecret(s)
}

func (w *sourceWorld) token(t *testing.T) *oauth2.Token {
	t.Helper()
	token, err := w.source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if !token.Expiry.After(time.Now()) {
		t.Fatal("the token has expired")
	}
	return token
}

// pass advances virtual time.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (w *sourceWorld) wantFetches(t *testing.T, want int) {
	t.Helper()
	if n := w.Count(); n != want {
		t.Fatalf("%d fetches, want %d", n, want)
	}
}

func TestTokenSourceAhead(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{Scopes: []string{"read:users"}}, func(t *testing.T, w *sourceWorld) {
		synctest.Wait()
		w.wantFetches(t, 0) // no call yet
		first := w.token(t)
		w.wantFetches(t, 1)
		if first.Type() != "Bearer" || time.Until(first.Expiry) != time.Hour {
			t.Errorf("%s token for %v", first.Type(), time.Until(first.Expiry))
		}
		pass(47 * time.Minute)
		if w.token(t).AccessToken != first.AccessToken {
			t.Error("replaced too early")
		}
		w.wantFetches(t, 1)
		pass(3 * time.Minute) // a fifth of an hour ahead, give or take a tenth of that
		w.wantFetches(t, 2)
		if w.token(t).AccessToken == first.AccessToken {
			t.Error("not replaced")
		}
		w.wantFetches(t, 2)
	})
}

// TestTokenSourceIdle checks that an unused source makes no requests.
func TestTokenSourceIdle(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
		w.token(t)
		pass(50 * time.Minute)
		w.wantFetches(t, 2) // the first was used
		pass(24 * time.Hour)
		w.wantFetches(t, 2) // the second was not
		w.token(t)
		w.wantFetches(t, 3)
	})
}

// TestTokenSourceLateUse checks that a call within RefreshAhead gets the old token at
// once and starts a fetch in the background.
func TestTokenSourceLateUse(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
		w.token(t)
		pass(50 * time.Minute)
		pass(50 * time.Minute) // the second token, unused, is due
		w.wantFetches(t, 2)
		old := w.token(t)
		synctest.Wait()
		w.wantFetches(t, 3)
		if w.token(t).AccessToken == old.AccessToken {
			t.Error("not replaced in the background")
		}
	})
}

func TestTokenSourceOneFlight(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
		w.Fail(m2mtest.Outage{Hang: true})
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for range 100 {
			wg.Go(func() {
				token, err := w.source.Token()
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				got[token.AccessToken]++
			})
		}
		synctest.Wait()
		w.wantFetches(t, 1)
		w.Restore()
		wg.Wait()
		w.wantFetches(t, 1)
		if len(got) != 1 {
			t.Errorf("%d different tokens", len(got))
		}
	})
}

func TestTokenSourceOutage(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
		first := w.token(t)
		w.Fail(m2mtest.Outage{})
		pass(59 * time.Minute)
		if w.token(t).AccessToken != first.AccessToken {
			t.Error("another token in an outage")
		}
		if n := w.Count(); n < 8 || n > 25 {
			t.Errorf("%d attempts in 11 minutes", n)
		}
		w.Restore()
		pass(time.Minute)
		if w.token(t).AccessToken == first.AccessToken {
			t.Error("not replaced after the outage")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.events) != w.Count() || w.events[0].Err != nil || w.events[1].Err == nil || w.events[len(w.events)-1].Err != nil {
			t.Errorf("Observe received %v", w.events)
		}
		for _, e := range w.events {
			if e.Kind != tokensource.Fetched {
				t.Errorf("Observe received the kind %q, want %q", e.Kind, tokensource.Fetched)
			}
		}
	})
}

// TestTokenSourceDown checks that Token fails at once if there is no token, and that
// the pauses between fetches grow.
func TestTokenSourceDown(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
		w.Fail(m2mtest.Outage{Header: http.Header{"Retry-After": {"90"}}})
		_, err := w.source.Token()
		if e, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || e.Response.StatusCode != 503 {
			t.Errorf("%v", err)
		}
		for range 100 {
			if _, err := w.source.Token(); err == nil {
				t.Fatal("a token in an outage")
			}
		}
		w.wantFetches(t, 1)
		pass(89 * time.Second)
		w.source.Token()
		w.wantFetches(t, 1)
		w.Restore()
		pass(2 * time.Second)
		w.token(t)
		w.wantFetches(t, 2)

		w.Fail(m2mtest.Outage{})
		pass(time.Hour)
		before := w.Count()
		for range 600 { // ten minutes
			w.source.Token()
			pass(time.Second)
		}
		if n := w.Count() - before; n < 10 || n > 26 {
			t.Errorf("%d fetches in ten minutes of an outage", n)
		}
	})
}

func TestTokenSourceTimeout(t *testing.T) {
	inBubble(t, stytch.TokenSourceOptions{Timeout: 3 * time.Second}, func(t *testing.T, w *sourceWorld) {
		w.Fail(m2mtest.Outage{Hang: true})
		began := time.Now()
		if _, err := w.source.Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		w.Restore()
	})
}

// TestTokenSourceEnds checks that no goroutine remains: the bubble would fail.
func TestTokenSourceEnds(t *testing.T) {
	cause := errors.New("shutting down")
	t.Run("with a token", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			w.token(t)
			w.stop(cause)
			pass(58 * time.Minute)
			w.token(t) // it is still good
			w.wantFetches(t, 1)
			pass(2 * time.Minute)
			if _, err := w.source.Token(); !errors.Is(err, cause) {
				t.Errorf("%v, want the cause", err)
			}
		})
	})
	t.Run("before the first token", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			w.stop(cause)
			if _, err := w.source.Token(); !errors.Is(err, cause) {
				t.Errorf("%v, want the cause", err)
			}
		})
	})
	t.Run("while callers wait", func(t *testing.T) {
		inBubble(t, stytch.TokenSourceOptions{}, func(t *testing.T, w *sourceWorld) {
			w.Fail(m2mtest.Outage{Hang: true})
			failed := make(chan error)
			go func() {
				_, err := w.source.Token()
				failed <- err
			}()
			synctest.Wait()
			w.stop(cause)
			if err := <-failed; !errors.Is(err, cause) {
				t.Errorf("%v, want the cause", err)
			}
			w.Restore()
		})
	})
}
