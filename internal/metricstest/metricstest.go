// Package metricstest provides what the tests of telemetry/otelm2m and telemetry/promm2m
// measure.
package metricstest

import (
	"context"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

// NewEndpoint returns a token endpoint that was not called yet.
func NewEndpoint(tb testing.TB) *gateway.TokenEndpoint {
	tb.Helper()
	e, err := gateway.NewTokenEndpoint("project-test-00000000-0000-4000-8000-000000000000", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// NewList returns a shared list with one cut-off and a view. It is closed when the test
// ends.
func NewList(tb testing.TB) *revocation.List {
	tb.Helper()
	list, err := revocation.New(revocation.Config{Source: source{revocation.Update{Snapshot: true, Cutoffs: []revocation.Cutoff{{
		Issuer: "https://issuer.example", Select: revocation.Client("c"), IssuedUpTo: time.Now(), Until: time.Now().Add(time.Hour),
	}}}}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = list.Close() })
	if err := list.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return list
}

// source is a revocation.Source with one snapshot.
type source struct{ update revocation.Update }

func (s source) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	if err := apply(s.update); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
