package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// saas is the SaaS, and the authority behind it.
type saas struct {
	authority *m2mtest.Authority // nil if it is not ours
	projectID string
	baseURL   string // "" at Stytch
	stytch    *stytch.Client
	verifier  *verifier.Verifier
	server    *http.Server
	url       string
}

func newSaaS(ctx context.Context) (*saas, error) {
	s := &saas{projectID: os.Getenv("STYTCH_PROJECT_ID"), baseURL: os.Getenv("STYTCH_URL")}
	secret := stytch.NewSecret(os.Getenv("STYTCH_SECRET"))
	if s.projectID == "" {
		s.authority = m2mtest.NewAuthority(nil)
		s.projectID, s.baseURL, secret = s.authority.ProjectID(), s.authority.URL(), stytch.NewSecret(s.authority.Secret())
	}
	if err := s.start(ctx, secret); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *saas) start(ctx context.Context, secret stytch.Secret) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String() // in production: https://login.example.com
	handler, err := s.routes(ctx, secret)
	if err != nil {
		listener.Close()
		return err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	go s.server.Serve(listener)
	return nil
}

// routes is everything that the SaaS serves.
func (s *saas) routes(ctx context.Context, secret stytch.Secret) (http.Handler, error) {
	var err error
	if s.stytch, err = stytch.New(s.projectID, secret, &stytch.Options{BaseURL: s.baseURL}); err != nil {
		return nil, err
	}
	tokens, err := stytch.TokenEndpoint(s.projectID, &stytch.TokenEndpointOptions{BaseURL: s.baseURL})
	if err != nil {
		return nil, err
	}
	keys, err := stytch.KeySetHandler(s.projectID, &stytch.KeySetOptions{BaseURL: s.baseURL})
	if err != nil {
		return nil, err
	}
	metadata, err := stytch.MetadataHandler(stytch.Metadata{
		Issuer:        s.url,
		TokenEndpoint: s.url + "/oauth2/token",
		KeySet:        s.url + "/.well-known/jwks.json",
		Scopes:        []string{"read:reports", "write:reports"},
	})
	if err != nil {
		return nil, err
	}
	guard, err := s.guard(ctx)
	if err != nil {
		return nil, err
	}
	mux := httpmw.NewMux(guard)
	mux.Handle("/oauth2/token", scopes.Public(), tokens)
	mux.Handle("/.well-known/jwks.json", scopes.Public(), keys)
	mux.Handle(stytch.MetadataPath, scopes.Public(), metadata)
	mux.HandleFunc("GET /v1/reports", scopes.All("read:reports"), func(w http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintf(w, "reports for %s\n", client.ID)
	})
	mux.HandleFunc("POST /v1/reports", scopes.All("write:reports"), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})
	return mux, nil
}

// guard is the API's own: it trusts the project's tokens.
func (s *saas) guard(ctx context.Context) (*httpmw.Middleware, error) {
	issuer, err := stytch.Issuer(s.projectID, nil)
	if err != nil {
		return nil, err
	}
	if s.baseURL != "" {
		issuer.JWKSURL = s.baseURL + "/v1/sessions/jwks/" + s.projectID
	}
	if s.verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}}); err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.verifier.Ready(ready); err != nil {
		return nil, err
	}
	return httpmw.New(s.verifier, nil)
}

func (s *saas) close() {
	if s.server != nil {
		s.server.Close()
	}
	if s.verifier != nil {
		s.verifier.Close()
	}
	if s.authority != nil {
		s.authority.Close()
	}
}
