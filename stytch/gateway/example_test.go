package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

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

func ExampleKeySet() {
	authority := m2mtest.NewAuthority(nil) // plays Stytch
	defer authority.Close()
	keys, err := gateway.NewKeySet(authority.ProjectID(), &gateway.KeySetOptions{
		BaseURL: authority.URL(), // at Stytch: leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The TokenEndpoint tells the KeySet of new keys.
	_, err = gateway.NewTokenEndpoint(authority.ProjectID(), &gateway.TokenEndpointOptions{
		BaseURL: authority.URL(),
		KeySet:  keys,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	saas := httptest.NewServer(keys) // https://login.example.com/.well-known/jwks.json
	defer saas.Close()

	res, err := http.Get(saas.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Status, set.Keys[0].ID == authority.Keys()[0])
	// Output:
	// 200 OK true
}

func ExampleMetadata_Handler() {
	metadata, err := gateway.Metadata{
		Issuer:        "https://login.example.com",
		TokenEndpoint: "https://login.example.com/oauth2/token",
		KeySet:        "https://login.example.com/.well-known/jwks.json",
		Scopes:        []string{"read:reports"},
	}.Handler()
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle(gateway.MetadataPath, metadata)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", gateway.MetadataPath, nil))
	var indented bytes.Buffer
	if err := json.Indent(&indented, w.Body.Bytes(), "", "  "); err != nil {
		fmt.Println(err)
	}
	fmt.Println(indented.String())
	// Output:
	// {
	//   "issuer": "https://login.example.com",
	//   "token_endpoint": "https://login.example.com/oauth2/token",
	//   "jwks_uri": "https://login.example.com/.well-known/jwks.json",
	//   "scopes_supported": [
	//     "read:reports"
	//   ],
	//   "response_types_supported": [],
	//   "grant_types_supported": [
	//     "client_credentials"
	//   ],
	//   "token_endpoint_auth_methods_supported": [
	//     "client_secret_basic",
	//     "client_secret_post"
	//   ]
	// }
}

func ExampleProxies_ClientAddr() {
	addr, err := gateway.Proxies{
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, // the load balancer
	}.ClientAddr()
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := gateway.TokenEndpointOptions{ClientAddr: addr}

	r := httptest.NewRequest("POST", "/oauth2/token", nil)
	r.RemoteAddr = "10.0.0.7:41000"
	// The client wrote the first address, the load balancer the second one.
	r.Header.Set("X-Forwarded-For", "192.0.2.1, 203.0.113.9")
	fmt.Println(opts.ClientAddr(r))
	// Output:
	// 203.0.113.9
}
