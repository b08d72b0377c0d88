package otelm2m_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/metrics"
	"github.com/m2mauth/m2mauth/internal/metricstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry/otelm2m"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// world is a Verifier that is observed, and a reader of its metrics.
type world struct {
	authority   *m2mtest.Authority
	verifier    *verifier.Verifier
	instruments *otelm2m.Instruments
	reader      *sdk.ManualReader
}

func newWorld(t testing.TB, cfg verifier.Config) *world {
	t.Helper()
	w := &world{reader: sdk.NewManualReader()}
	provider := sdk.NewMeterProvider(sdk.WithReader(w.reader))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	var err error
	if w.instruments, err = otelm2m.Register(provider); err != nil {
		t.Fatal(err)
	}
	cfg.Observe = append(cfg.Observe, w.instruments.Observe)
	w.authority, w.verifier = m2mtest.Trust(t, &cfg)
	w.instruments.Add(w.verifier, nil, w.verifier) // the third is there already
	return w
}

func (w *world) request(spec m2mtest.TokenSpec) verifier.Request {
	return verifier.Request{Authorization: []string{"Bearer " + w.authority.Token(spec)}}
}

// series maps "name{attribute=value,…}" to the value; of a histogram, to its count.
func (w *world) series(t testing.TB) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for _, m := range w.collect(t) {
		add := func(set attribute.Set, value float64) {
			all[m.Name+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] = value
		}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				add(p.Attributes, float64(p.Value))
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				add(p.Attributes, float64(p.Value))
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				add(p.Attributes, p.Value)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				add(p.Attributes, float64(p.Count))
			}
		default:
			t.Errorf("%s has data of the type %T", m.Name, data)
		}
	}
	return all
}

func (w *world) collect(t testing.TB) []metricdata.Metrics {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := w.reader.Collect(context.Background(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.ScopeMetrics) == 0 {
		return nil
	}
	if len(got.ScopeMetrics) != 1 {
		t.Fatalf("%d scopes of instrumentation, want 1", len(got.ScopeMetrics))
	}
	return got.ScopeMetrics[0].Metrics
}

// TestMetrics: every metric is reported with its attributes.
func TestMetrics(t *testing.T) {
	w := newWorld(t, verifier.Config{
		Check: func(_ context.Context, _ verifier.Client, r verifier.Request) error {
			if r.Operation == "mine" {
				return verifier.Reason("a reason of the user's own")
			}
			return nil
		},
	})
	call := func(r verifier.Request, need scopes.Requirement) { _, _ = w.verifier.Authorize(t.Context(), r, need) }
	good := w.request(m2mtest.TokenSpec{Scopes: []string{"a"}})
	call(good, scopes.All("a"))
	call(good, scopes.All("a"))
	call(good, scopes.All("b"))
	call(verifier.Request{}, scopes.All("a"))
	call(verifier.Request{}, scopes.Public())
	call(w.request(m2mtest.TokenSpec{Issuer: "https://stranger.example"}), scopes.All("a"))
	call(w.request(m2mtest.TokenSpec{TTL: -time.Hour}), scopes.All("a"))
	good.Operation = "mine"
	call(good, scopes.All("a"))

	got := w.series(t)
	issuer := w.verifier.Issuers()[0]
	name := strings.NewReplacer("=", `\=`).Replace(issuer)
	want := map[string]float64{
		"m2mauth.decisions{m2mauth.issuer=ISSUER,m2mauth.outcome=allowed,m2mauth.remembered=false}":                                    1,
		"m2mauth.decisions{m2mauth.issuer=ISSUER,m2mauth.outcome=allowed,m2mauth.remembered=true}":                                     1,
		"m2mauth.decisions{error.type=scope_missing,m2mauth.issuer=ISSUER,m2mauth.outcome=insufficient_scope,m2mauth.remembered=true}": 1,
		"m2mauth.decisions{error.type=_OTHER,m2mauth.issuer=ISSUER,m2mauth.outcome=invalid_token,m2mauth.remembered=true}":             1,
		"m2mauth.decisions{error.type=expired,m2mauth.issuer=ISSUER,m2mauth.outcome=invalid_token,m2mauth.remembered=false}":           1,
		"m2mauth.decisions{error.type=credentials_missing,m2mauth.outcome=no_credentials,m2mauth.remembered=false}":                    1,
		"m2mauth.decisions{error.type=issuer_unknown,m2mauth.outcome=invalid_token,m2mauth.remembered=false}":                          1,
		"m2mauth.decisions{m2mauth.outcome=allowed,m2mauth.remembered=false}":                                                          1,
		"m2mauth.verification.duration{m2mauth.issuer=ISSUER,m2mauth.outcome=allowed}":                                                 1,
		"m2mauth.verification.duration{m2mauth.issuer=ISSUER,m2mauth.outcome=invalid_token}":                                           1,
		"m2mauth.verification.duration{m2mauth.outcome=invalid_token}":                                                                 1,
		"m2mauth.keys.state{m2mauth.issuer=ISSUER,m2mauth.keys.state=fresh}":                                                           1,
		"m2mauth.keys.state{m2mauth.issuer=ISSUER,m2mauth.keys.state=cold}":                                                            0,
		"m2mauth.keys.state{m2mauth.issuer=ISSUER,m2mauth.keys.state=stale}":                                                           0,
		"m2mauth.keys.state{m2mauth.issuer=ISSUER,m2mauth.keys.state=expired}":                                                         0,
		"m2mauth.keys.state{m2mauth.issuer=ISSUER,m2mauth.keys.state=closed}":                                                          0,
		"m2mauth.keys.fetches{m2mauth.issuer=ISSUER}":                                                                                  1,
		"m2mauth.keys.usable{m2mauth.issuer=ISSUER}":                                                                                   1,
		"m2mauth.keys.unknown{m2mauth.issuer=ISSUER}":                                                                                  0,
		"m2mauth.keys.problems{m2mauth.issuer=ISSUER,m2mauth.keys.compromised=false}":                                                  0,
		"m2mauth.keys.problems{m2mauth.issuer=ISSUER,m2mauth.keys.compromised=true}":                                                   0,
	}
	for series, value := range want {
		series = strings.Replace(series, "ISSUER", name, 1)
		if v, ok := got[series]; !ok || v != value {
			t.Errorf("%s = %v (present: %v), want %v", series, v, ok, value)
		}
		delete(got, series)
	}
	for series, value := range got {
		switch {
		case strings.HasPrefix(series, "m2mauth.keys.age{") && value >= 0 && value < 60:
		case strings.HasPrefix(series, "m2mauth.keys.fingerprint{") && value > 0:
		default:
			t.Errorf("%s = %v is not expected", series, value)
		}
	}
}

// TestInstruments: names, units, temporality and buckets are as listed.
func TestInstruments(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	w.instruments.AddRevocations(metricstest.NewList(t))
	w.instruments.AddTokenEndpoints(metricstest.NewEndpoint(t))
	_, _ = w.verifier.Authorize(t.Context(), w.request(m2mtest.TokenSpec{}), scopes.Authenticated())
	listed := map[string]*metrics.Metric{metrics.Duration.Name: &metrics.Duration}
	for _, m := range metrics.List() {
		listed[m.Name] = m
	}
	for _, m := range w.collect(t) {
		want := listed[m.Name]
		if want == nil {
			t.Errorf("%s is not listed", m.Name)
			continue
		}
		delete(listed, m.Name)
		if m.Unit != want.Unit || m.Description != want.Description {
			t.Errorf("%s has the unit %q and the description %q, want %q and %q", m.Name, m.Unit, m.Description, want.Unit, want.Description)
		}
		sum, isSum := m.Data.(metricdata.Sum[int64])
		if isSum != (want.Kind == metrics.Counter) || isSum && !sum.IsMonotonic {
			t.Errorf("%s is %T, want a monotonic sum if it is a counter", m.Name, m.Data)
		}
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			if got, want := fmt.Sprint(h.DataPoints[0].Bounds), fmt.Sprint(metrics.Buckets()); got != want {
				t.Errorf("buckets = %s, want %s", got, want)
			}
		}
	}
	for name := range listed {
		t.Errorf("%s is listed, and not reported", name)
	}
}

// TestExporter: an exporter of the SDK writes the metrics, and Close ends them.
func TestExporter(t *testing.T) {
	var out bytes.Buffer
	exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(&out))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(sdk.NewPeriodicReader(exporter)))
	defer func() { _ = provider.Shutdown(context.Background()) }()
	_, v := m2mtest.Trust(t, nil)
	instruments, err := otelm2m.Register(provider, v)
	if err != nil {
		t.Fatal(err)
	}
	flush := func() string {
		out.Reset()
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 0 && !json.Valid(out.Bytes()) {
			t.Errorf("the exporter wrote %q", out.String())
		}
		return out.String()
	}
	if got := flush(); !strings.Contains(got, `"m2mauth.keys.age"`) {
		t.Errorf("the exporter wrote %s, want m2mauth.keys.age", got)
	}
	if err := errors.Join(instruments.Close(), instruments.Close()); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if got := flush(); strings.Contains(got, `"m2mauth.keys.age"`) {
		t.Errorf("after Close, the exporter wrote %s", got)
	}
}

// TestMonotonic: no counter goes backward while calls continue, and Close of the
// Verifier leaves them as they are.
func TestMonotonic(t *testing.T) {
	w := newWorld(t, verifier.Config{})
	good := w.request(m2mtest.TokenSpec{})
	requests := []verifier.Request{good, {}, w.request(m2mtest.TokenSpec{TTL: -time.Hour})}
	var callers sync.WaitGroup
	for _, r := range requests {
		callers.Go(func() {
			for range 2000 {
				_, _ = w.verifier.Authorize(t.Context(), r, scopes.Authenticated())
			}
		})
	}
	last := make(map[string]float64)
	check := func() {
		t.Helper()
		now := w.series(t)
		for name, value := range last {
			if isCounter(name) && now[name] < value {
				t.Errorf("%s goes from %v to %v", name, value, now[name])
			}
		}
		last = now
	}
	for range 50 {
		check()
	}
	callers.Wait()
	check()
	w.verifier.Close()
	_, _ = w.verifier.Authorize(t.Context(), good, scopes.Authenticated())
	check()
	total := 0.0
	for name, n := range last {
		if strings.HasPrefix(name, "m2mauth.decisions{") {
			total += n
		}
	}
	if total != 6001 {
		t.Errorf("%v decisions, want 6001", total)
	}
}

func isCounter(series string) bool {
	for _, m := range metrics.List() {
		if m.Kind == metrics.Counter && strings.HasPrefix(series, m.Name+"{") {
			return true
		}
	}
	return false
}

// TestZero: the zero Instruments and nil report nothing, and do not panic.
func TestZero(t *testing.T) {
	for _, i := range []*otelm2m.Instruments{nil, {}} {
		i.Observe(t.Context(), verifier.Decision{})
		if err := i.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}
}
