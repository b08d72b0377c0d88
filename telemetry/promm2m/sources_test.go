package promm2m_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/m2mauth/m2mauth/internal/metricstest"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// TestTokenEndpoints: the responses of token endpoints are collected, those of two
// together.
func TestTokenEndpoints(t *testing.T) {
	c := promm2m.NewCollector()
	one, other := metricstest.NewEndpoint(t), metricstest.NewEndpoint(t)
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
