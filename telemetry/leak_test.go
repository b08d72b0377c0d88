package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNothingLeaks runs the table of decisions, and looks for each credential and each
// DPoP proof in what this package makes of it: the records of Audit, the refusals of
// Recent, and the status page in both its forms.
func TestNothingLeaks(t *testing.T) {
	outputs := 0
	watch := func(t *testing.T) doortest.Watch {
		var text, records bytes.Buffer
		recent := &telemetry.Recent{}
		audits := []func(context.Context, verifier.Decision){
			telemetry.Audit(slog.New(slog.NewTextHandler(&text, nil)), nil),
			telemetry.Audit(slog.New(slog.NewJSONHandler(&records, nil)), nil),
			recent.Observe,
		}
		return doortest.Watch{
			Observe: func(ctx context.Context, d verifier.Decision) {
				for _, observe := range audits {
					observe(ctx, d)
				}
			},
			Output: func(v *verifier.Verifier) string {
				outputs++
				h, err := telemetry.Status(telemetry.StatusConfig{Verifier: v, Recent: recent})
				if err != nil {
					t.Fatal(err)
				}
				asJSON := localRequest("GET", "/")
				asJSON.Header.Set("Accept", "application/json")
				page, report := get(h, localRequest("GET", "/")), get(h, asJSON)
				if page.Code != 200 || report.Code != 200 || !json.Valid(report.Body.Bytes()) {
					t.Errorf("the status page = %d and %d, want 200 and JSON", page.Code, report.Code)
				}
				return text.String() + records.String() + html.UnescapeString(page.Body.String()) + report.Body.String()
			},
		}
	}
	doortest.RunWatched(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) doortest.Result {
		r := verifier.Request{Operation: "test", Authorization: call.Authorization, PeerCertificates: call.PeerCertificates}
		if call.Proofs != nil {
			r.DPoP, r.Method, r.Origin, r.Path = call.Proofs("GET", "/x"), "GET", doortest.Origin, "/x"
		}
		ctx, err := v.Authorize(t.Context(), r, call.Need)
		client, _ := verifier.ClientFromContext(ctx)
		if err != nil {
			return doortest.Result{Code: verifier.AsError(err).Code, Client: client}
		}
		return doortest.Result{Reached: true, Client: client}
	}, watch)
	want := 1000
	if doortest.Sampled {
		want = 500
	}
	if outputs < want {
		t.Errorf("outputs that were searched = %d, want %d or more", outputs, want)
	}
}
