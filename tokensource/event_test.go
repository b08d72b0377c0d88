package tokensource_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/tokensource"
)

func TestEventLogValue(t *testing.T) {
	for _, tt := range []struct {
		event tokensource.Event
		want  string
	}{
		{tokensource.Event{Kind: tokensource.Fetched, ClientID: "worker", URL: tokenURL, ExpiresAt: time.Unix(1_800_000_000, 0).UTC(), Duration: time.Second},
			`"event":{"kind":"fetched","client_id":"worker","url":"https://login.example.com/token","expires_at":"2027-01-15T08:00:00Z","duration":1000000000}`},
		{tokensource.Event{Kind: tokensource.Refused, Origin: orders, Err: errBoom},
			`"event":{"kind":"refused","origin":"https://orders.example.com","error":"boom"}`},
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("token", "event", tt.event)
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("log %s, want %s", out.String(), tt.want)
		}
	}
}

// TestEvents checks the content of each event.
func TestEvents(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		old := settled(t, s)
		s.Replaced(t.Context(), orders, old, 0)
		a.down()
		s.Replaced(t.Context(), billing, settled(t, s), 0)
		e.kinds()
		if len(e.all) != 5 {
			t.Fatalf("%d events, want 5", len(e.all))
		}
		expiry := time.Now().Add(time.Hour)
		for i, want := range []tokensource.Event{
			{Kind: tokensource.Fetched, ClientID: clientID, URL: tokenURL},
			{Kind: tokensource.Refused, ClientID: clientID, URL: tokenURL, Origin: orders},
			{Kind: tokensource.Replaced, ClientID: clientID, URL: tokenURL},
			{Kind: tokensource.Refused, ClientID: clientID, URL: tokenURL, Origin: billing},
			{Kind: tokensource.Replaced, ClientID: clientID, URL: tokenURL},
		} {
			got := e.all[i]
			failed := i == 4
			if got.Kind != want.Kind || got.ClientID != want.ClientID || got.URL != want.URL || got.Origin != want.Origin || (got.Err != nil) != failed {
				t.Errorf("event %d is %+v, want %+v", i, got, want)
			}
			if !failed && (got.ExpiresAt.IsZero() || got.ExpiresAt.After(expiry)) {
				t.Errorf("event %d expires at %v", i, got.ExpiresAt)
			}
		}
	})
	// A panic in Observe stops there.
	inBubble(t, func(c *tokensource.Config) { c.Observe = func(tokensource.Event) { panic("observer") } },
		func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
			s.Invalidate(token(t, s))
			token(t, s)
			a.wantFetches(t, 2)
		})
}

// TestEventHidesSecret: a secret that stands in place of the client's ID is in no
// event.
func TestEventHidesSecret(t *testing.T) {
	const misplaced = "secret-live-correcthorse"
	inBubble(t, func(c *tokensource.Config) { c.Credentials = tokensource.Secret(misplaced, secret) },
		func(t *testing.T, _ *authority, s *tokensource.Source, e *events) {
			s.Invalidate(settled(t, s))
			for _, x := range e.all {
				if text := fmt.Sprintf("%+v %v", x, x.LogValue()); strings.Contains(text, "correcthorse") || !strings.Contains(x.ClientID, "look like a secret") {
					t.Errorf("event = %s, want the client's ID hidden", text)
				}
			}
		})
}

// TestObserveCalls: Observe may call Invalidate and Close.
func TestObserveCalls(t *testing.T) {
	var s *tokensource.Source
	inBubble(t, func(c *tokensource.Config) {
		c.Observe = func(e tokensource.Event) {
			switch e.Kind {
			case tokensource.Fetched:
				s.Invalidate("token-1")
			case tokensource.Replaced:
				s.Close()
			}
		}
	}, func(t *testing.T, a *authority, made *tokensource.Source, _ *events) {
		s = made
		settled(t, s)
		pass(2 * time.Second)
		a.wantFetches(t, 2)
		if got := token(t, s); got != "token-2" { // which serves after Close
			t.Errorf("Token() = %s, want token-2", got)
		}
	})
}
