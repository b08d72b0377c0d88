// Package otelm2m reports what a [verifier.Verifier] decides to OpenTelemetry: as
// metrics, and as attributes of the current span.
//
//	instruments, err := otelm2m.Register(nil) // nil: the global MeterProvider
//	…
//	v, err := verifier.New(verifier.Config{
//		Issuers: issuers,
//		Observe: []func(context.Context, verifier.Decision){instruments.Observe},
//	})
//	…
//	instruments.Add(v)
//
// Metrics other than the duration need only Add, which costs calls nothing: the
// Verifier counts anyway. docs/metrics.md lists the metrics, and what to alert on.
package otelm2m

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/metrics"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// scope is the name of the instrumentation scope.
const scope = "github.com/m2mauth/m2mauth/telemetry/otelm2m"

// Instruments reports one or more Verifiers. Make it with [Register]. The zero value
// and nil report nothing. It is safe for concurrent use.
type Instruments struct {
	sources      metrics.Sources
	duration     *histogram
	registration metric.Registration
}

// Register creates the instruments of provider, or of the global MeterProvider if it
// is nil, and reports the verifiers with them. Call it once for a provider: two
// registrations would report the same names. It returns every error of the provider.
func Register(provider metric.MeterProvider, verifiers ...*verifier.Verifier) (*Instruments, error) {
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	meter := provider.Meter(scope)
	i := new(Instruments)
	i.sources.Add(verifiers...)

	var errs []error
	reporters := make(map[*metrics.Metric]reporter)
	var observables []metric.Observable
	for _, m := range metrics.List() {
		r, observable, err := newReporter(meter, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("otelm2m: %s: %w", m.Name, err))
			continue
		}
		reporters[m] = r
		observables = append(observables, observable)
	}
	var err error
	if i.duration, err = newHistogram(meter); err != nil {
		errs = append(errs, fmt.Errorf("otelm2m: %s: %w", metrics.Duration.Name, err))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	i.registration, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for m, values := range i.sources.All(time.Now()) {
			for labels, value := range values {
				reporters[m](o, value, metric.WithAttributeSet(attributes(m.Labels, labels)))
			}
		}
		return nil
	}, observables...)
	if err != nil {
		return nil, fmt.Errorf("otelm2m: %w", err)
	}
	return i, nil
}

// Add reports further verifiers. Those of the same issuer are reported together:
// counters add up, and the greatest age counts.
func (i *Instruments) Add(verifiers ...*verifier.Verifier) { i.sources.Add(verifiers...) }

// AddRevocations reports the view of revocation lists.
func (i *Instruments) AddRevocations(lists ...*revocation.List) { i.sources.AddRevocations(lists...) }

// AddTokenEndpoints reports the responses of token endpoints. Those of several endpoints
// add up.
func (i *Instruments) AddTokenEndpoints(endpoints ...*gateway.TokenEndpoint) {
	i.sources.AddTokenEndpoints(endpoints...)
}

// Observe is for verifier.Config.Observe. It records the duration of decisions about
// tokens that were not remembered, and sets attributes of the current span. It never
// sets the span's status: that is for the instrumentation of the server.
func (i *Instruments) Observe(ctx context.Context, d verifier.Decision) {
	if i == nil || i.duration == nil {
		return
	}
	i.duration.record(ctx, &d)
	annotate(ctx, &d)
}

// Close stops the reports of everything but the duration, which ends with the
// provider. The counters of the verifiers go on.
func (i *Instruments) Close() error {
	if i == nil || i.registration == nil {
		return nil
	}
	if err := i.registration.Unregister(); err != nil {
		return fmt.Errorf("otelm2m: %w", err)
	}
	return nil
}

// reporter reports a value of a Metric.
type reporter func(metric.Observer, float64, metric.ObserveOption)

// newReporter creates the instrument of m.
func newReporter(meter metric.Meter, m *metrics.Metric) (reporter, metric.Observable, error) {
	unit, description := metric.WithUnit(m.Unit), metric.WithDescription(m.Description)
	switch {
	case m.Kind == metrics.Counter:
		c, err := meter.Int64ObservableCounter(m.Name, unit, description)
		return func(o metric.Observer, v float64, a metric.ObserveOption) { o.ObserveInt64(c, int64(v), a) }, c, err
	case m.Unit == "s":
		g, err := meter.Float64ObservableGauge(m.Name, unit, description)
		return func(o metric.Observer, v float64, a metric.ObserveOption) { o.ObserveFloat64(g, v, a) }, g, err
	default:
		g, err := meter.Int64ObservableGauge(m.Name, unit, description)
		return func(o metric.Observer, v float64, a metric.ObserveOption) { o.ObserveInt64(g, int64(v), a) }, g, err
	}
}

// attributes returns the labels that have a value.
func attributes(labels []metrics.Label, values metrics.Values) attribute.Set {
	list := make([]attribute.KeyValue, 0, len(values))
	for i, l := range labels {
		switch v := values[i]; {
		case v == "":
		case l.Bool:
			list = append(list, attribute.Bool(l.Name, v == "true"))
		case l.Int:
			n, _ := strconv.Atoi(v)
			list = append(list, attribute.Int(l.Name, n))
		default:
			list = append(list, attribute.String(l.Name, v))
		}
	}
	return attribute.NewSet(list...)
}
