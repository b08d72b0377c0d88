package promm2m_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func Example() {
	authority := m2mtest.NewAuthority(nil) // in production, a real one
	defer authority.Close()

	collector := promm2m.NewCollector()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)

	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){collector.Observe},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	collector.Add(v)

	guard, err := httpmw.New(v, nil)
	if err != nil {
		panic(err)
	}
	reports := guard.Require(scopes.All("reports:read"))(http.NotFoundHandler())
	reports.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/reports", nil))

	// Serve the metrics where only Prometheus gets.
	scrape := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(scrape.Body.String()) {
		if strings.HasPrefix(line, "m2mauth_decisions_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// m2mauth_decisions_total{error_type="credentials_missing",m2mauth_issuer="",m2mauth_outcome="no_credentials",m2mauth_remembered="false"} 1
}
