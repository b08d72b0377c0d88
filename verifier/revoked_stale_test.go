package verifier_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/verifier"
)

// updates is a Source that passes on what a test sends.
type updates chan revocation.Update

func (s updates) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	for {
		select {
		case u := <-s:
			if err := apply(u); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestObserveTellsAStaleView: a decision by a view that is older than MaxAge says
// so, whether the list is closed then or, with FailOpen, accepts.
func TestObserveTellsAStaleView(t *testing.T) {
	for open, old := range map[bool]verifier.Reason{false: verifier.RevocationsUnavailable, true: ""} {
		t.Run(fmt.Sprint("FailOpen ", open), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := make(updates)
				list, err := revocation.New(revocation.Config{Source: source, FailOpen: open, MaxAge: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				defer list.Close()
				source <- revocation.Update{Snapshot: true}
				var seen verifier.Decision
				a, v := m2mtest.Trust(t, &verifier.Config{Revocations: list,
					Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { seen = d }}})
				token := a.Token(m2mtest.TokenSpec{})
				want := func(when string, reason verifier.Reason, stale bool) {
					t.Helper()
					_, _ = v.Verify(t.Context(), token)
					if seen.Reason != reason || seen.RevocationsStale != stale {
						t.Errorf("%s: Decision has Reason %q, RevocationsStale %t; want %q, %t", when, seen.Reason, seen.RevocationsStale, reason, stale)
					}
					if logged := seen.LogValue().String(); strings.Contains(logged, "revocations_stale") != stale {
						t.Errorf("%s: LogValue() = %s, with revocations_stale: want %t", when, logged, stale)
					}
				}
				want("fresh", "", false)
				time.Sleep(time.Minute + time.Second)
				want("old", old, true)
				source <- revocation.Update{Cutoffs: []revocation.Cutoff{
					{Issuer: a.Issuer().Name, Select: revocation.Everything(), IssuedUpTo: time.Now()}}}
				synctest.Wait()
				want("cut off", verifier.Revoked, false)
			})
		})
	}
}
