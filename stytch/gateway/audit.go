package gateway

import (
	"context"
	"log/slog"
	"net/http"
)

// Audit returns a function for [TokenEndpointOptions].Observe that writes one record,
// "token request", for each [Answer]: who got a token with which scopes for which of its
// secrets, and who got none. logger is slog.Default() at the time of the call if nil.
// The function is safe for concurrent use, and waits for the logger's Handler.
//
// The level is Info for a token and Warn for a refusal. It is Error if this side is at
// fault (503, a failing Limiter, a Warning), and for a failed authentication from many
// addresses.
//
// The keys are outcome ("issued", or the error code), status, client_id, addr,
// secret_last_four, scopes, expires_at, request_id, duration, failed_from, cause,
// limiter_error and warning. Keys without a value are left out.
func Audit(logger *slog.Logger) func(context.Context, Answer) {
	return func(ctx context.Context, a Answer) {
		to := logger
		if to == nil {
			to = slog.Default()
		}
		if level := a.level(); to.Enabled(ctx, level) {
			to.LogAttrs(ctx, level, "token request", a.attributes()...)
		}
	}
}

func (a *Answer) level() slog.Level {
	switch {
	case a.Status == http.StatusServiceUnavailable, a.LimiterErr != nil, a.Warning != "", a.FailedFrom > 0:
		return slog.LevelError
	case a.Code != "":
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

func (a *Answer) attributes() []slog.Attr {
	outcome := a.Code
	if outcome == "" {
		outcome = "issued"
	}
	list := []slog.Attr{slog.String("outcome", outcome), slog.Int("status", a.Status)}
	text := func(key, value string) {
		if value != "" {
			list = append(list, slog.String(key, value))
		}
	}
	failure := func(key string, err error) {
		if err != nil {
			list = append(list, slog.String(key, err.Error()))
		}
	}
	text("client_id", a.ClientID)
	if a.Addr.IsValid() {
		text("addr", a.Addr.String())
	}
	text("secret_last_four", a.SecretLastFour)
	if a.Scopes != nil {
		list = append(list, slog.Any("scopes", a.Scopes))
	}
	if !a.Expires.IsZero() {
		list = append(list, slog.Time("expires_at", a.Expires))
	}
	text("request_id", a.RequestID)
	list = append(list, slog.Duration("duration", a.Took))
	if a.FailedFrom > 0 {
		list = append(list, slog.Int("failed_from", a.FailedFrom))
	}
	failure("cause", a.Err)
	failure("limiter_error", a.LimiterErr)
	text("warning", a.Warning)
	return list
}
