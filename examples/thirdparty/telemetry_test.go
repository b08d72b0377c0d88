package thirdparty

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/telemetry/otelm2m"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/prometheus/client_golang/prometheus"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// TestSameMetrics: one Verifier is reported by both modules, and OpenTelemetry's
// exporter for Prometheus exposes what promm2m does, name for name.
func TestSameMetrics(t *testing.T) {
	viaOTel, direct := prometheus.NewRegistry(), prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(viaOTel),
		otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	instruments, err := otelm2m.Register(sdk.NewMeterProvider(sdk.WithReader(exporter)))
	if err != nil {
		t.Fatal(err)
	}
	defer instruments.Close()
	collector := promm2m.NewCollector()
	direct.MustRegister(collector)

	authority, v := m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){instruments.Observe, collector.Observe},
	})
	instruments.Add(v)
	collector.Add(v)
	for range 2 {
		if _, err := v.Verify(t.Context(), authority.Token(m2mtest.TokenSpec{})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Verify(t.Context(), "junk"); !errors.Is(err, verifier.Malformed) {
		t.Fatalf("Verify(junk) = %v, want %v", err, verifier.Malformed)
	}

	a, b := names(t, viaOTel), names(t, direct)
	for name := range maps.Keys(a) {
		if !b[name] {
			t.Errorf("otelm2m has %s, and promm2m does not", name)
		}
	}
	for name := range maps.Keys(b) {
		if !a[name] {
			t.Errorf("promm2m has %s, and otelm2m does not", name)
		}
	}
	if len(a) < 10 {
		t.Errorf("%d series, want at least 10", len(a))
	}
}

// names lists every series, by name, type and labels.
func names(t *testing.T, g prometheus.Gatherer) map[string]bool {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetValue() != "" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			slices.Sort(labels)
			all[f.GetName()+" "+f.GetType().String()+" {"+strings.Join(labels, ", ")+"}"] = true
		}
	}
	return all
}
