package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospection: an issuer that is asked about tokens has no keys, and that is no
// problem; a question that fails is.
func TestIntrospection(t *testing.T) {
	var down atomic.Bool
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{{
		Name: authName, Audiences: []string{orders},
		Introspect: func(context.Context, string) ([]byte, error) {
			if down.Load() {
				return nil, errors.New("connection refused")
			}
			return []byte(`{"active":false}`), nil
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := statusOf(t, telemetry.StatusConfig{Verifier: v})
	read := func(name string, state telemetry.State, want ...string) {
		t.Helper()
		r := localRequest("GET", "/")
		r.Header.Set("Accept", "application/json")
		var report telemetry.Report
		if err := json.Unmarshal(get(h, r).Body.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		if report.State != state || len(report.Issuers) != 1 || !report.Issuers[0].Introspects {
			t.Errorf("%s: report = %+v, want %s and one issuer that introspects", name, report, state)
		}
		page := html.UnescapeString(get(h, localRequest("GET", "/")).Body.String())
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page has no %q", name, text)
			}
		}
		if strings.Contains(page, "none of its keys") || strings.Contains(page, "JWKSURL") {
			t.Errorf("%s: the page speaks of keys", name)
		}
	}
	read("at first", telemetry.Well, "no good answer yet; 0 questions so far")
	_, _ = v.Verify(t.Context(), "opaque")
	read("after an answer", telemetry.Well, "last good answer", "1 question so far")
	down.Store(true)
	_, _ = v.Verify(t.Context(), "another")
	read("after a failure", telemetry.Degraded, "the introspection of tokens of "+authName, "the last question failed", "connection refused", "compare Endpoint and Credentials of introspection.Config")
}
