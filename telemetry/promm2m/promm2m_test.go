package promm2m_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/metrics"
	"github.com/m2mauth/m2mauth/internal/metricstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// world is a Verifier that is observed, and an endpoint that is scraped.
type world struct {
	authority *m2mtest.Authority
	verifier  *verifier.Verifier
	collector *promm2m.Collector
	server    *httptest.Server
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{collector: promm2m.NewCollector()}
	w.authority, w.verifier = m2mtest.Trust(t, &verifier.Config{
		Observe: []func(context.Context, verifier.Decision){w.collector.Observe},
	})
	w.collector.Add(w.verifier, nil, w.verifier) // the third is there already
	w.collector.AddRevocations(metricstest.NewList(t), nil)
	w.collector.AddTokenEndpoints(metricstest.NewEndpoint(t))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(w.collector)
	w.server = httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) request(spec m2mtest.TokenSpec) verifier.Request {
	return verifier.Request{Authorization: []string{"Bearer " + w.authority.Token(spec)}}
}

// scrape returns the text of the endpoint.
func (w *world) scrape(t testing.TB) []byte {
	t.Helper()
	r, err := http.Get(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("scrape: status %d, %v: %s", r.StatusCode, err, text)
	}
	return text
}

// series maps "name{label=value,…}" to the value; of a histogram, to its count.
func series(t testing.TB, text []byte) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetValue() != "" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			all[name+"{"+strings.Join(labels, ",")+"}"] = value(family.GetType(), m)
		}
	}
	return all
}

func value(kind dto.MetricType, m *dto.Metric) float64 {
	switch kind {
	case dto.MetricType_COUNTER:
		return m.Counter.GetValue()
	case dto.MetricType_HISTOGRAM:
		return float64(m.Histogram.GetSampleCount())
	default:
		return m.Gauge.GetValue()
	}
}

// TestScrape: a scrape has every metric, by Prometheus's names.
func TestScrape(t *testing.T) {
	w := newWorld(t)
	call := func(r verifier.Request, need scopes.Requirement) { _, _ = w.verifier.Authorize(t.Context(), r, need) }
	good := w.request(m2mtest.TokenSpec{Scopes: []string{"a"}})
	call(good, scopes.All("a"))
	call(good, scopes.All("a"))
	call(good, scopes.All("b"))
	call(verifier.Request{}, scopes.All("a"))
	call(verifier.Request{}, scopes.Public())
	call(w.request(m2mtest.TokenSpec{TTL: -time.Hour}), scopes.All("a"))

	got := series(t, w.scrape(t))
	issuer := w.verifier.Issuers()[0]
	want := map[string]float64{
		"m2mauth_decisions_total{m2mauth_issuer=ISSUER,m2mauth_outcome=allowed,m2mauth_remembered=false}":                                    1,
		"m2mauth_decisions_total{m2mauth_issuer=ISSUER,m2mauth_outcome=allowed,m2mauth_remembered=true}":                                     1,
		"m2mauth_decisions_total{error_type=scope_missing,m2mauth_issuer=ISSUER,m2mauth_outcome=insufficient_scope,m2mauth_remembered=true}": 1,
		"m2mauth_decisions_total{error_type=credentials_missing,m2mauth_outcome=no_credentials,m2mauth_remembered=false}":                    1,
		"m2mauth_decisions_total{m2mauth_outcome=allowed,m2mauth_remembered=false}":                                                          1,
		"m2mauth_decisions_total{error_type=expired,m2mauth_issuer=ISSUER,m2mauth_outcome=invalid_token,m2mauth_remembered=false}":           1,
		"m2mauth_verification_duration_seconds{m2mauth_issuer=ISSUER,m2mauth_outcome=allowed}":                                               1,
		"m2mauth_verification_duration_seconds{m2mauth_issuer=ISSUER,m2mauth_outcome=invalid_token}":                                         1,
		"m2mauth_keys_state{m2mauth_issuer=ISSUER,m2mauth_keys_state=fresh}":                                                                 1,
		"m2mauth_keys_state{m2mauth_issuer=ISSUER,m2mauth_keys_state=stale}":                                                                 0,
		"m2mauth_keys_fetches_total{m2mauth_issuer=ISSUER}":                                                                                  1,
		"m2mauth_keys_usable{m2mauth_issuer=ISSUER}":                                                                                         1,
		"m2mauth_keys_unknown_total{m2mauth_issuer=ISSUER}":                                                                                  0,
		"m2mauth_keys_problems{m2mauth_issuer=ISSUER,m2mauth_keys_compromised=false}":                                                        0,
	}
	want["m2mauth_revocation_entries{}"], want["m2mauth_revocation_stale{}"], want["m2mauth_revocation_missing{}"] = 1, 0, 0
	for name, value := range want {
		name = strings.Replace(name, "ISSUER", issuer, 1)
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s = %v (present: %v), want %v", name, v, ok, value)
		}
	}
	if _, ok := got["m2mauth_revocation_age_seconds{}"]; !ok {
		t.Error("m2mauth_revocation_age_seconds is not there")
	}
	for _, name := range []string{"m2mauth_keys_age_seconds", "m2mauth_keys_fingerprint"} {
		if _, ok := got[name+"{m2mauth_issuer="+issuer+"}"]; !ok {
			t.Errorf("%s is not there", name)
		}
	}
}

// TestNames: Prometheus's linters, the library and the program, have no complaint.
func TestNames(t *testing.T) {
	w := newWorld(t)
	_, _ = w.verifier.Authorize(t.Context(), w.request(m2mtest.TokenSpec{}), scopes.Authenticated())
	problems, err := testutil.CollectAndLint(w.collector)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	check := exec.Command(promtool(t), "check", "metrics")
	check.Stdin = bytes.NewReader(w.scrape(t))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v: %s", err, out)
	}
}

// promtool returns the program. Without it, the test is skipped, or fails in CI.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no promtool: install Debian's package prometheus (%v)", err)
	}
	t.Skipf("no promtool: install Debian's package prometheus (%v)", err)
	return ""
}

// TestSeveral: Verifiers of the same issuer are collected as one, and those of others
// beside them.
func TestSeveral(t *testing.T) {
	a, one := m2mtest.Trust(t, nil)
	two, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { two.Close() })
	if err := two.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, other := m2mtest.Trust(t, nil)
	token := a.Token(m2mtest.TokenSpec{})
	for _, v := range []*verifier.Verifier{one, two, two} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promm2m.NewCollector(one, two, one, nil, other))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	got := series(t, text.Bytes())
	for name, want := range map[string]float64{
		"m2mauth_decisions_total{m2mauth_issuer=ISSUER,m2mauth_outcome=allowed,m2mauth_remembered=false}": 2,
		"m2mauth_decisions_total{m2mauth_issuer=ISSUER,m2mauth_outcome=allowed,m2mauth_remembered=true}":  1,
		"m2mauth_keys_state{m2mauth_issuer=ISSUER,m2mauth_keys_state=fresh}":                              2,
		"m2mauth_keys_usable{m2mauth_issuer=ISSUER}":                                                      2,
	} {
		name = strings.Replace(name, "ISSUER", one.Issuers()[0], 1)
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if name := "m2mauth_keys_usable{m2mauth_issuer=" + other.Issuers()[0] + "}"; got[name] != 1 {
		t.Errorf("%s = %v, want 1", name, got[name])
	}
}

// TestTwice: a second Collector is an error of the registry, and no panic of this
// package.
func TestTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(promm2m.NewCollector())
	err := registry.Register(promm2m.NewCollector())
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok {
		t.Errorf("Register(second) = %v, want an AlreadyRegisteredError", err)
	}
}

// TestFingerprint: it changes with the keys, and is the same on every replica.
func TestFingerprint(t *testing.T) {
	a, one := m2mtest.Trust(t, nil)
	two, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { two.Close() })
	if err := two.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := func(v *verifier.Verifier) float64 {
		t.Helper()
		f, err := gather(promm2m.NewCollector(v), "m2mauth_keys_fingerprint")
		if err != nil {
			t.Fatal(err)
		}
		return f.Metric[0].Gauge.GetValue()
	}
	before := of(one)
	if got := of(two); got != before || got == 0 {
		t.Errorf("the replicas' fingerprints are %v and %v, want them equal", before, got)
	}
	a.RotateKeys()
	if err := two.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := of(two); got == before {
		t.Errorf("the fingerprint is %v before and after a rotation", got)
	}
	if err := one.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if one, two := of(one), of(two); one != two {
		t.Errorf("after the rotation, the replicas' fingerprints are %v and %v, want them equal", one, two)
	}
}

func gather(c prometheus.Collector, name string) (*dto.MetricFamily, error) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		return nil, err
	}
	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == name {
			return f, err
		}
	}
	return nil, errors.Join(err, errors.New("no "+name))
}

// TestMonotonic: no counter goes backward while calls continue, and Close of the
// Verifier leaves them as they are.
func TestMonotonic(t *testing.T) {
	w := newWorld(t)
	good := w.request(m2mtest.TokenSpec{})
	var callers sync.WaitGroup
	for _, r := range []verifier.Request{good, {}, w.request(m2mtest.TokenSpec{TTL: -time.Hour})} {
		callers.Go(func() {
			for range 2000 {
				_, _ = w.verifier.Authorize(t.Context(), r, scopes.Authenticated())
			}
		})
	}
	last := make(map[string]float64)
	check := func() {
		t.Helper()
		now := series(t, w.scrape(t))
		for name, value := range last {
			if strings.Contains(name, "_total{") && now[name] < value {
				t.Errorf("%s goes from %v to %v", name, value, now[name])
			}
		}
		last = now
	}
	for range 20 {
		check()
	}
	callers.Wait()
	check()
	w.verifier.Close()
	_, _ = w.verifier.Authorize(t.Context(), good, scopes.Authenticated())
	check()
	total := 0.0
	for name, n := range last {
		if strings.HasPrefix(name, "m2mauth_decisions_total{") {
			total += n
		}
	}
	if total != 6001 {
		t.Errorf("%v decisions, want 6001", total)
	}
}

// TestAllocations: calls with remembered tokens allocate nothing for Observe.
func TestAllocations(t *testing.T) {
	w := newWorld(t)
	for name, d := range map[string]verifier.Decision{
		"remembered":  {Issuer: w.verifier.Issuers()[0], Cached: true},
		"first sight": {Issuer: w.verifier.Issuers()[0]},
	} {
		w.collector.Observe(t.Context(), d)
		if n := testing.AllocsPerRun(100, func() { w.collector.Observe(t.Context(), d) }); n != 0 {
			t.Errorf("Observe(%s) allocates %v times, want 0", name, n)
		}
	}
}

// TestListed: a scrape has every metric of the list.
func TestListed(t *testing.T) {
	w := newWorld(t)
	_, _ = w.verifier.Authorize(t.Context(), w.request(m2mtest.TokenSpec{}), scopes.Authenticated())
	text := string(w.scrape(t))
	for _, m := range append(metrics.List(), &metrics.Duration) {
		if name := strings.ReplaceAll(m.Name, ".", "_"); !strings.Contains(text, "# HELP "+name) || !strings.Contains(text, m.Description) {
			t.Errorf("%s is not in the scrape", m.Name)
		}
	}
}
