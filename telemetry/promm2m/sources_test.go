package promm2m_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// TestTokenEndpoints: the responses of token endpoints are collected, those of two
// together.
func TestTokenEndpoints(t *testing.T) {
	c := promm2m.NewCollector()
	one, other := newEndpoint(t), newEndpoint(t)
	c.AddTokenEndpoints(one, nil, other, one)
	for _, e := range []http.Handler{one, one, other} {
		e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/token", nil))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	got := series(t, w.Body.Bytes())
	for name, want := range map[string]float64{
		"m2mauth_gateway_responses_total{error_type=invalid_request,http_response_status_code=405,m2mauth_gateway_guessed=false,m2mauth_gateway_local_limits=false}": 3,
		"m2mauth_gateway_responses_total{error_type=invalid_client,http_response_status_code=401,m2mauth_gateway_guessed=true,m2mauth_gateway_local_limits=false}":   0,
		"m2mauth_gateway_responses_total{http_response_status_code=200,m2mauth_gateway_guessed=false,m2mauth_gateway_local_limits=false}":                            0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v (present: %v), want %v", name, v, ok, want)
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
