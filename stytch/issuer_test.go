package stytch_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

const liveProject = "project-live-11111111-1111-4111-8111-111111111111"

func TestIssuer(t *testing.T) {
	for _, tt := range []struct {
		name, project, domain string
		wantURL               string
		wantAliases           string
	}{
		{"test project", stytchtest.Project, "", "https://test.stytch.com/v1/sessions/jwks/" + stytchtest.Project, ""},
		{"live project", liveProject, "", "https://api.stytch.com/v1/sessions/jwks/" + liveProject, ""},
		{"B2B project", stytchtest.Project, "B2B", "https://test.stytch.com/v1/b2b/sessions/jwks/" + stytchtest.Project, ""},
		{
			"custom domain", liveProject, "https://login.example.com",
			"https://login.example.com/v1/sessions/jwks/" + liveProject, "https://login.example.com",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := stytch.IssuerOptions{CustomDomain: tt.domain}
			if tt.domain == "B2B" {
				opts = stytch.IssuerOptions{B2B: true}
			}
			iss, err := stytch.Issuer(tt.project, &opts)
			if err != nil {
				t.Fatal(err)
			}
			if want := "stytch.com/" + tt.project; iss.Name != want {
				t.Errorf("Name = %q, want %q", iss.Name, want)
			}
			if iss.JWKSURL != tt.wantURL {
				t.Errorf("JWKSURL = %q, want %q", iss.JWKSURL, tt.wantURL)
			}
			if got := strings.Join(iss.Aliases, " "); got != tt.wantAliases {
				t.Errorf("Aliases = %q, want %q", got, tt.wantAliases)
			}
			if got := strings.Join(iss.Audiences, " "); got != tt.project {
				t.Errorf("Audiences = %q, want the project ID", got)
			}
			if got := strings.Join(iss.Algorithms, " "); got != "RS256" {
				t.Errorf("Algorithms = %q, want RS256", got)
			}
			if got := strings.Join(iss.ClientIDClaims, " "); got != "sub" {
				t.Errorf("ClientIDClaims = %q, want sub", got)
			}
			if !iss.WildcardScopes {
				t.Error("WildcardScopes is not set")
			}
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{offline(iss)}})
			if err != nil {
				t.Fatalf("verifier.New: %v", err)
			}
			v.Close()
		})
	}
}

func offline(iss verifier.Issuer) verifier.Issuer {
	iss.JWKSURL, iss.FetchJWKS = "", func(context.Context) ([]byte, error) { return nil, errors.New("offline") }
	return iss
}

func TestIssuerMistakes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		project string
		opts    stytch.IssuerOptions
		want    string // in the error
		not     string // not in it
	}{
		{"no project ID", "", stytch.IssuerOptions{}, `starts with "project-test-" or "project-live-"`, ""},
		{"the secret instead", "secret-test-hush", stytch.IssuerOptions{}, "that is no project ID", "hush"},
		{"another environment", "project-prod-1", stytch.IssuerOptions{}, `"project-prod-1"`, ""},
		{"nothing behind the environment", "project-test-", stytch.IssuerOptions{}, "malformed project ID", ""},
		{"a path", "project-test-1/../2", stytch.IssuerOptions{}, "malformed project ID", ""},
		{"a newline", "project-test-1\n", stytch.IssuerOptions{}, "malformed project ID", ""},
		{"too long", "project-test-" + strings.Repeat("1", 129), stytch.IssuerOptions{}, "malformed project ID", ""},
		{"domain without scheme", stytchtest.Project, stytch.IssuerOptions{CustomDomain: "login.example.com"}, "scheme and host alone", ""},
		{"domain by http", stytchtest.Project, stytch.IssuerOptions{CustomDomain: "http://login.example.com"}, "scheme and host alone", ""},
		{"domain with a slash", stytchtest.Project, stytch.IssuerOptions{CustomDomain: "https://login.example.com/"}, "without a slash", ""},
		{"domain in capitals", stytchtest.Project, stytch.IssuerOptions{CustomDomain: "https://Login.example.com"}, "lower case", ""},
		{"domain with a user", stytchtest.Project, stytch.IssuerOptions{CustomDomain: "https://a@login.example.com"}, "scheme and host alone", ""},
		{"empty imported client", stytchtest.Project, stytch.IssuerOptions{ImportedClients: []string{"a", ""}}, "ImportedClients[1] is empty", ""},
		{"a person imported", stytchtest.Project, stytch.IssuerOptions{ImportedClients: []string{"user-test-1"}}, "how Stytch names people", ""},
		{"everything at once", "x", stytch.IssuerOptions{CustomDomain: "y", ImportedClients: []string{"member-1"}}, "CustomDomain", ""},
		{"everything at once", "x", stytch.IssuerOptions{CustomDomain: "y", ImportedClients: []string{"member-1"}}, "ImportedClients", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			iss, err := stytch.Issuer(tt.project, &tt.opts)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
			if tt.not != "" && strings.Contains(err.Error(), tt.not) {
				t.Errorf("error %q holds %q", err, tt.not)
			}
			if iss.Name != "" {
				t.Error("an issuer beside the error")
			}
		})
	}
}

// TestAccept verifies signed tokens of machines and of people, which differ in their
// claims alone.
func TestAccept(t *testing.T) {
	a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: stytchtest.Project, NoServer: true})
	defer a.Close()
	iss, err := stytch.Issuer(stytchtest.Project, &stytch.IssuerOptions{
		CustomDomain:    "https://login.example.com",
		ImportedClients: []string{"billing"},
	})
	if err != nil {
		t.Fatal(err)
	}
	iss.JWKSURL, iss.FetchJWKS = "", a.FetchJWKS
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()

	const machine = "m2m-client-test-22222222-2222-4222-8222-222222222222"
	type claims = map[string]any
	for _, tt := range []struct {
		name string
		spec m2mtest.TokenSpec
		want verifier.Reason // "" if it is accepted
	}{
		{"a machine", m2mtest.TokenSpec{ClientID: machine, Scopes: []string{"read:*"}}, ""},
		{"a machine on the custom domain", m2mtest.TokenSpec{ClientID: machine, Issuer: "https://login.example.com"}, ""},
		{"an imported machine", m2mtest.TokenSpec{ClientID: "billing"}, ""},
		{"client_id equal to sub", m2mtest.TokenSpec{ClientID: machine, Claims: claims{"client_id": machine}}, ""},
		{"custom claims", m2mtest.TokenSpec{ClientID: machine, Claims: claims{"https://example.com/tenant": "t1"}}, ""},

		{"a user's session", m2mtest.TokenSpec{
			ClientID: "user-test-33333333-3333-4333-8333-333333333333",
			Claims:   claims{"scope": m2mtest.Absent, "https://stytch.com/session": claims{"id": "session-test-1"}},
		}, verifier.NotMachine},
		{"a B2B member's session", m2mtest.TokenSpec{
			ClientID: "member-test-3", Claims: claims{"https://stytch.com/organization": claims{"slug": "acme"}},
		}, verifier.NotMachine},
		{"a machine's name with a session claim", m2mtest.TokenSpec{
			ClientID: machine, Claims: claims{"https://stytch.com/session": nil},
		}, verifier.NotMachine},
		{"a connected app", m2mtest.TokenSpec{
			ClientID: "user-test-3", Scopes: []string{"read:users"}, Claims: claims{"client_id": "connected-app-test-4"},
		}, verifier.NotMachine},
		{"client_id of another", m2mtest.TokenSpec{ClientID: machine, Claims: claims{"client_id": "connected-app-test-4"}}, verifier.NotMachine},
		{"client_id null", m2mtest.TokenSpec{ClientID: machine, Claims: claims{"client_id": nil}}, verifier.NotMachine},
		{"a stranger", m2mtest.TokenSpec{ClientID: "reports"}, verifier.NotMachine},
		{"the prefix in other letters", m2mtest.TokenSpec{ClientID: "M2M-client-test-1"}, verifier.NotMachine},
		{"another custom domain", m2mtest.TokenSpec{ClientID: machine, Issuer: "https://login.example.org"}, verifier.UnknownIssuer},
		{"another project's audience", m2mtest.TokenSpec{ClientID: machine, Audience: []string{liveProject}}, verifier.Audience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, err := v.Verify(t.Context(), a.Token(tt.spec))
			if tt.want != "" {
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if client.ID != tt.spec.ClientID || client.Issuer != "stytch.com/"+stytchtest.Project {
				t.Errorf("client (%q, %q)", client.Issuer, client.ID)
			}
			if len(tt.spec.Scopes) > 0 && !client.Scopes.Grants("read:users") {
				t.Error("read:* does not grant read:users")
			}
		})
	}
}

// TestScopeClaim checks that "scp", which a template may copy from the request, is
// ignored.
func TestScopeClaim(t *testing.T) {
	a := m2mtest.NewAuthority(&m2mtest.Options{Key: m2mtest.NewKey("ES256"), NoServer: true})
	defer a.Close()
	client := a.Client(m2mtest.TokenSpec{Claims: map[string]any{"scope": m2mtest.Absent, "scp": []string{"admin"}}})
	if client.Scopes.Len() != 0 {
		t.Errorf("scopes %q from scp", client.Scopes)
	}
}
