// Package project opens the Stytch project of an example: at a local authority that it
// starts, or at Stytch itself.
package project

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// Environment variables that select the project. Without an ID it is a local one.
const (
	idVariable     = "STYTCH_PROJECT_ID"
	secretVariable = "STYTCH_SECRET"
	urlVariable    = "STYTCH_URL" // of somebody who plays Stytch
)

// Project holds a project, the API for its clients, and a Verifier that trusts its
// tokens.
type Project struct {
	ID        string
	BaseURL   string // "" at Stytch
	API       *stytch.Client
	Verifier  *verifier.Verifier
	Authority *m2mtest.Authority // nil if it is not ours
}

// Open opens the project that the environment names, or starts a local authority, and
// waits for the keys. transport, which may be nil, sends the requests of the API.
func Open(ctx context.Context, transport http.RoundTripper) (*Project, error) {
	p := &Project{ID: os.Getenv(idVariable), BaseURL: os.Getenv(urlVariable)}
	secret := stytch.NewSecret(os.Getenv(secretVariable))
	if p.ID == "" {
		p.Authority = m2mtest.NewAuthority(nil)
		p.ID, p.BaseURL, secret = p.Authority.ProjectID(), p.Authority.URL(), stytch.NewSecret(p.Authority.Secret())
	}
	if err := p.open(ctx, secret, transport); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Project) open(ctx context.Context, secret stytch.Secret, transport http.RoundTripper) (err error) {
	if p.API, err = stytch.New(p.ID, secret, &stytch.Options{BaseURL: p.BaseURL, Transport: transport}); err != nil {
		return err
	}
	issuer, err := stytch.Issuer(p.ID, nil)
	if err != nil {
		return err
	}
	if p.BaseURL != "" {
		issuer.JWKSURL = p.BaseURL + "/v1/sessions/jwks/" + p.ID
	}
	if p.Verifier, err = verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return p.Verifier.Ready(ctx)
}

// TokenURL returns the token endpoint. At Stytch it is "", which package stytch takes
// for the default.
func (p *Project) TokenURL() string {
	if p.BaseURL == "" {
		return ""
	}
	return p.BaseURL + "/v1/public/" + p.ID + "/oauth2/token"
}

// WithClient registers a client, calls use, and deletes the client again.
func (p *Project) WithClient(ctx context.Context, params stytch.CreateParams, use func(stytch.Credentials) error) error {
	machine, secret, err := p.API.CreateClient(ctx, params)
	if err != nil {
		return err
	}
	err = use(stytch.Credentials{ClientID: machine.ID, ClientSecret: secret})
	// Delete the client even if ctx has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if deleteErr := p.API.DeleteClient(ctx, machine.ID); err == nil {
		err = deleteErr
	}
	return err
}

// Close stops what Open started.
func (p *Project) Close() {
	if p.Verifier != nil {
		p.Verifier.Close()
	}
	if p.Authority != nil {
		p.Authority.Close()
	}
}

// Local hides the environment's project from a test.
func Local(t interface{ Setenv(name, value string) }) {
	for _, name := range []string{idVariable, secretVariable, urlVariable} {
		t.Setenv(name, "")
	}
}

// At sets the environment to a's project, for a test.
func At(t interface{ Setenv(name, value string) }, a *m2mtest.Authority) {
	t.Setenv(idVariable, a.ProjectID())
	t.Setenv(secretVariable, a.Secret())
	t.Setenv(urlVariable, a.URL())
}
