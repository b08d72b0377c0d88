package stytch_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient returns a Client for a's project.
func newClient(t *testing.T, a *m2mtest.Authority, opts stytch.Options) *stytch.Client {
	t.Helper()
	if opts.BaseURL == "" {
		opts.BaseURL = a.URL()
	}
	if opts.Transport == nil {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		opts.Transport = transport
	}
	c, err := stytch.New(a.ProjectID(), stytch.NewSecret(a.Secret()), &opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
