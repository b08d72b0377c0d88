package m2mtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func TestTrust(t *testing.T) {
	var v *verifier.Verifier
	var a *m2mtest.Authority
	t.Run("a test", func(t *testing.T) {
		a, v = m2mtest.Trust(t, nil)
		if _, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{})); err != nil {
			t.Errorf("Verify = %v, want nil", err)
		}
	})
	if _, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{})); !errors.Is(err, verifier.Closed) {
		t.Errorf("Verify after the test = %v, want %v", err, verifier.Closed)
	}
}

// failing records Fatalf, and panics as a test would end.
type failing struct{ cleanups int }

func (*failing) Helper()                           {}
func (f *failing) Cleanup(func())                  { f.cleanups++ }
func (*failing) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TestTrustConfig: the configuration is used, and its mistakes end the test.
func TestTrustConfig(t *testing.T) {
	_, v := m2mtest.Trust(t, &verifier.Config{Issuers: []verifier.Issuer{m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, ProjectID: "project-test-2"}).Issuer()}})
	if n := len(v.Status()); n != 2 {
		t.Errorf("len(Status()) = %d, want 2", n)
	}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "Leeway") {
			t.Errorf("Trust(a leeway of an hour) fails with %q, want Leeway in it", got)
		}
	}()
	m2mtest.Trust(new(failing), &verifier.Config{Leeway: 1 << 45})
}
