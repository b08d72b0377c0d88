package verifier

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// This file makes the types of this package print well: with fmt in one line,
// with slog in groups, in JSON by field names. None shows a token or its claims.

// Format implements fmt.Formatter: every verb prints the names of the issuers, so
// that no part of the configuration, like the query of a JWKSURL, is in a log.
func (v *Verifier) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "verifier of %q", v.Issuers()) }

// String returns the client's identity, so that fmt does not print the claims.
func (c Client) String() string { return fmt.Sprintf("client %q of %q", c.ID, c.Issuer) }

// LogValue returns the identity and the exported fields as a group.
func (c Client) LogValue() slog.Value {
	return slog.GroupValue(present(
		slog.String("client_id", c.ID),
		slog.String("issuer", c.Issuer),
		slog.String("subject", c.Subject),
		slog.String("token_id", c.TokenID),
		slog.String("key_id", c.KeyID),
		slog.String("scopes", c.Scopes.String()),
		slog.Time("issued_at", c.IssuedAt),
		slog.Time("not_before", c.NotBefore),
		slog.Time("expires_at", c.ExpiresAt),
	)...)
}

// present returns attrs without empty strings and zero times.
func present(attrs ...slog.Attr) []slog.Attr {
	kept := attrs[:0]
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindString:
			if a.Value.String() == "" {
				continue
			}
		case slog.KindTime:
			if a.Value.Time().IsZero() {
				continue
			}
		}
		kept = append(kept, a)
	}
	return kept
}

// LogValue returns the decision as a group: outcome, reason and cause first.
func (d Decision) LogValue() slog.Value {
	outcome, cause := allowed, ""
	if d.Err != nil {
		outcome, cause = AsError(d.Err).Code.String(), d.Err.Error()
	}
	attrs := present(
		slog.String("outcome", outcome),
		slog.String("reason", string(d.Reason)),
		slog.String("cause", cause),
		slog.String("operation", d.Operation),
		slog.String("issuer", d.Issuer),
		slog.String("scopes_required", d.Need.String()),
	)
	if d.Client.ID != "" {
		attrs = append(attrs, slog.Any("client", d.Client))
	}
	if d.RevocationsStale {
		attrs = append(attrs, slog.Bool("revocations_stale", true))
	}
	return slog.GroupValue(append(attrs, slog.Bool("cached", d.Cached), slog.Duration("took", d.Took))...)
}

// String returns the state of the keys in one line.
func (s IssuerStatus) String() string {
	text := fmt.Sprintf("keys of %q: %s, %d in use", s.Issuer, s.State, len(s.Keys))
	if s.Introspects {
		text = fmt.Sprintf("introspection by %q: %s, %d questions", s.Issuer, s.State, s.Fetches)
	}
	if !s.Confirmed.IsZero() {
		text += ", confirmed " + s.Confirmed.UTC().Format(time.RFC3339)
	}
	if len(s.Problems) > 0 {
		text += fmt.Sprintf(", problems %v", s.Problems)
	}
	if s.LastError != nil {
		text += ", last error: " + s.LastError.Error()
	}
	return text
}

// LogValue returns the state as a group.
func (s IssuerStatus) LogValue() slog.Value {
	lastError := ""
	if s.LastError != nil {
		lastError = s.LastError.Error()
	}
	attrs := present(
		slog.String("issuer", s.Issuer),
		slog.String("state", string(s.State)),
		slog.Time("confirmed", s.Confirmed),
		slog.String("last_error", lastError),
		slog.Time("next_attempt", s.NextAttempt),
	)
	attrs = append(attrs, slog.Int("fetches", s.Fetches))
	if s.Introspects {
		return slog.GroupValue(append(attrs, slog.Bool("introspects", true))...)
	}
	attrs = append(attrs, slog.Any("keys", s.Keys))
	if len(s.Problems) > 0 {
		attrs = append(attrs, slog.Any("problems", s.Problems))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes the fields by their names, and LastError as its text. It
// leaves out LastError and times that are zero.
func (s IssuerStatus) MarshalJSON() ([]byte, error) {
	type fields IssuerStatus // without this method
	doc := struct {
		fields
		LastError              string    `json:",omitzero"`
		Confirmed, NextAttempt time.Time `json:",omitzero"`
	}{fields: fields(s), Confirmed: s.Confirmed, NextAttempt: s.NextAttempt}
	if s.LastError != nil {
		doc.LastError = s.LastError.Error()
	}
	return json.Marshal(doc)
}

// String returns the key and its algorithm.
func (k KeyStatus) String() string { return fmt.Sprintf("%q (%s)", k.ID, k.Algorithm) }

// String returns the key and its problem.
func (p KeyProblem) String() string {
	text := fmt.Sprintf("key %q: %s", p.KeyID, p.Text)
	if p.Compromised {
		text += " (compromised)"
	}
	return text
}

// quoted returns a text that others wrote for a log: unchanged if it is short
// and of visible ASCII, otherwise quoted and cut.
func quoted(text string) string {
	if len(text) <= maxQuoted && printable(text) {
		return text
	}
	return strconv.QuoteToASCII(text[:min(len(text), maxQuoted)])
}
