package otelm2m_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/internal/metricstest"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestRevocations: the view of a list is reported.
func TestRevocations(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	w.instruments.AddRevocations(metricstest.NewList(t), nil)
	got := w.series(t)
	for name, want := range map[string]float64{
		"m2mauth.revocation.entries{}": 1, "m2mauth.revocation.stale{}": 0, "m2mauth.revocation.missing{}": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v (present: %v), want %v", name, v, ok, want)
		}
	}
	if age, ok := got["m2mauth.revocation.age{}"]; !ok || age < 0 || age > 60 {
		t.Errorf("m2mauth.revocation.age = %v (present: %v), want some seconds at most", age, ok)
	}
}

// TestTokenEndpoints: the responses of a token endpoint are reported, with the status as
// a number, by OpenTelemetry's conventions.
func TestTokenEndpoints(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	e := metricstest.NewEndpoint(t)
	w.instruments.AddTokenEndpoints(e, nil)
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/token", nil))
	const name = "m2mauth.gateway.responses{error.type=invalid_request,http.response.status_code=405,m2mauth.gateway.guessed=false,m2mauth.gateway.local_limits=false}"
	if got := w.series(t); got[name] != 1 {
		t.Errorf("%s = %v, want 1 of %v", name, got[name], got)
	}
	for _, m := range w.collect(t) {
		sum, _ := m.Data.(metricdata.Sum[int64])
		for _, p := range sum.DataPoints {
			if status, ok := p.Attributes.Value("http.response.status_code"); ok && status.Type() != attribute.INT64 {
				t.Errorf("http.response.status_code is a %v, want %v", status.Type(), attribute.INT64)
			}
		}
	}
}
