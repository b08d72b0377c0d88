package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/project"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
)

// saas holds the SaaS's server, and its Stytch project.
type saas struct {
	project *project.Project
	server  *http.Server
	url     string
}

func newSaaS(ctx context.Context) (*saas, error) {
	p, err := project.Open(ctx, nil)
	if err != nil {
		return nil, err
	}
	s := &saas{project: p}
	if err := s.start(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *saas) start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String() // in production: https://login.example.com
	handler, err := s.routes()
	if err != nil {
		listener.Close()
		return err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	go s.server.Serve(listener)
	return nil
}

// routes returns everything that the SaaS serves.
func (s *saas) routes() (http.Handler, error) {
	keys, err := gateway.NewKeySet(s.project.ID, &gateway.KeySetOptions{BaseURL: s.project.BaseURL})
	if err != nil {
		return nil, err
	}
	tokens, err := gateway.NewTokenEndpoint(s.project.ID, &gateway.TokenEndpointOptions{
		BaseURL: s.project.BaseURL,
		KeySet:  keys, // so that it knows a new key before anybody has a token by it
		// Behind proxies: ClientAddr, from gateway.Proxies
	})
	if err != nil {
		return nil, err
	}
	metadata, err := gateway.Metadata{
		Issuer:        s.url,
		TokenEndpoint: s.url + "/oauth2/token",
		KeySet:        s.url + "/.well-known/jwks.json",
		Scopes:        []string{"read:reports", "write:reports"},
	}.Handler()
	if err != nil {
		return nil, err
	}
	guard, err := httpmw.New(s.project.Verifier, nil)
	if err != nil {
		return nil, err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return nil, err
	}
	mux.Handle("/oauth2/token", scopes.Public(), tokens)
	mux.Handle("/.well-known/jwks.json", scopes.Public(), keys)
	mux.Handle(gateway.MetadataPath, scopes.Public(), metadata)
	mux.HandleFunc("GET /v1/reports", scopes.All("read:reports"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "reports for %s\n", client.ID)
	})
	mux.HandleFunc("POST /v1/reports", scopes.All("write:reports"), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})
	return mux, mux.CheckCoverage()
}

func (s *saas) close() {
	if s.server != nil {
		s.server.Close()
	}
	s.project.Close()
}
