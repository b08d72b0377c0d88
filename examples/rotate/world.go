package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// world is everything around the client: an authority, and an API that trusts
// it.
type world struct {
	authority *m2mtest.Authority // nil if it is not ours
	where     string
	projectID string
	baseURL   string // "" at Stytch
	stytch    *stytch.Client
	verifier  *verifier.Verifier
	api       *http.Server
	apiURL    string
	http      *http.Client
}

func newWorld(ctx context.Context) (*world, error) {
	w := &world{
		where:     "Stytch",
		projectID: os.Getenv("STYTCH_PROJECT_ID"),
		baseURL:   os.Getenv("STYTCH_URL"),
		http:      &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * instances}},
	}
	secret := stytch.NewSecret(os.Getenv("STYTCH_SECRET"))
	if w.projectID == "" {
		w.authority = m2mtest.NewAuthority(nil)
		w.projectID, w.baseURL, secret = w.authority.ProjectID(), w.authority.URL(), stytch.NewSecret(w.authority.Secret())
	}
	if w.baseURL != "" {
		w.where = w.baseURL
	}
	if err := w.start(ctx, secret); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context, secret stytch.Secret) (err error) {
	w.stytch, err = stytch.New(w.projectID, secret, &stytch.Options{BaseURL: w.baseURL, Transport: w.http.Transport})
	if err != nil {
		return err
	}
	issuer, err := stytch.Issuer(w.projectID, nil)
	if err != nil {
		return err
	}
	if w.baseURL != "" {
		issuer.JWKSURL = w.baseURL + "/v1/sessions/jwks/" + w.projectID
	}
	if w.verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}}); err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := w.verifier.Ready(ready); err != nil {
		return err
	}
	guard, err := httpmw.New(w.verifier, nil)
	if err != nil {
		return err
	}
	mux := httpmw.NewMux(guard)
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), func(rw http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(rw, "orders for", client.ID)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.api = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go w.api.Serve(listener)
	w.apiURL = "http://" + listener.Addr().String()
	return nil
}

// tokens is the token source of one instance.
func (w *world) tokens(
	ctx context.Context, credentials func(context.Context) (stytch.Credentials, error),
) (oauth2.TokenSource, error) {
	opts := &stytch.TokenSourceOptions{Transport: w.http.Transport}
	if w.baseURL != "" {
		opts.TokenURL = w.baseURL + "/v1/public/" + w.projectID + "/oauth2/token"
	}
	return stytch.TokenSource(ctx, w.projectID, credentials, opts)
}

func (w *world) close() {
	w.http.CloseIdleConnections()
	if w.api != nil {
		w.api.Close()
	}
	if w.verifier != nil {
		w.verifier.Close()
	}
	if w.authority != nil {
		w.authority.Close()
	}
}
