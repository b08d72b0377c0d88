package grpcmw_test

import (
	"context"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
)

// TestAllocations counts what the interceptors add to the decision, for a
// token's first verification and for a remembered one: the metadata's
// values, which gRPC copies, and the wrapper of a stream. A stream that ends
// with its token adds a cancellable context and a timer.
func TestAllocations(t *testing.T) {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	need := scopes.All("a")
	authorization := []string{"Bearer " + authority.Token(m2mtest.TokenSpec{Scopes: []string{"a"}})}
	ctx := incoming(t.Context(), authorization, nil)

	for name, cacheSize := range map[string]int{"first sight": -1, "seen again": 0} {
		v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}, CacheSize: cacheSize})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		count := func(call func() error) float64 {
			if err := call(); err != nil {
				t.Fatal(err)
			}
			return testing.AllocsPerRun(100, func() {
				if err := call(); err != nil {
					t.Fatal(err)
				}
			})
		}
		unary := func(guard *grpcmw.Interceptor) func() error {
			intercept, info := guard.Unary(), &grpc.UnaryServerInfo{FullMethod: method}
			handler := func(context.Context, any) (any, error) { return nil, nil }
			return func() error { _, err := intercept(ctx, nil, info, handler); return err }
		}
		stream := func(guard *grpcmw.Interceptor) func() error {
			intercept, info := guard.Stream(), &grpc.StreamServerInfo{FullMethod: method}
			handler := func(any, grpc.ServerStream) error { return nil }
			ss := &fakeStream{ctx: ctx}
			return func() error { return intercept(nil, ss, info, handler) }
		}
		decision := count(func() error {
			_, err := v.Authorize(ctx, verifier.Request{Authorization: authorization}, need)
			return err
		})
		for _, tt := range []struct {
			name string
			opts *grpcmw.Options
			call func(*grpcmw.Interceptor) func() error
			most float64
		}{
			{"unary", nil, unary, 1},
			{"a stream", nil, stream, 10},
			{"unary, with an Origin", &grpcmw.Options{Origin: "https://api.example.com"}, unary, 1},
			{"a stream that goes on", &grpcmw.Options{KeepStreamsPastExpiry: true}, stream, 2},
		} {
			guard, err := grpcmw.New(v, grpcmw.Policy{method: need}, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if n := count(tt.call(guard)) - decision; n > tt.most {
				t.Errorf("%s, %s: the interceptor adds %v allocations, want at most %v", tt.name, name, n, tt.most)
			}
		}
	}
}
