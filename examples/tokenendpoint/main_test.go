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

func TestStory(t *testing.T) {
	project.Local(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if n := strings.Count(out.String(), "ok "); n != 8 {
		t.Errorf("%d steps, want 8:\n%s", n, out.String())
	}
}

func TestStoryByEnvironment(t *testing.T) {
	a := m2mtest.NewAuthority(nil)
	defer a.Close()
	project.At(t, a)
	var out bytes.Buffer
	if err := run(t.Context(), &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if ok, skipped := strings.Count(out.String(), "ok "), strings.Count(out.String(), "skipped"); ok != 6 || skipped != 2 {
		t.Errorf("%d steps and %d skipped:\n%s", ok, skipped, out.String())
	}
}

// TestStoryNotices checks that the story fails if a server does not answer as
// expected.
func TestStoryNotices(t *testing.T) {
	project.Local(t)
	for name, sabotage := range map[string]func(*saas){
		"no tokens":   func(s *saas) { s.project.Authority.Fail(m2mtest.Outage{Endpoints: m2mtest.TokenEndpoint}) },
		"no SaaS":     func(s *saas) { s.server.Close() },
		"no decision": func(s *saas) { s.project.Verifier.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newSaaS(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			id, secret := s.project.Authority.CreateClient("customer", "read:reports")
			sabotage(s)
			err = tell(t.Context(), io.Discard, s, customer{id, secret})
			if err == nil {
				t.Error("the story does not notice")
			}
		})
	}
}

func TestServePrintsCommands(t *testing.T) {
	project.Local(t)
	s, err := newSaaS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var out bytes.Buffer
	s.printCommands(&out, "the-id", stytch.NewSecret("the-secret"))
	for _, want := range []string{"-u the-id:the-secret", s.url + "/oauth2/token", s.url + "/v1/reports", "jwks.json"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "%!") {
		t.Errorf("a verb without a value:\n%s", out.String())
	}
}
