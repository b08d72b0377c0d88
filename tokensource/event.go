package tokensource

import (
	"log/slog"
	"time"
)

// EventKind names what an [Event] reports.
type EventKind string

// The kinds of events.
const (
	Fetched  EventKind = "fetched"  // a fetch ended
	Replaced EventKind = "replaced" // a fetch that a refusal caused ended
	Refused  EventKind = "refused"  // a service refused a token
)

// Event reports one fetch, replacement or refusal. It holds no token and no
// secret.
type Event struct {
	Kind     EventKind
	ClientID string // "" if unknown, and a note if it looks like a secret
	URL      string // the token endpoint, without its query; "" if there is none

	// Origin refused the token: "" for [Source.Invalidate].
	Origin string

	// ExpiresAt says when the token that was fetched or refused expires.
	ExpiresAt time.Time

	// Duration measures the fetch.
	Duration time.Duration

	// Err says why the fetch failed. For a refusal, it says why no replacement
	// is fetched. It is nil otherwise.
	Err error
}

// LogValue implements [slog.LogValuer], so that Observe can be one line of a log.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	for _, a := range []struct{ name, value string }{{"client_id", e.ClientID}, {"url", e.URL}, {"origin", e.Origin}} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	if !e.ExpiresAt.IsZero() {
		attrs = append(attrs, slog.Time("expires_at", e.ExpiresAt))
	}
	if e.Kind != Refused {
		attrs = append(attrs, slog.Duration("duration", e.Duration))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// report calls Observe, with no lock held. A panic in it stops here.
func (s *Source) report(e Event) {
	if s.observe == nil {
		return
	}
	defer func() { _ = recover() }()
	s.observe(e)
}
