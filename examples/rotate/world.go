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
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/tokensource"
	"github.com/m2mauth/m2mauth/verifier"
)

// world holds the servers around the client: an authority, and an API that trusts it.
type world struct {
	project *project.Project
	api     *http.Server
	apiURL  string
	http    *http.Client
}

func newWorld(ctx context.Context) (*world, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * instances}
	p, err := project.Open(ctx, transport)
	if err != nil {
		return nil, err
	}
	w := &world{project: p, http: &http.Client{Transport: transport}}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// where names the authority that issues the tokens.
func (w *world) where() string {
	if w.project.BaseURL == "" {
		return "Stytch"
	}
	return w.project.BaseURL
}

func (w *world) start() error {
	guard, err := httpmw.New(w.project.Verifier, nil)
	if err != nil {
		return err
	}
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /orders", scopes.All("read:orders"), func(rw http.ResponseWriter, r *http.Request) {
		client, _ := verifier.ClientFromContext(r.Context())
		fmt.Fprintln(rw, "orders for", client.ID)
	})
	if err := mux.CheckCoverage(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.api = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go w.api.Serve(listener)
	w.apiURL = "http://" + listener.Addr().String()
	return nil
}

// tokens returns the token source of one instance. It ends with ctx.
func (w *world) tokens(
	ctx context.Context, credentials func(context.Context) (stytch.Credentials, error),
) (*tokensource.Source, error) {
	return stytch.TokenSource(ctx, w.project.ID, credentials, &stytch.TokenSourceOptions{
		TokenURL:  w.project.TokenURL(),
		Transport: w.http.Transport,
	})
}

func (w *world) close() {
	w.http.CloseIdleConnections()
	if w.api != nil {
		w.api.Close()
	}
	w.project.Close()
}
