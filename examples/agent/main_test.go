package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/examples/internal/project"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func TestAgent(t *testing.T) {
	project.Local(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"secret [redacted]", "HTTP GET: orders for m2m-client-", "HTTP POST is refused", `scope="write:orders"`,
		"gRPC List: 2 orders", "gRPC Watch: 2 orders", "gRPC Create is refused",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
}

func TestAgentByEnvironment(t *testing.T) {
	a := m2mtest.NewAuthority(nil)
	defer a.Close()
	project.At(t, a)
	if err := run(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	api, err := stytch.New(a.ProjectID(), stytch.NewSecret(a.Secret()), &stytch.Options{BaseURL: a.URL()})
	if err != nil {
		t.Fatal(err)
	}
	for machine := range api.SearchClients(t.Context(), stytch.SearchParams{}) {
		t.Errorf("client %q is left behind", machine.Name)
	}
}

// TestAgentNotices checks that the agent fails if a server does not answer as
// expected.
func TestAgentNotices(t *testing.T) {
	project.Local(t)
	for name, tt := range map[string]struct {
		sabotage func(*world)
		scopes   []string
		want     string
	}{
		"the HTTP API is down":     {func(w *world) { w.http.Close() }, []string{"read:orders"}, "HTTP: "},
		"the gRPC API is down":     {func(w *world) { w.grpc.Stop() }, []string{"read:orders"}, "gRPC: List"},
		"no token is issued":       {func(w *world) { w.project.Authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint}) }, []string{"read:orders"}, "503"},
		"the scope is not its own": {func(w *world) {}, []string{"write:orders"}, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			id, secret := w.project.Authority.CreateClient("x", tt.scopes...)
			tt.sabotage(w)
			err = work(t.Context(), io.Discard, w, stytch.Credentials{ClientID: id, ClientSecret: stytch.NewSecret(secret)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
