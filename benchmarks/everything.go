package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/telemetry/otelm2m"
	"github.com/m2mauth/m2mauth/telemetry/promm2m"
	"github.com/m2mauth/m2mauth/verifier"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// measureEverything measures Verify with telemetry and revocations on.
func measureEverything(s *suite, out *section) {
	out.text(`The counters of decisions are always on, and part of every figure on this page. "Duration" is Observe of
telemetry/promm2m or telemetry/otelm2m in Config.Observe, which records the time of first sights. Cut-offs are of other clients.`)

	few, many := cutoffs(0), cutoffs(s.pick(100_000, 100))
	full := func(t trust, cacheSize int) verifier.Config {
		cfg := t.config(cacheSize)
		cfg.Revocations = many
		cfg.Observe = []func(context.Context, verifier.Decision){duration()}
		return cfg
	}
	rows := [][]string{{"first sight", "raw ns", "alone", "× raw", "everything on", "× raw", "allocs more than raw"}}
	for _, algorithm := range algorithms {
		t := s.trusts[algorithm]
		all := s.plan.measure(
			verifyProbe(t, "raw", must(rawSignature().build(t))),
			verifyProbe(t, "alone", must(m2mauth().build(t))),
			verifyProbe(t, "everything", ownVerify(must(ready(full(t, noCache))))),
		)
		floor, alone, everything := all[0], all[1], all[2]
		extra := everything.allocations() - floor.allocations()
		rows = append(rows, []string{algorithm, nanos(floor.time()), nanos(alone.time()), ratio(alone.over(floor)),
			nanos(everything.time()), ratio(everything.over(floor)), allocations(extra)})
		times := everything.over(floor)
		s.aim(times <= 1.05, "first sight, "+algorithm+", telemetry and revocations on", "≤ 1.05 × raw", precise(times)+" ×",
			fmt.Sprintf("%s ns more than without them.", nanos(everything.added(alone))))
		s.aim(extra <= 6, "first sight, "+algorithm+", telemetry and revocations on, allocations", "≤ raw + 6", "raw + "+allocations(extra),
			"the profile of allocations tells which.")
	}
	out.table(rows...)

	t := s.trusts["EdDSA"]
	with := func(change func(*verifier.Config)) verify {
		cfg := t.config(fewTokens)
		change(&cfg)
		return ownVerify(must(t.filled(cfg)))
	}
	names := []string{"alone", "no cut-offs", fmt.Sprintf("%d cut-offs", many.Status().Entries), "duration, promm2m", "duration, otelm2m", "everything on"}
	all := s.plan.measure(
		verifyProbe(t, names[0], with(func(*verifier.Config) {})),
		verifyProbe(t, names[1], with(func(c *verifier.Config) { c.Revocations = few })),
		verifyProbe(t, names[2], with(func(c *verifier.Config) { c.Revocations = many })),
		verifyProbe(t, names[3], with(func(c *verifier.Config) {
			c.Observe = []func(context.Context, verifier.Decision){promm2m.NewCollector().Observe}
		})),
		verifyProbe(t, names[4], with(func(c *verifier.Config) {
			c.Observe = []func(context.Context, verifier.Decision){duration()}
		})),
		verifyProbe(t, names[5], with(func(c *verifier.Config) { *c = full(t, fewTokens) })),
	)
	rows = [][]string{{"seen again", "ns", "more than alone", "allocs"}}
	for i, name := range names {
		rows = append(rows, []string{name, nanos(all[i].time()), nanos(all[i].added(all[0])), allocations(all[i].allocations())})
	}
	out.table(rows...)
	for _, goal := range []struct {
		row    int
		most   float64
		reason string
	}{
		{1, 5, "each call asks the list for its generation and whether its view is fresh."},
		{2, 45, "the times of the list and of the token are compared once for each selector."},
		{3, 20, "Observe is called for each decision."},
		{4, 20, "Observe is called for each decision."},
	} {
		more := all[goal.row].added(all[0])
		s.aim(more <= goal.most, "seen again, "+names[goal.row], fmt.Sprintf("≤ %.0f ns more", goal.most), nanos(more)+" ns", goal.reason)
	}
}

func verifyProbe(t trust, name string, check verify) probe {
	return probe{name, 1, func() func() {
		token := strings.Clone(t.good())
		return func() { must(check(context.Background(), token)) }
	}}
}

// duration returns the Observe of otelm2m with the real SDK.
func duration() func(context.Context, verifier.Decision) {
	provider := sdk.NewMeterProvider(sdk.WithReader(sdk.NewManualReader()))
	return must(otelm2m.Register(provider)).Observe
}

// cutoffs returns a list of n cut-offs of other clients.
func cutoffs(n int) *revocation.List {
	list := must(revocation.New(revocation.Config{}))
	now := time.Now()
	entries := make([]revocation.Cutoff, n)
	for i := range entries {
		entries[i] = revocation.Cutoff{
			Issuer:     issuer,
			Select:     revocation.Client(fmt.Sprintf("m2m-client-revoked-%d", i)),
			IssuedUpTo: now,
			Until:      now.Add(48 * time.Hour),
		}
	}
	must(0, list.Add(entries...))
	return list
}
