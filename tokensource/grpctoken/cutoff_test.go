package grpctoken_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
)

// TestCutoff: after a cut-off of the whole fleet's client, an honest call waits until
// the bound has passed, gets a token of a later second and succeeds, over gRPC and HTTP
// alike. It waits for 5 s at most: a bound that is further ahead is a mistake of the
// operator, and the refusal is passed on.
func TestCutoff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ahead  time.Duration // the bound, from now
		waited time.Duration
		served bool
	}{
		{"a bound that has passed", -time.Second, 0, true},
		{"this second", 0, time.Second, true},
		{"a probe's second, and clocks that differ", 3 * time.Second, 4 * time.Second, true},
		{"too far ahead", time.Minute, 5 * time.Second, false},
	} {
		// cutOff returns how long call takes after a cut-off, in virtual time.
		cutOff := func(t *testing.T, s *service, call func() bool) {
			t.Helper()
			if !call() {
				t.Fatal("the first call is refused")
			}
			if err := s.revocations.Add(revocation.Cutoff{
				Issuer: s.authority.Issuer().Name, Select: revocation.Client(s.id), IssuedUpTo: time.Now().Add(tt.ahead),
			}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if served := call(); served != tt.served || time.Since(began) != tt.waited {
				t.Errorf("a call after the cut-off: served = %t after %v, want %t after %v", served, time.Since(began), tt.served, tt.waited)
			}
		}
		t.Run("gRPC: "+tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				client := s.connect(t, s.source(t), nil)
				cutOff(t, s, func() bool {
					err := call(t, client)
					if code := status.Code(err); err != nil && code != codes.Unauthenticated {
						t.Errorf("EmptyCall() = %v, want %v", err, codes.Unauthenticated)
					}
					return err == nil
				})
			})
		})
		t.Run("HTTP: "+tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				guard, err := httpmw.New(s.verifier, nil)
				if err != nil {
					t.Fatal(err)
				}
				handler := guard.Require(scopes.All("reports:read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				const origin = "https://api.example.com"
				rt, err := s.source(t).RoundTripper(&stytchtest.Transport{Handler: handler}, origin)
				if err != nil {
					t.Fatal(err)
				}
				cutOff(t, s, func() bool {
					res, err := (&http.Client{Transport: rt}).Get(origin)
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnauthorized {
						t.Errorf("status %d, want 200 or 401", res.StatusCode)
					}
					return res.StatusCode == http.StatusOK
				})
			})
		})
	}
}
