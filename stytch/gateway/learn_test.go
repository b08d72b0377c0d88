package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// learning holds a token endpoint with a key set, in virtual time.
type learning struct {
	*m2mtest.Authority
	tokens, keys   http.Handler
	fetches        *stytchtest.Transport
	cacheControl   []string
	id, secret     string
	mu             sync.Mutex
	answerKeysWith http.HandlerFunc // instead of the authority, if set
}

func newLearning(t *testing.T) *learning {
	t.Helper()
	a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
	l := &learning{Authority: a}
	l.fetches = &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.cacheControl = append(l.cacheControl, r.Header.Get("Cache-Control"))
		other := l.answerKeysWith
		l.mu.Unlock()
		if other != nil {
			other(w, r)
			return
		}
		a.ServeHTTP(w, r)
	})}
	l.id, l.secret = a.CreateClient("customer")
	keys, err := gateway.NewKeySet(a.ProjectID(), &gateway.KeySetOptions{BaseURL: "http://localhost", Transport: l.fetches})
	if err != nil {
		t.Fatal(err)
	}
	l.keys = keys
	l.tokens = newEndpoint(t, a.ProjectID(), gateway.TokenEndpointOptions{
		BaseURL: "http://localhost", Transport: &stytchtest.Transport{Handler: a}, PerAddress: plenty, KeySet: keys,
	})
	return l
}

func (l *learning) want(t *testing.T, what string, fetches int) {
	t.Helper()
	if w := ask(l.tokens, "192.0.2.1:1", l.id, l.secret); w.Code != 200 {
		t.Errorf("%s: status = %d, want 200", what, w.Code)
	}
	if got := l.fetches.Count(); got != fetches {
		t.Errorf("%s: fetches = %d, want %d", what, got, fetches)
	}
}

// TestKeySetLearns checks that the copy has the key of every issued token.
func TestKeySetLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning(t)
		l.want(t, "the first token", 1) // without anybody having asked for the keys
		l.want(t, "another token", 1)
		if got := kids(t, get(l.keys, "GET", nil)); !slices.Equal(got, l.Keys()) {
			t.Errorf("keys = %q, want %q", got, l.Keys())
		}
		pass(10 * time.Second)
		l.RotateKeys()
		l.want(t, "the first token by a new key", 2)
		if got := kids(t, get(l.keys, "GET", nil)); !slices.Equal(got, l.Keys()) {
			t.Errorf("keys = %q, want %q", got, l.Keys())
		}
		if l.cacheControl[1] != "no-cache" {
			t.Errorf("Cache-Control = %q, want no-cache: a cache would answer with the old set", l.cacheControl[1])
		}
		l.want(t, "another token by it", 2)
	})
}

// TestKeySetLearnsBounded checks that a key that Stytch never publishes costs at most
// one fetch in 5 s, and that tokens are still issued.
func TestKeySetLearnsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning(t)
		l.want(t, "the first token", 1)
		pass(10 * time.Second)
		l.RotateKeys()
		old := l.Keys()[0]
		l.answerKeysWith = func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"keys":[{"kid":"` + old + `"}]}`)) }
		for range 50 {
			l.want(t, "a key that is not published", 2)
		}
		pass(5 * time.Second)
		l.want(t, "5 s later", 3)

		l.answerKeysWith = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }
		pass(5 * time.Second)
		l.want(t, "no keys", 4)
		l.want(t, "no keys, at once", 4)
		if got := kids(t, get(l.keys, "GET", nil)); !slices.Equal(got, []string{old}) {
			t.Errorf("keys = %q, want the last good ones", got)
		}

		l.answerKeysWith = func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		pass(5 * time.Second)
		began := time.Now()
		l.want(t, "keys that hang", 5)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("a token waited %v for the keys, want 2 s", took)
		}

		l.answerKeysWith = func(http.ResponseWriter, *http.Request) { panic("broken") }
		pass(5 * time.Second)
		l.want(t, "keys whose transport panics", 6)
		l.answerKeysWith = nil
		pass(5 * time.Second)
		l.want(t, "in order again", 7)
	})
}

// TestKeySetWaitersAreBounded sends 1,000 requests without a copy: one fetches, 256
// wait for two seconds, and the others are refused at once.
func TestKeySetWaitersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLearning(t)
		l.answerKeysWith = func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		began := time.Now()
		var mu sync.Mutex
		took := map[time.Duration]int{}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				w := get(l.keys, "GET", nil)
				mu.Lock()
				defer mu.Unlock()
				took[time.Since(began)]++
				if w.Code != 503 || w.Header().Get("Retry-After") == "" {
					t.Errorf("status = %d, want 503 with Retry-After", w.Code)
				}
			})
		}
		wg.Wait()
		if took[0] != 743 || took[2*time.Second] != 256 || took[10*time.Second] != 1 {
			t.Errorf("answers by time = %v, want 743 at once, 256 after 2 s and one after 10 s", took)
		}
	})
}

// TestKeySetB2B checks that a B2B project's keys are fetched from its own path.
func TestKeySetB2B(t *testing.T) {
	d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"keys":[{"kid":"a"}]}`)) })}
	h, err := gateway.NewKeySet(stytchtest.Project, &gateway.KeySetOptions{B2B: true, Transport: d})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil))
	if want := "GET /v1/b2b/sessions/jwks/" + stytchtest.Project; d.Requests()[0] != want || w.Code != 200 {
		t.Errorf("request = %q, status %d; want %q, 200", d.Requests()[0], w.Code, want)
	}
}
