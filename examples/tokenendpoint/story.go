package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
)

// customer holds the credentials of a customer's machine.
type customer struct{ id, secret string }

// tell runs the steps. It stops at the first that fails.
func tell(ctx context.Context, out io.Writer, s *saas, c customer) error {
	for _, step := range []struct {
		what string
		run  func(context.Context, *saas, customer) error
		ours bool // needs the local authority
	}{
		{"the metadata leads to the token endpoint", metadata, false},
		{"x/oauth2 gets tokens with every style of credentials, and the API accepts them", libraries, false},
		{"the API refuses calls that its scopes don't permit", forbidden, false},
		{"curl gets a token by form, JSON and Basic", byHand, false},
		{"the customer verifies a token with the SaaS's copy of the keys", verify, false},
		{"a wrong secret, a user's grant, a query string and a duplicate are refused", refusals, false},
		{"Stytch is down: 503 with Retry-After, while the API still accepts tokens", outage, true},
		{"guessing is limited, for this client from this address", guessing, true},
	} {
		if step.ours && s.project.Authority == nil {
			fmt.Fprintf(out, "skipped  %s\n", step.what)
			continue
		}
		if err := step.run(ctx, s, c); err != nil {
			fmt.Fprintf(out, "FAILED   %s\n", step.what)
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintf(out, "ok       %s\n", step.what)
	}
	return nil
}

func metadata(ctx context.Context, s *saas, _ customer) error {
	a, err := send(ctx, "GET", s.url+gateway.MetadataPath, "", "")
	if err != nil {
		return err
	}
	if a.status != 200 || a.body["token_endpoint"] != s.url+"/oauth2/token" {
		return fmt.Errorf("HTTP status %d: %v", a.status, a.body)
	}
	return nil
}

func (s *saas) library(c customer, style oauth2.AuthStyle) clientcredentials.Config {
	return clientcredentials.Config{
		ClientID: c.id, ClientSecret: c.secret, TokenURL: s.url + "/oauth2/token", AuthStyle: style,
	}
}

func libraries(ctx context.Context, s *saas, c customer) error {
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		config := s.library(c, style)
		config.Scopes = []string{"read:reports"}
		if err := wantStatus(ctx, config.Client(ctx), "GET", s.url+"/v1/reports", 200); err != nil {
			return err
		}
	}
	return nil
}

func forbidden(ctx context.Context, s *saas, c customer) error {
	config := s.library(c, oauth2.AuthStyleInHeader)
	if err := wantStatus(ctx, config.Client(ctx), "POST", s.url+"/v1/reports", 403); err != nil {
		return err
	}
	return wantStatus(ctx, http.DefaultClient, "GET", s.url+"/v1/reports", 401)
}

func byHand(ctx context.Context, s *saas, c customer) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.id}, "client_secret": {c.secret}}
	doc, err := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": c.id, "client_secret": c.secret,
	})
	if err != nil {
		return err
	}
	for _, try := range []request{
		{form.Encode(), "application/x-www-form-urlencoded", ""},
		{string(doc), "application/json", ""},
		{"grant_type=client_credentials", "application/x-www-form-urlencoded", c.secret},
	} {
		a, err := try.send(ctx, s, c)
		if err != nil {
			return err
		}
		if a.status != 200 || a.body["access_token"] == "" || a.body["token_type"] != "Bearer" || len(a.body) != 3 {
			return fmt.Errorf("HTTP status %d, %d members", a.status, len(a.body))
		}
		if a.header.Get("Cache-Control") != "no-store" {
			return errors.New("the token may be stored")
		}
	}
	return nil
}

func verify(ctx context.Context, s *saas, c customer) error {
	config := s.library(c, oauth2.AuthStyleInHeader)
	token, err := config.Token(ctx)
	if err != nil {
		return err
	}
	issuer, err := stytch.Issuer(s.project.ID, nil)
	if err != nil {
		return err
	}
	issuer.JWKSURL = s.url + "/.well-known/jwks.json"
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	if err != nil {
		return err
	}
	defer v.Close()
	if err := v.Ready(ctx); err != nil {
		return err
	}
	client, err := v.Verify(ctx, token.AccessToken)
	if err == nil && client.ID != c.id {
		err = fmt.Errorf("the token is %s's", client.ID)
	}
	return err
}

func refusals(ctx context.Context, s *saas, c customer) error {
	const form = "application/x-www-form-urlencoded"
	for _, try := range []struct {
		request
		path   string
		status int
		code   string
	}{
		{request{"grant_type=client_credentials", form, "wrong-secret"}, "/oauth2/token", 401, "invalid_client"},
		{request{"grant_type=refresh_token&refresh_token=x", form, c.secret}, "/oauth2/token", 400, "unsupported_grant_type"},
		{request{"grant_type=client_credentials", form, c.secret}, "/oauth2/token?scope=x", 400, "invalid_request"},
		{request{"grant_type=client_credentials&scope=a&scope=b", form, c.secret}, "/oauth2/token", 400, "invalid_request"},
		{request{"grant_type=client_credentials&scope=admin", form, c.secret}, "/oauth2/token", 400, "invalid_scope"},
	} {
		a, err := try.request.sendTo(ctx, s.url+try.path, c)
		if err != nil {
			return err
		}
		if a.status != try.status || a.body["error"] != try.code {
			return fmt.Errorf("%s: HTTP status %d, %v; want %d, %s", try.body, a.status, a.body["error"], try.status, try.code)
		}
	}
	return nil
}

func outage(ctx context.Context, s *saas, c customer) error {
	config := s.library(c, oauth2.AuthStyleInHeader)
	token, err := config.Token(ctx)
	if err != nil {
		return err
	}
	s.project.Authority.Fail(m2mtest.Outage{Body: "stack trace"})
	defer s.project.Authority.Restore()
	a, err := request{"grant_type=client_credentials", "application/x-www-form-urlencoded", c.secret}.send(ctx, s, c)
	if err != nil {
		return err
	}
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		return fmt.Errorf("HTTP status %d: %v", a.status, a.body)
	}
	return wantStatus(ctx, oauth2.NewClient(ctx, oauth2.StaticTokenSource(token)), "GET", s.url+"/v1/reports", 200)
}

func guessing(ctx context.Context, s *saas, _ customer) error {
	id, secret := s.project.Authority.CreateClient("victim")
	victim := customer{id, secret}
	for range 30 {
		a, err := request{"grant_type=client_credentials", "application/x-www-form-urlencoded", "wrong-secret"}.send(ctx, s, victim)
		if err != nil {
			return err
		}
		if a.status == 429 && a.header.Get("Retry-After") != "" {
			return nil
		}
		if a.status != 401 {
			return fmt.Errorf("HTTP status %d", a.status)
		}
	}
	return errors.New("30 guesses were not limited")
}

// request is a token request.
type request struct {
	body, contentType string
	basic             string // the secret for HTTP Basic, or ""
}

func (r request) send(ctx context.Context, s *saas, c customer) (*answer, error) {
	return r.sendTo(ctx, s.url+"/oauth2/token", c)
}

func (r request) sendTo(ctx context.Context, to string, c customer) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", to, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", r.contentType)
	if r.basic != "" {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(r.basic))
	}
	return do(http.DefaultClient, req)
}
