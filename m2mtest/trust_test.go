package m2mtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
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

// TestTrustInVirtualTime: Trust fetches the keys once, and needs no socket.
func TestTrustInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, v := m2mtest.Trust(t, nil)
		token := a.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-1"})
		fetches := a.KeyFetches()
		client, err := v.Verify(t.Context(), token)
		if err != nil || client.ID != "m2m-client-test-1" {
			t.Errorf("Verify(token) = %v, %v; want the client", client, err)
		}
		if got := a.KeyFetches(); got != fetches || got != 1 {
			t.Errorf("KeyFetches() = %d, want 1: Trust fetched the keys", got)
		}
		time.Sleep(2 * time.Hour)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verifier.Expired) {
			t.Errorf("Verify(token two hours later) = %v, want %v", err, verifier.Expired)
		}
	})
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

// exampleT replaces the *testing.T of a test.
type exampleT struct{ cleanups []func() }

func (*exampleT) Helper()                           {}
func (t *exampleT) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) end() {
	for _, f := range t.cleanups {
		defer f()
	}
}

// Test a guarded handler with an authority and a verifier that trusts it.
func ExampleTrust() {
	t := &exampleT{} // in a test: its *testing.T
	defer t.end()
	authority, v := m2mtest.Trust(t, nil)

	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	handler := guard.Require(scopes.All("read:reports"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "reports for %s", client.ID)
	}))
	for _, scope := range []string{"read:reports", "read:orders"} {
		token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-test-billing", Scopes: []string{scope}})
		r := httptest.NewRequestWithContext(context.Background(), "GET", "/reports", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	// Output:
	// 200 []
	// 403 [Bearer realm="api", error="insufficient_scope", scope="read:reports"]
}
