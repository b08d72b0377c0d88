package m2mtest_test

import (
	"context"
	"fmt"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"google.golang.org/grpc"
)

// Test a guarded operation with an authority, a verifier that trusts it, and
// tokens of any kind.
func Example() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()

	for _, scope := range []string{"reports:read", "reports:write"} {
		token := authority.Token(m2mtest.TokenSpec{Scopes: []string{scope}})
		request := verifier.Request{Operation: "GET /reports", Authorization: []string{"Bearer " + token}}
		_, err := v.Authorize(context.Background(), request, scopes.All("reports:read"))
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// m2mauth: insufficient_scope: scope_missing: granted "reports:write", want all("reports:read")
}

// Test a handler alone: put a client into its context.
func ExampleClient() {
	client := m2mtest.Client(m2mtest.TokenSpec{
		ClientID: "billing",
		Scopes:   []string{"reports:read"},
		Claims:   map[string]any{"tenant": "acme"},
	})
	ctx := verifier.ContextWithClient(context.Background(), client)

	// The handler does:
	c, _ := verifier.ClientFromContext(ctx)
	var claims struct {
		Tenant string `json:"tenant"`
	}
	err := c.Claims(&claims)
	fmt.Println(c.ID, c.Scopes, claims.Tenant, err)
	// Output: billing reports:read acme <nil>
}

// Simulate an outage: calls with known keys continue.
func ExampleAuthority_Fail() {
	authority := m2mtest.NewAuthority(nil)
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	fmt.Println(v.Ready(context.Background()))

	authority.Fail(m2mtest.Outage{Endpoints: m2mtest.KeysEndpoint})
	fmt.Println(v.Refresh(context.Background()) != nil)
	_, err = v.Verify(context.Background(), authority.Token(m2mtest.TokenSpec{}))
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// <nil>
}

// Compare the operations of a server and their requirements with a file, so that
// each change of policy shows in review.
func ExampleMatrix() {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	guard, err := grpcmw.New(v, grpcmw.Policy{
		"/reports.v1.Reports/List":   scopes.All("read:reports"),
		"/reports.v1.Reports/Delete": scopes.All("read:reports", "write:reports"),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	services := map[string]grpc.ServiceInfo{ // in a program: server.GetServiceInfo()
		"reports.v1.Reports": {Methods: []grpc.MethodInfo{{Name: "List"}, {Name: "Delete"}, {Name: "Export"}}},
	}

	fmt.Print(m2mtest.Matrix(m2mtest.Section{Title: "gRPC", Operations: guard.Operations(services)}))
	// Output:
	// # gRPC
	// /reports.v1.Reports/Delete                                        all("read:reports", "write:reports")
	// /reports.v1.Reports/Export                                        nobody ! no requirement: every call is refused
	// /reports.v1.Reports/List                                          all("read:reports")
}
