// Command server is a guarded MCP server with the tools read, delete and admin, and an
// authority for it on the same address:
//
//	go run ./examples/server -addr 127.0.0.1:8931
//
// It prints one JSON object with the URL of the MCP endpoint, that of the token
// endpoint, and the credentials of two clients: reader has the scope files:read, and
// operator also files:write and files:admin. Both use the client credentials grant.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8931", "address and port on loopback")
	stateless := flag.Bool("stateless", false, "keep no sessions, and offer protocol version 2026-07-28")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *stateless, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// started is what the server prints.
type started struct {
	MCP      string      `json:"mcp"`
	Issuer   string      `json:"issuer"`
	TokenURL string      `json:"token_url"`
	Reader   credentials `json:"reader"`
	Operator credentials `json:"operator"`
}

// credentials are those of a client of the example's own authority, which ends with it.
type credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func run(ctx context.Context, addr string, stateless bool, out io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	base := "http://" + listener.Addr().String() // in production: https://api.example.com
	authority, err := m2mtest.Start(&m2mtest.Options{CustomDomain: base})
	if err != nil {
		return err
	}
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		return err
	}
	defer v.Close()

	mux := http.NewServeMux()
	if err := addAuthority(mux, base, authority); err != nil {
		return err
	}
	if err := addMCP(ctx, mux, base+"/mcp", v, stateless); err != nil {
		return err
	}
	info := started{MCP: base + "/mcp", Issuer: base, TokenURL: base + "/oauth2/token"}
	info.Reader.ClientID, info.Reader.ClientSecret = authority.CreateClient("reader", "files:read")
	info.Operator.ClientID, info.Operator.ClientSecret = authority.CreateClient("operator",
		"files:read", "files:write", "files:admin")
	if err := json.NewEncoder(out).Encode(info); err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() }) // GET streams have no end of their own
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// addAuthority adds the endpoints of an authority, in front of a simulated Stytch. With
// another authority there is nothing to add.
func addAuthority(mux *http.ServeMux, base string, authority *m2mtest.Authority) error {
	keys, err := gateway.NewKeySet(authority.ProjectID(), &gateway.KeySetOptions{BaseURL: authority.URL()})
	if err != nil {
		return err
	}
	tokens, err := gateway.NewTokenEndpoint(authority.ProjectID(), &gateway.TokenEndpointOptions{
		BaseURL: authority.URL(), KeySet: keys,
	})
	if err != nil {
		return err
	}
	metadata, err := gateway.Metadata{
		Issuer:        base,
		TokenEndpoint: base + "/oauth2/token",
		KeySet:        base + "/.well-known/jwks.json",
		Scopes:        []string{"files:read", "files:write", "files:admin"},

		AuthorizationEndpoint: base + "/no-people", // MCP's SDKs require one
	}.Handler()
	if err != nil {
		return err
	}
	mux.Handle("/oauth2/token", tokens)
	mux.Handle("/.well-known/jwks.json", keys)
	mux.Handle(gateway.MetadataPath, metadata)
	return nil
}
