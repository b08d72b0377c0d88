package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/m2mauth/m2mauth/verifier"
)

// AuditOptions configures Audit. The zero value logs every decision.
type AuditOptions struct {
	// AllowedEvery logs one of this many allowed calls: every one if 0 or 1, none
	// if negative. Refusals are always logged. To count calls, use
	// Verifier.Counts, which misses none.
	AllowedEvery int
}

// Audit returns a function for verifier.Config.Observe that writes one record,
// "auth decision", for each decision. logger is slog.Default() at the time of the
// call if nil; opts may be nil. The function is safe for concurrent use.
//
// The level is Info for an allowed call, Warn for a refused one, and Error if
// nothing could be decided (Unavailable), because that is a fault on this side.
// A call whose own context ended is a Warn.
//
// The keys are outcome, reason, operation, issuer, client_id, subject, token_id,
// key_id, scopes_required, scopes_granted, expires_at, remembered, duration, cause
// and hint: how such a refusal is usually fixed. Keys without a value are left out.
// There is no token and there are no claims, except for what cause says of the one
// that was wrong. Values that the caller or the authority wrote are quoted unless
// they are printable ASCII, and cut: 256 bytes of an identifier, 1,024 of a
// sentence.
//
// The call waits for the logger's Handler. If the Handler panics, the record is
// lost and the decision stands; its errors are ignored, as slog does. If it
// blocks, calls block with it: give Audit a Handler that drops or buffers records
// when its destination is slow.
//
// Functions written by hand get these things wrong most often:
//   - They test an *Error variable that holds nil instead of Decision.Err.
//   - They log the error of a callback as it is, with the token in it.
//   - They log every refusal at the same level, so that an outage of the authority
//     looks like a client's mistake.
//   - They log a client ID with line breaks, which forges records in a text log.
func Audit(logger *slog.Logger, opts *AuditOptions) func(context.Context, verifier.Decision) {
	var every int64 = 1
	if opts != nil && opts.AllowedEvery != 0 {
		every = int64(opts.AllowedEvery)
	}
	a := &audit{logger: logger, every: every}
	return a.observe
}

type audit struct {
	logger *slog.Logger
	every  int64 // negative: none
	seen   atomic.Int64
}

func (a *audit) observe(ctx context.Context, d verifier.Decision) {
	logger := a.logger
	if logger == nil {
		logger = slog.Default()
	}
	level := levelOf(&d)
	if !logger.Enabled(ctx, level) || d.Err == nil && !a.samples() {
		return
	}
	logger.LogAttrs(ctx, level, "auth decision", attributes(&d)...)
}

// samples reports whether the next allowed call is logged. The first one is.
func (a *audit) samples() bool {
	switch {
	case a.every < 0:
		return false
	case a.every == 1:
		return true
	default:
		return (a.seen.Add(1)-1)%a.every == 0
	}
}

func levelOf(d *verifier.Decision) slog.Level {
	switch _, code := outcome(d); {
	case code == 0:
		return slog.LevelInfo
	case code == verifier.Unavailable && d.Reason != verifier.Canceled:
		return slog.LevelError
	default:
		return slog.LevelWarn
	}
}

func attributes(d *verifier.Decision) []slog.Attr {
	result, _ := outcome(d)
	attrs := make([]slog.Attr, 0, 15)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("outcome", result)
	text("reason", plain(string(d.Reason), maxID))
	text("operation", plain(d.Operation, maxText))
	text("issuer", plain(d.Issuer, maxText))
	text("client_id", plain(d.Client.ID, maxID))
	text("subject", plain(d.Client.Subject, maxID))
	text("token_id", plain(d.Client.TokenID, maxID))
	text("key_id", plain(d.Client.KeyID, maxID))
	text("scopes_required", d.Need.String())
	text("scopes_granted", plain(d.Client.Scopes.String(), maxText))
	if !d.Client.ExpiresAt.IsZero() {
		attrs = append(attrs, slog.Time("expires_at", d.Client.ExpiresAt))
	}
	attrs = append(attrs, slog.Bool("remembered", d.Cached), slog.Duration("duration", d.Took))
	if d.Err != nil {
		cause, hint := causeAndHint(d)
		text("cause", cause)
		text("hint", hint)
	}
	return attrs
}
