package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestFeedEnds checks, in virtual time, that the stream ends at the moment when the
// client may no longer call, and that the last event says why.
func TestFeedEnds(t *testing.T) {
	const (
		every   = time.Minute
		recheck = 7 * time.Second
		soon    = 150 * time.Second // two and a half minutes
		noticed = 22 * recheck      // the first check after that
		expired = `{"error":"invalid_token","detail":"The access token is invalid or expired."}`
		outage  = `{"error":"unavailable","detail":"The access token cannot be checked at the moment."}`
	)
	for _, tt := range []struct {
		name   string
		during func(*world) // called soon
		events int
		last   string
		after  time.Duration
	}{
		// The token lasts five minutes, and the leeway is half a minute.
		{"the token expires", func(*world) {}, 5, expired, 5*time.Minute + 30*time.Second},
		{"the client is revoked", func(w *world) { w.revoked.add(clientID) }, 2, expired, noticed},
		{"the key is removed", func(w *world) {
			w.authority.RotateKeys()
			w.authority.RemoveKey("key-1")
			if err := w.verifier.Refresh(context.Background()); err != nil {
				w.t.Error(err)
			}
		}, 2, expired, soon},
		{"the verifier is closed", func(w *world) { w.verifier.Close() }, 2, outage, soon},
		{"the caller goes", func(w *world) { w.hangUp() }, 2, "", soon},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				handler, err := newServer(w.verifier, every, recheck)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				w.hangUp = cancel
				token := w.authority.Token(m2mtest.TokenSpec{
					ClientID: clientID, Scopes: []string{"read:events"}, TTL: 5 * time.Minute,
				})
				began := time.Now()
				time.AfterFunc(soon+time.Millisecond, func() { tt.during(w) })
				body := serve(ctx, handler, token)
				if d := time.Since(began).Truncate(time.Second); d != tt.after {
					t.Errorf("it ended after %v, want %v", d, tt.after)
				}
				if n := strings.Count(body, "event: count\n"); n != tt.events {
					t.Errorf("%d events, want %d", n, tt.events)
				}
				last := ""
				if tt.last != "" {
					last = "event: end\ndata: " + tt.last + "\n\n"
				}
				if tail := body[strings.LastIndex(body, "event: count\n"):]; !strings.HasSuffix(tail, "\n\n"+last) {
					t.Errorf("it ends with %q, want %q", tail, last)
				}
			})
		})
	}
}

// TestFeedIsGuarded checks that a client without the scope gets no stream.
func TestFeedIsGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		handler, err := newServer(w.verifier, time.Second, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if body := serve(t.Context(), handler, w.authority.Token(m2mtest.TokenSpec{})); !strings.Contains(body, "insufficient_scope") {
			t.Errorf("got %s", body)
		}
	})
}

const clientID = "m2m-client-test-1"

type world struct {
	t         *testing.T
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	revoked   *revoked
	hangUp    func()
}

// newWorld returns an authority without sockets, and a verifier that has its keys.
func newWorld(t *testing.T) *world {
	t.Helper()
	key := m2mtest.NewKey("ES256")
	key.ID = "key-1"
	w := &world{
		t:         t,
		authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key}),
		revoked:   &revoked{},
	}
	var err error
	w.verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{w.authority.Issuer()}, Check: w.revoked.check})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.verifier.Close()
		w.authority.Close()
	})
	if err := w.verifier.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// serve calls the handler, and returns everything that it wrote.
func serve(ctx context.Context, h http.Handler, token string) string {
	r := httptest.NewRequestWithContext(ctx, "GET", "/events", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}
