package otelm2m_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestRevocations: the view of a list is reported.
func TestRevocations(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	w.instruments.AddRevocations(newList(t), nil)
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
	e := newEndpoint(t)
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

func newEndpoint(t testing.TB) *gateway.TokenEndpoint {
	t.Helper()
	e, err := gateway.NewTokenEndpoint("project-test-00000000-0000-4000-8000-000000000000", nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// source is a revocation.Source with one snapshot.
type source struct{ update revocation.Update }

func (s source) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	if err := apply(s.update); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func newList(t testing.TB) *revocation.List {
	t.Helper()
	list, err := revocation.New(revocation.Config{Source: source{revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{{
		Issuer: "https://issuer.example", Select: revocation.Client("c"), IssuedUpTo: time.Now(), Until: time.Now().Add(time.Hour),
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	if err := list.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list
}
