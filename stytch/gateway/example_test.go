package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
)

func ExampleTokenEndpoint() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	tokens, err := gateway.NewTokenEndpoint(authority.ProjectID(), &gateway.TokenEndpointOptions{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth2/token", tokens)
	saas := httptest.NewServer(mux) // https://login.example.com
	defer saas.Close()

	// A customer, with any client library:
	id, secret := authority.CreateClient("customer", "read:reports")
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: saas.URL + "/oauth2/token"}
	token, err := config.Token(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.AccessToken != "")
	// Output:
	// Bearer true
}
