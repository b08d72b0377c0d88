package stytch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

func ExampleIssuer() {
	issuer, err := stytch.Issuer("project-live-00000000-0000-4000-8000-000000000000", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	// verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	fmt.Println(issuer.Name)
	fmt.Println(issuer.JWKSURL)
	// Output:
	// stytch.com/project-live-00000000-0000-4000-8000-000000000000
	// https://api.stytch.com/v1/sessions/jwks/project-live-00000000-0000-4000-8000-000000000000
}

func ExampleNew() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()

	client, err := stytch.New(authority.ProjectID(), stytch.NewSecret(authority.Secret()), &stytch.Options{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	machine, secret, err := client.CreateClient(ctx, stytch.CreateParams{Name: "billing", Scopes: []string{"read:users"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(machine.Name, machine.Status, secret)

	if err := client.DeleteClient(ctx, machine.ID); err != nil {
		fmt.Println(err)
	}
	_, err = client.GetClient(ctx, machine.ID)
	fmt.Println(errors.Is(err, stytch.ClientNotFound))
	// Output:
	// billing active [redacted]
	// true
}

func ExampleTokenSource() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	id, secret := authority.CreateClient("worker", "read:users")
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization")[:10])
	}))
	defer api.Close()

	ctx, cancel := context.WithCancel(context.Background()) // as long as tokens are needed
	defer cancel()
	source, err := stytch.TokenSource(ctx, authority.ProjectID(), func(context.Context) (stytch.Credentials, error) {
		// Read them from the environment or a vault: this is called at each fetch.
		return stytch.Credentials{ClientID: id, ClientSecret: stytch.NewSecret(secret)}, nil
	}, &stytch.TokenSourceOptions{
		TokenURL: authority.TokenURL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := source.RoundTripper(nil, api.URL) // sends the token to this service alone
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	res, err := client.Get(api.URL) // over gRPC: use package tokensource/grpctoken
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(string(body), err)
	// Output:
	// Bearer eyJ <nil>
}

func ExampleClient_StartRotation() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	client, err := stytch.New(authority.ProjectID(), stytch.NewSecret(authority.Secret()), &stytch.Options{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	machine, old, err := client.CreateClient(ctx, stytch.CreateParams{Name: "billing"})
	if err != nil {
		fmt.Println(err)
		return
	}
	getsToken := func(secret stytch.Secret) bool {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		source, err := stytch.TokenSource(ctx, authority.ProjectID(), stytch.StaticCredentials(machine.ID, secret),
			&stytch.TokenSourceOptions{TokenURL: authority.TokenURL()})
		if err != nil {
			fmt.Println(err)
			return false
		}
		_, err = source.Token()
		return err == nil
	}

	_, next, err := client.StartRotation(ctx, machine.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	// Store next where the instances of the machine read their secret, and wait
	// until all of them use it.
	fmt.Println("during the rotation:", getsToken(old), getsToken(next))

	if _, err := client.CompleteRotation(ctx, machine.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("afterwards:", getsToken(old), getsToken(next))
	// Output:
	// during the rotation: true true
	// afterwards: false true
}

func ExampleClient_SearchClients() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	authority.CreateClient("billing", "read:users")
	authority.CreateClient("reports", "read:users", "write:reports")
	client, err := stytch.New(authority.ProjectID(), stytch.NewSecret(authority.Secret()), &stytch.Options{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	params := stytch.SearchParams{Scopes: []string{"write:reports"}}
	for machine, err := range client.SearchClients(context.Background(), params) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(machine.Name, machine.Scopes)
	}
	// Output:
	// reports [read:users write:reports]
}

func ExampleSecret() {
	secret := stytch.NewSecret("correct horse battery staple")
	fmt.Println(secret)
	fmt.Printf("%+v\n", struct{ APIKey stytch.Secret }{secret})
	fmt.Println(len(secret.Reveal()))
	// Output:
	// [redacted]
	// {APIKey:[redacted]}
	// 28
}
