package otelm2m_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry/otelm2m"
	"github.com/m2mauth/m2mauth/verifier"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func Example() {
	authority := m2mtest.NewAuthority(nil) // in production, a real one
	defer authority.Close()

	reader := sdk.NewManualReader() // in production, a PeriodicReader with an exporter
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	instruments, err := otelm2m.Register(provider)
	if err != nil {
		panic(err)
	}
	defer instruments.Close()

	v, err := verifier.New(verifier.Config{
		Issuers: []verifier.Issuer{authority.Issuer()},
		Observe: []func(context.Context, verifier.Decision){instruments.Observe},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()
	instruments.Add(v)

	guard, err := httpmw.New(v, nil)
	if err != nil {
		panic(err)
	}
	// otelhttp is around the guard, so that the guard finds its span.
	reports := otelhttp.NewHandler(guard.Require(scopes.All("reports:read"))(http.NotFoundHandler()), "reports")
	reports.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/reports", nil))

	var got metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &got); err != nil {
		panic(err)
	}
	for _, m := range got.ScopeMetrics[0].Metrics {
		if m.Name != "m2mauth.decisions" {
			continue
		}
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			fmt.Println(p.Value, p.Attributes.ToSlice())
		}
	}
	// Output:
	// 1 [{"error.type":"credentials_missing"} {"m2mauth.outcome":"no_credentials"} {"m2mauth.remembered":false}]
}
