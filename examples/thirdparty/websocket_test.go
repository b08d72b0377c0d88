package thirdparty

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestWebsocketEnds checks that the websocket is closed with the reason when the
// client may no longer call.
func TestWebsocketEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ttl     time.Duration
		recheck time.Duration
		during  func(*world) // once a message has come back
		status  websocket.StatusCode
		reason  string
	}{
		{"the token expires", 700 * time.Millisecond, time.Hour, func(*world) {}, websocket.StatusPolicyViolation, "invalid_token"},
		{"the client is cut off", time.Hour, time.Hour, cutOff, websocket.StatusPolicyViolation, "invalid_token"},
		{"Check refuses the client", time.Hour, 10 * time.Millisecond, func(w *world) { w.revoked.Store(true) }, websocket.StatusPolicyViolation, "invalid_token"},
		{"no decision is possible", time.Hour, time.Hour, func(w *world) { w.verifier.Close() }, websocket.StatusTryAgainLater, "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			echo := &Echo{Verifier: w.verifier, Recheck: tt.recheck}
			server := httptest.NewServer(w.guard.Require(scopes.All("echo"))(echo))
			defer server.Close()
			token := w.authority.Token(m2mtest.TokenSpec{
				ClientID: "m2m-client-test-7",
				Scopes:   []string{"echo"},
				// A fraction of a second keeps the test fast.
				Claims: map[string]any{"exp": float64(time.Now().Add(tt.ttl).UnixMilli()) / 1000},
			})
			conn, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{
				HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			// Continue to send messages until the close frame.
			for n := 0; err == nil; n++ {
				if n == 1 {
					tt.during(w)
				}
				_ = conn.Write(t.Context(), websocket.MessageText, []byte("hello"))
				var message []byte
				if _, message, err = conn.Read(t.Context()); err == nil && string(message) != "hello" {
					t.Fatalf("got %q", message)
				}
			}
			if closed, ok := errors.AsType[websocket.CloseError](err); !ok || closed.Code != tt.status || closed.Reason != tt.reason {
				t.Errorf("got %v, want %v %s", err, tt.status, tt.reason)
			}
		})
	}
}

// cutOff shuts out what the client has been issued. The websocket does not ask: its
// context ends (WhileValid).
func cutOff(w *world) {
	err := w.cutoffs.Add(revocation.Cutoff{
		Issuer: w.authority.Issuer().Name, Select: revocation.Client("m2m-client-test-7"), IssuedUpTo: time.Now(),
	})
	if err != nil {
		panic(err)
	}
}

// TestWebsocketIsGuarded checks that a client without the scope gets no websocket.
func TestWebsocketIsGuarded(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.guard.Require(scopes.All("echo"))(&Echo{Verifier: w.verifier, Recheck: time.Second}))
	defer server.Close()
	_, answer, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + w.authority.Token(m2mtest.TokenSpec{})}},
	})
	if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("got %v, %v", answer, err)
	}
}
