package thirdparty

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytchauth/stytch-go/v16/stytch/b2b/b2bstytchapi"
	"github.com/stytchauth/stytch-go/v16/stytch/consumer"
	"github.com/stytchauth/stytch-go/v16/stytch/consumer/m2m"
	"github.com/stytchauth/stytch-go/v16/stytch/consumer/m2m/clients"
	"github.com/stytchauth/stytch-go/v16/stytch/consumer/m2m/clients/secrets"
	"github.com/stytchauth/stytch-go/v16/stytch/consumer/stytchapi"
	"github.com/stytchauth/stytch-go/v16/stytch/stytcherror"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// TestStytchGo makes every call about machines to the local authority with Stytch's own
// Go SDK, as a consumer project and as a B2B project.
func TestStytchGo(t *testing.T) {
	for _, project := range []string{"project-test-", "project-live-"} {
		a := m2mtest.NewAuthority(&m2mtest.Options{ProjectID: project + "00000000-0000-4000-8000-000000000000"})
		t.Cleanup(a.Close)
		t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
		ofConsumers, err := stytchapi.NewClient(a.ProjectID(), a.Secret(), stytchapi.WithBaseURI(a.URL()))
		if err != nil {
			t.Fatal(err)
		}
		ofBusinesses, err := b2bstytchapi.NewClient(a.ProjectID(), a.Secret(), b2bstytchapi.WithBaseURI(a.URL()))
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := stytchapi.NewClient(a.ProjectID(), "secret-test-wrong", stytchapi.WithBaseURI(a.URL()))
		if err != nil {
			t.Fatal(err)
		}
		for name, api := range map[string]*consumer.M2MClient{"consumer": ofConsumers.M2M, "B2B": ofBusinesses.M2M} {
			t.Run(project+name, func(t *testing.T) {
				s := stytchGo{api}
				s.registering(t)
				s.rotation(t)
				s.tokens(t)
			})
		}
		_, err = wrong.M2M.Clients.Get(t.Context(), &clients.GetParams{ClientID: "m2m-client-test-1"})
		wantStytchError(t, "Get(wrong project secret)", err, 401, "unauthorized_credentials")
	}
}

type stytchGo struct{ *consumer.M2MClient }

func (s stytchGo) create(t *testing.T, p clients.CreateParams) m2m.M2MClientWithClientSecret {
	t.Helper()
	made, err := s.Clients.Create(t.Context(), &p)
	if err != nil {
		t.Fatal(err)
	}
	if made.StatusCode != 201 || made.M2MClient.ClientSecret == "" || !strings.HasPrefix(made.RequestID, "request-id-") {
		t.Fatalf("Create() = %+v, want 201 with a secret", made)
	}
	return made.M2MClient
}

func (s stytchGo) registering(t *testing.T) {
	ctx := t.Context()
	made := s.create(t, clients.CreateParams{
		ClientName: "one", Scopes: []string{"read:a"}, TrustedMetadata: map[string]any{"tenant": "t1"},
	})
	s.create(t, clients.CreateParams{ClientName: "two"})

	got, err := s.Clients.Get(ctx, &clients.GetParams{ClientID: made.ClientID})
	if err != nil || got.M2MClient.ClientName != "one" || got.M2MClient.TrustedMetadata["tenant"] != "t1" {
		t.Errorf("Get() = %+v, %v", got, err)
	}
	inactive := clients.UpdateRequestStatusInactive
	if _, err := s.Clients.Update(ctx, &clients.UpdateParams{ClientID: made.ClientID, ClientName: "uno", Status: &inactive}); err != nil {
		t.Errorf("Update() = %v", err)
	}
	found := func(p clients.SearchParams) []string {
		page, err := s.Clients.Search(ctx, &p)
		if err != nil {
			t.Errorf("Search(%+v) = %v", p, err)
			return nil
		}
		var names []string
		for _, c := range page.M2MClients {
			names = append(names, c.ClientName)
		}
		return names
	}
	for what, p := range map[string]clients.SearchParams{
		"no query": {Limit: 1000}, "an empty query": {Limit: 1000, Query: &m2m.M2MSearchQuery{}},
		"an operator alone": {Limit: 1000, Query: &m2m.M2MSearchQuery{Operator: m2m.M2MSearchQueryOperatorAND}},
	} {
		if names := found(p); !slices.Contains(names, "uno") || !slices.Contains(names, "two") {
			t.Errorf("Search(%s) = %q, want all clients", what, names)
		}
	}
	byName := clients.SearchParams{Query: &m2m.M2MSearchQuery{
		Operator: m2m.M2MSearchQueryOperatorOR,
		Operands: []map[string]any{{"filter_name": "client_name", "filter_value": []string{"uno"}}},
	}}
	if names := found(byName); !slices.Contains(names, "uno") || slices.Contains(names, "two") {
		t.Errorf("Search(by name) = %q, want uno", names)
	}
	_, err = s.Clients.Create(ctx, &clients.CreateParams{ClientName: strings.Repeat("x", 300)})
	wantStytchError(t, "Create(long name)", err, 400, "m2m_client_invalid_client_name")
	if deleted, err := s.Clients.Delete(ctx, &clients.DeleteParams{ClientID: made.ClientID}); err != nil || deleted.ClientID != made.ClientID {
		t.Errorf("Delete() = %+v, %v", deleted, err)
	}
	_, err = s.Clients.Get(ctx, &clients.GetParams{ClientID: made.ClientID})
	wantStytchError(t, "Get(deleted)", err, 404, "m2m_client_not_found")
}

func (s stytchGo) rotation(t *testing.T) {
	ctx := t.Context()
	made := s.create(t, clients.CreateParams{ClientName: "rotating"})
	for range 2 { // the first is cancelled
		started, err := s.Clients.Secrets.RotateStart(ctx, &secrets.RotateStartParams{ClientID: made.ClientID})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{made.ClientSecret, started.M2MClient.NextClientSecret} {
			if _, err := s.Token(ctx, &m2m.TokenParams{ClientID: made.ClientID, ClientSecret: secret}); err != nil {
				t.Errorf("Token(during a rotation) = %v", err)
			}
		}
		if _, err := s.Clients.Secrets.RotateCancel(ctx, &secrets.RotateCancelParams{ClientID: made.ClientID}); err != nil {
			t.Errorf("RotateCancel() = %v", err)
		}
	}
	started, err := s.Clients.Secrets.RotateStart(ctx, &secrets.RotateStartParams{ClientID: made.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clients.Secrets.Rotate(ctx, &secrets.RotateParams{ClientID: made.ClientID}); err != nil {
		t.Errorf("Rotate() = %v", err)
	}
	if _, err := s.Token(ctx, &m2m.TokenParams{ClientID: made.ClientID, ClientSecret: started.M2MClient.NextClientSecret}); err != nil {
		t.Errorf("Token(new secret) = %v", err)
	}
	_, err = s.Token(ctx, &m2m.TokenParams{ClientID: made.ClientID, ClientSecret: made.ClientSecret})
	wantStytchError(t, "Token(old secret)", err, 401, "invalid_client")
}

func (s stytchGo) tokens(t *testing.T) {
	ctx := t.Context()
	made := s.create(t, clients.CreateParams{ClientName: "caller", Scopes: []string{"read:users", "write:*"}})
	issued, err := s.Token(ctx, &m2m.TokenParams{ClientID: made.ClientID, ClientSecret: made.ClientSecret})
	if err != nil || issued.TokenType != "bearer" || issued.ExpiresIn != 3600 {
		t.Fatalf("Token() = %+v, %v", issued, err)
	}
	verified, err := s.AuthenticateToken(ctx, &m2m.AuthenticateTokenParams{
		AccessToken: issued.AccessToken, RequiredScopes: []string{"read:users", "write:users"}, MaxTokenAge: time.Hour,
	})
	if err != nil || verified.ClientID != made.ClientID || !slices.Equal(verified.Scopes, []string{"read:users", "write:*"}) {
		t.Errorf("AuthenticateToken() = %+v, %v", verified, err)
	}
	if _, err := s.AuthenticateToken(ctx, &m2m.AuthenticateTokenParams{AccessToken: issued.AccessToken, RequiredScopes: []string{"read:books"}}); err == nil {
		t.Error("AuthenticateToken(scope that is not granted) = nil, want an error")
	}
	_, err = s.Token(ctx, &m2m.TokenParams{ClientID: made.ClientID, ClientSecret: made.ClientSecret, Scopes: []string{"admin"}})
	wantStytchError(t, "Token(scope too many)", err, 400, "invalid_scope")
}

func wantStytchError(t *testing.T, what string, err error, status int, kind stytcherror.Type) {
	t.Helper()
	if e, ok := errors.AsType[stytcherror.Error](err); ok && e.StatusCode == status && e.ErrorType == kind && e.ErrorURL != "" {
		return
	}
	if e, ok := errors.AsType[stytcherror.OAuth2Error](err); ok && e.StatusCode == status && e.ErrorType == kind {
		return
	}
	t.Errorf("%s = %v, want %d, %s", what, err, status, kind)
}
