package otelm2m

import (
	"context"
	"maps"
	"sync/atomic"

	"github.com/m2mauth/m2mauth/internal/metrics"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// histogram records the duration of first sights.
type histogram struct {
	metric.Float64Histogram
	// options holds the attributes of each kind, ready to use. Kinds are few: it is
	// copied when one is added.
	options atomic.Pointer[map[verifier.Count][]metric.RecordOption]
}

func newHistogram(meter metric.Meter) (*histogram, error) {
	m := &metrics.Duration
	h, err := meter.Float64Histogram(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Description),
		metric.WithExplicitBucketBoundaries(metrics.Buckets()...))
	if err != nil {
		return nil, err
	}
	return &histogram{Float64Histogram: h}, nil
}

func (h *histogram) record(ctx context.Context, d *verifier.Decision) {
	c, ok := metrics.FirstSight(d)
	if !ok {
		return
	}
	h.Record(ctx, d.Took.Seconds(), h.optionsOf(c)...)
}

func (h *histogram) optionsOf(c verifier.Count) []metric.RecordOption {
	for {
		known := h.options.Load()
		if known != nil {
			if options, ok := (*known)[c]; ok {
				return options
			}
		}
		grown := make(map[verifier.Count][]metric.RecordOption)
		if known != nil {
			maps.Copy(grown, *known)
		}
		set := attributes(metrics.Duration.Labels, metrics.Values{c.Issuer, c.Outcome})
		grown[c] = []metric.RecordOption{metric.WithAttributeSet(set)}
		if h.options.CompareAndSwap(known, &grown) {
			return grown[c]
		}
	}
}

// annotate sets attributes of the span of ctx, if it is recorded.
func annotate(ctx context.Context, d *verifier.Decision) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	c := d.Count()
	list := make([]attribute.KeyValue, 0, 4)
	list = append(list,
		attribute.String(metrics.Outcome.Name, c.Outcome),
		attribute.Bool(metrics.Remembered.Name, c.Remembered))
	if c.Issuer != "" {
		list = append(list, attribute.String(metrics.Issuer.Name, c.Issuer))
	}
	if c.Reason != "" {
		list = append(list, attribute.String(metrics.ErrorType.Name, string(c.Reason)))
	}
	span.SetAttributes(list...)
}
