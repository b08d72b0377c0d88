package issuers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/shapes"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// trusted is the example of docs/issuers.md, "What an authority may grant".
func trusted(projectID string, ci verifier.Issuer) ([]verifier.Issuer, error) {
	services, err := stytch.Issuer(projectID, nil)
	if err != nil {
		return nil, err
	}
	limit := scopes.Of("deploy", "reports:read")
	ci.ScopeLimit = &limit
	return []verifier.Issuer{services, ci}, nil
}

// TestJobIsNeverAdmin: over HTTP and gRPC, no token of a CI system is "admin", although
// its caller or its own claims grant that; a service's token is.
func TestJobIsNeverAdmin(t *testing.T) {
	everything := scopes.Of("deploy", "admin")
	gitLab, err1 := issuers.Pinned("https://gitlab.com", api, issuers.Pin{Claim: "project_id", ID: "20", Scopes: everything})
	gitHub, err2 := issuers.GitHubActions(api, issuers.GitHubCaller{RepositoryID: "74", Scopes: everything})
	keycloak, err3 := issuers.Keycloak("https://sso.example.com/realms/ci", "reports", nil)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, ci := range []struct {
		name   string
		issuer verifier.Issuer
		shape  m2mtest.Shape
		job    m2mtest.TokenSpec
	}{
		{"GitLab", gitLab, nil, m2mtest.TokenSpec{ClientID: "20", Claims: object{"scope": "admin", "scp": []string{"admin"}}}},
		{"GitHub Actions", gitHub, shapes.GitHubActions, m2mtest.TokenSpec{ClientID: "74", Claims: object{"scope": "admin"}}},
		{"Keycloak", keycloak, shapes.Keycloak, m2mtest.TokenSpec{ClientID: "runner", Scopes: []string{"deploy", "admin"}}},
	} {
		services := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
		t.Cleanup(services.Close)
		list, err := trusted(services.ProjectID(), ci.issuer)
		if err != nil {
			t.Fatal(err)
		}
		jobs, v := m2mtest.TrustAs(t, list[1], ci.shape, &verifier.Config{Issuers: []verifier.Issuer{services.Issuer()}})
		client, err := v.Verify(t.Context(), jobs.Token(ci.job))
		if err != nil || client.Scopes.String() != "deploy" {
			t.Errorf("%s: Verify(a job) has %q, %v, want deploy", ci.name, client.Scopes, err)
		}
		service := services.Token(m2mtest.TokenSpec{Scopes: []string{"admin"}})
		for _, tt := range []struct {
			operation, token, http, grpc string
		}{
			{"deploy", jobs.Token(ci.job), "200", "OK"},
			{"admin", jobs.Token(ci.job), "403", "PermissionDenied"},
			{"admin", service, "200", "OK"},
			{"deploy", service, "403", "PermissionDenied"},
		} {
			if got := overHTTP(t, v, tt.operation, tt.token); got != tt.http {
				t.Errorf("%s: status of %s = %s, want %s", ci.name, tt.operation, got, tt.http)
			}
			if got := overGRPC(t, v, tt.operation, tt.token); got != tt.grpc {
				t.Errorf("%s: code of %s = %s, want %s", ci.name, tt.operation, got, tt.grpc)
			}
		}
	}
}

// overHTTP returns the status of an operation that requires the scope of its name.
func overHTTP(t *testing.T, v *verifier.Verifier, operation, token string) string {
	t.Helper()
	guard, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := guard.Require(scopes.All(operation))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("POST", "/"+operation, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code)
}

// overGRPC returns the code of a method that requires the scope of its name.
func overGRPC(t *testing.T, v *verifier.Verifier, method, token string) string {
	t.Helper()
	guard, err := grpcmw.New(v, grpcmw.Policy{"/t.S/" + method: scopes.All(method)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))
	_, err = guard.Unary()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/t.S/" + method}, func(context.Context, any) (any, error) { return nil, nil })
	return status.Code(err).String()
}
