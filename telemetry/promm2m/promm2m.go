// Package promm2m exposes what a [verifier.Verifier] decides to Prometheus, under the
// names that OpenTelemetry's exporter for Prometheus gives to the metrics of
// telemetry/otelm2m.
//
//	collector := promm2m.NewCollector()
//	prometheus.MustRegister(collector)
//	v, err := verifier.New(verifier.Config{
//		Issuers: issuers,
//		Observe: []func(context.Context, verifier.Decision){collector.Observe},
//	})
//	…
//	collector.Add(v)
//
// Metrics other than the duration need only Add, which costs calls nothing: the
// Verifier counts anyway. docs/metrics.md lists the metrics, and what to alert on.
package promm2m

import (
	"context"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/metrics"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector is a [prometheus.Collector] of one or more Verifiers. Make it with
// [NewCollector], and register it once: a second Collector in the same registry would
// have the same names. It is safe for concurrent use.
type Collector struct {
	sources  metrics.Sources
	descs    map[*metrics.Metric]*prometheus.Desc
	duration *prometheus.HistogramVec
}

// NewCollector returns a Collector of the verifiers.
func NewCollector(verifiers ...*verifier.Verifier) *Collector {
	c := &Collector{
		descs: make(map[*metrics.Metric]*prometheus.Desc),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    name(&metrics.Duration),
			Help:    metrics.Duration.Description,
			Buckets: metrics.Buckets(),
		}, labels(&metrics.Duration)),
	}
	for _, m := range metrics.List() {
		c.descs[m] = prometheus.NewDesc(name(m), m.Description, labels(m), nil)
	}
	c.sources.Add(verifiers...)
	return c
}

// Add collects further verifiers. Those of the same issuer are collected together:
// counters add up, and the greatest age counts.
func (c *Collector) Add(verifiers ...*verifier.Verifier) { c.sources.Add(verifiers...) }

// AddRevocations collects the view of revocation lists.
func (c *Collector) AddRevocations(lists ...*revocation.List) { c.sources.AddRevocations(lists...) }

// AddTokenEndpoints collects the responses of token endpoints. Those of several endpoints
// add up.
func (c *Collector) AddTokenEndpoints(endpoints ...*gateway.TokenEndpoint) {
	c.sources.AddTokenEndpoints(endpoints...)
}

// Observe is for verifier.Config.Observe. It records the duration of decisions about
// tokens that were not remembered.
func (c *Collector) Observe(_ context.Context, d verifier.Decision) {
	if kind, ok := metrics.FirstSight(&d); ok {
		c.duration.WithLabelValues(kind.Issuer, kind.Outcome).Observe(d.Took.Seconds())
	}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
	c.duration.Describe(out)
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	for m, values := range c.sources.All(time.Now()) {
		kind := prometheus.GaugeValue
		if m.Kind == metrics.Counter {
			kind = prometheus.CounterValue
		}
		for labels, value := range values {
			metric, err := prometheus.NewConstMetric(c.descs[m], kind, value, labels[:len(m.Labels)]...)
			if err != nil { // a Name that is not UTF-8
				metric = prometheus.NewInvalidMetric(c.descs[m], err)
			}
			out <- metric
		}
	}
	c.duration.Collect(out)
}

// name returns the name of m by Prometheus's conventions.
func name(m *metrics.Metric) string {
	n := underscored(m.Name)
	if m.Unit == "s" {
		n += "_seconds"
	}
	if m.Kind == metrics.Counter {
		n += "_total"
	}
	return n
}

func labels(m *metrics.Metric) []string {
	list := make([]string, len(m.Labels))
	for i, l := range m.Labels {
		list[i] = underscored(l.Name)
	}
	return list
}

func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }
