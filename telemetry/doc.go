// Package telemetry shows what a [verifier.Verifier] decides: [Audit] writes an
// audit log, [Recent] keeps the last refusals, and [Status] serves a page about
// all of it to people and machines. It uses the standard library alone.
//
//	recent := new(telemetry.Recent)
//	v, err := verifier.New(verifier.Config{
//		Issuers: issuers,
//		Observe: []func(context.Context, verifier.Decision){
//			telemetry.Audit(slog.Default(), nil),
//			recent.Observe,
//		},
//	})
//	…
//	status, err := telemetry.Status(telemetry.StatusConfig{Verifier: v, Recent: recent})
//
// docs/operating.md in the repository describes each, and what to alert on. For
// metrics, see [verifier.Verifier.Counts].
package telemetry
