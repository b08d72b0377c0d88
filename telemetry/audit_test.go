package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// textLog returns a logger without times, and what it wrote.
func textLog() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), &b
}

func refused(code verifier.Code, reason verifier.Reason, cause error) verifier.Decision {
	return verifier.Decision{Operation: "GET /orders", Reason: reason, Err: &verifier.Error{Code: code, Reason: reason, Err: cause}}
}

// TestAuditRecord: one record for a decision, with the level of its outcome and
// the keys that are documented.
func TestAuditRecord(t *testing.T) {
	client := verifier.Client{
		ID: "worker", Subject: "sub", Issuer: "https://a", TokenID: "t1", KeyID: "k1",
		Scopes: scopes.Of("read:orders"), ExpiresAt: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
	}
	for _, test := range []struct {
		name     string
		decision verifier.Decision
		want     string
	}{
		{"allowed",
			verifier.Decision{Operation: "GET /orders", Issuer: "https://a", Client: client, Need: scopes.All("read:orders"), Cached: true, Took: 40 * time.Microsecond},
			`level=INFO msg="auth decision" outcome=allowed operation="GET /orders" issuer=https://a client_id=worker subject=sub token_id=t1 key_id=k1 ` +
				`scopes_required="all(\"read:orders\")" scopes_granted=read:orders expires_at=2026-11-26T12:00:00.000Z remembered=true duration=40µs`},
		{"public",
			verifier.Decision{Operation: "GET /healthz", Need: scopes.Public()},
			`level=INFO msg="auth decision" outcome=allowed operation="GET /healthz" scopes_required=public remembered=false duration=0s`},
		{"refused",
			refused(verifier.InvalidToken, verifier.Expired, errors.New(`"exp" was yesterday`)),
			`level=WARN msg="auth decision" outcome=invalid_token reason=expired operation="GET /orders" scopes_required=nobody remembered=false duration=0s ` +
				`cause="\"exp\" was yesterday" hint="request a new token before`},
		{"undecided",
			refused(verifier.Unavailable, verifier.CheckFailed, errors.New("no connection")),
			`level=ERROR msg="auth decision" outcome=unavailable reason=check_failed`},
		{"too many", refused(verifier.TooManyRequests, verifier.UnknownKeysFlood, nil), `level=WARN`},
		{"the caller went away", refused(verifier.Unavailable, verifier.Canceled, context.Canceled), `level=WARN`},
		{"a forged line",
			verifier.Decision{Operation: "GET /", Client: verifier.Client{ID: "a\nlevel=INFO msg=\"auth decision\" outcome=allowed\u202e"}},
			`client_id="\"a\\nlevel=INFO msg=\\\"auth decision\\\" outcome=allowed\\u202e\""`},
		{"a long ID",
			verifier.Decision{Client: verifier.Client{ID: strings.Repeat("x", 300)}},
			`client_id="\"` + strings.Repeat("x", 256) + `\"..."`},
		{"a token in a callback's error",
			refused(verifier.Unavailable, verifier.CheckFailed, errors.New("lookup of "+token+" failed")),
			`cause="lookup of (not shown: `},
		{"an error whose text panics",
			refused(verifier.Unavailable, verifier.CheckFailed, panicking{}),
			`cause="the error's text can't be read: no text"`},
		{"a Reason of one's own", refused(verifier.InvalidToken, "of_my_own", nil), `reason=of_my_own operation="GET /orders" scopes_required=nobody remembered=false duration=0s`},
	} {
		t.Run(test.name, func(t *testing.T) {
			logger, out := textLog()
			telemetry.Audit(logger, nil)(context.Background(), test.decision)
			if got := out.String(); !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 || strings.Contains(got, token) {
				t.Errorf("Audit wrote %s\nwant %s", got, test.want)
			}
		})
	}
}

const token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3b3JrZXIifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

type panicking struct{}

func (panicking) Error() string { panic("no text") }

// TestAuditSamples: allowed calls may be sampled, refusals never are.
func TestAuditSamples(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  *telemetry.AuditOptions
		level slog.Level
		want  int // records of 10 allowed and 10 refused calls
	}{
		{"no options", nil, slog.LevelInfo, 20},
		{"zero", &telemetry.AuditOptions{}, slog.LevelInfo, 20},
		{"one in four", &telemetry.AuditOptions{AllowedEvery: 4}, slog.LevelInfo, 3 + 10},
		{"none", &telemetry.AuditOptions{AllowedEvery: -1}, slog.LevelInfo, 10},
		{"the logger takes warnings alone", nil, slog.LevelWarn, 10},
	} {
		var b bytes.Buffer
		observe := telemetry.Audit(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: test.level})), test.opts)
		for range 10 {
			observe(context.Background(), verifier.Decision{})
			observe(context.Background(), refused(verifier.InvalidToken, verifier.Expired, nil))
		}
		if got := strings.Count(b.String(), "\n"); got != test.want {
			t.Errorf("%s: Audit wrote %d records, want %d", test.name, got, test.want)
		}
	}
}

// TestAuditDefaultLogger: without a logger, the default one at the time of the
// call is used.
func TestAuditDefaultLogger(t *testing.T) {
	observe := telemetry.Audit(nil, nil)
	old := slog.Default()
	defer slog.SetDefault(old)
	logger, out := textLog()
	slog.SetDefault(logger)
	observe(context.Background(), verifier.Decision{Operation: "GET /orders"})
	if !strings.Contains(out.String(), `operation="GET /orders"`) {
		t.Errorf("Audit(nil, nil) wrote %q to the default logger, want a record", out)
	}
}

// handler is an slog.Handler that does as it is told.
type handler struct {
	slog.Handler
	handle func() error
}

func (h handler) Enabled(context.Context, slog.Level) bool  { return true }
func (h handler) Handle(context.Context, slog.Record) error { return h.handle() }

// TestAuditHandlerFails: a handler that panics or fails changes no decision.
func TestAuditHandlerFails(t *testing.T) {
	for name, handle := range map[string]func() error{
		"panics": func() error { panic("disk full") },
		"fails":  func() error { return errors.New("disk full") },
	} {
		synctest.Test(t, func(t *testing.T) {
			observe := telemetry.Audit(slog.New(handler{handle: handle}), nil)
			a, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){observe}})
			if c, err := v.Verify(context.Background(), a.Token(m2mtest.TokenSpec{})); err != nil {
				t.Errorf("Verify with a handler that %s = %v, %v, want no error", name, c, err)
			}
		})
	}
}

// TestAuditAllocations: a call that is not logged costs no memory.
func TestAuditAllocations(t *testing.T) {
	logger := slog.New(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, allowed := context.Background(), verifier.Decision{Operation: "GET /orders"}
	for name, observe := range map[string]func(context.Context, verifier.Decision){
		"the logger takes warnings alone": telemetry.Audit(logger, nil),
		"allowed calls are not logged":    telemetry.Audit(slog.Default(), &telemetry.AuditOptions{AllowedEvery: -1}),
		"Recent":                          new(telemetry.Recent).Observe,
	} {
		observe(ctx, allowed)
		if got := testing.AllocsPerRun(100, func() { observe(ctx, allowed) }); got > 0 {
			t.Errorf("%s: %v allocations for an allowed call, want 0", name, got)
		}
	}
}
