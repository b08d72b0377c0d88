package redact_test

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/issuers/discovery"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// secrets returns texts that can be pasted into the wrong argument. No mark may
// be in an error.
func secrets() []struct{ name, text, mark string } {
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer a.Close()
	token := a.Token(m2mtest.TokenSpec{ClientID: "worker"})
	const random = "o3Xq9ZbT1vK7pW2sLr8Ny5Hc4Dj6Fg0A"
	return []struct{ name, text, mark string }{
		{"a token", token, token},
		{"a token with its scheme", "Bearer " + token, token},
		{"a token and a line break", token + "\n", token},
		{"a token in a URL", "https://auth.example.com/realms/" + token, token},
		{"a token without its header", token[strings.IndexByte(token, '.')+1:], token},
		{"a password", "https://worker:correcthorse@auth.example.com/realms/prod", "correcthorse"},
		{"a password over http", "http://worker:correcthorse@auth.example.com/realms/prod", "correcthorse"},
		{"a password without scheme", "worker:correcthorse@auth.example.com", "correcthorse"},
		{"a password with a slash", "https://worker:correct/horse@auth.example.com", "correct/horse"},
		{"a password in place of the port", "https://auth.example.com:correcthorse/realms/prod", "correcthorse"},
		{"a password with a percent sign", "https://worker:correct%horse@auth.example.com", "correct%horse"},
		{"a query", "https://auth.example.com/realms/prod?key=correcthorse", "correcthorse"},
		{"a query over http", "http://auth.example.com/realms/prod?key=correcthorse", "correcthorse"},
		{"a query without scheme", "auth.example.com?key=correcthorse", "correcthorse"},
		{"a fragment", "https://auth.example.com/realms/prod#correcthorse", "correcthorse"},
		{"a form", "client_secret=correcthorse", "correcthorse"},
		{"basic credentials", "Basic Y29ycmVjdGhvcnNl", "Y29ycmVjdGhvcnNl"},
		{"a vendor's secret", "secret-live-correcthorse", "correcthorse"},
		{"a private key", "-----BEGIN PRIVATE KEY-----\ncorrecthorse", "correcthorse"},
		{"a random secret", random, random},
	}
}

// constructors call everything that takes text from its user, with a text in each
// place, and return the errors.
var constructors = map[string]func(s string) error{
	"scopes": func(s string) error {
		_, parse := scopes.Parse(s + "\x00")
		_, all := scopes.AllOf([]string{s + " "})
		_, any := scopes.AnyOf([]string{s + " "})
		_, list := scopes.ParseList([]string{s + " "})
		return errors.Join(parse, all, any, list)
	},
	"verifier": func(s string) error {
		_, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{
			{Name: s, Aliases: []string{s}, Audiences: []string{s, ""}, JWKSURL: s, Algorithms: []string{s}},
			{Name: s, AudienceClaims: []string{s, ""}, JWKSURL: s, TokenTypes: []string{}, JWKS: verifier.JWKSOptions{MaxBytes: 1}},
		}})
		return err
	},
	"httpmw": func(s string) error {
		v, closeAll := guarded()
		defer closeAll()
		_, err := httpmw.New(v, &httpmw.Options{Realm: s + "\n", Resource: s, Origin: s + "?"})
		return err
	},
	"grpcmw": func(s string) error {
		v, closeAll := guarded()
		defer closeAll()
		_, err := grpcmw.New(v, grpcmw.Policy{"/pkg.Service/Method": scopes.Authenticated()}, &grpcmw.Options{Realm: s + "\n", Origin: s + "?"})
		return err
	},
	"m2mtest": func(s string) error {
		_, err := m2mtest.Start(&m2mtest.Options{Addr: s, ProjectID: s, Secret: s})
		return err
	},
	"discovery": func(s string) error {
		opts := &discovery.Options{Audiences: []string{s}, JWKS: verifier.JWKSOptions{FetchTimeout: time.Minute}}
		_, _, err := discovery.Issuer(context.Background(), s, opts) // fails before any request
		return err
	},
	"Auth0":   func(s string) error { return preset(issuers.Auth0(s, s+" ")) },
	"Okta":    func(s string) error { return preset(issuers.Okta(s, s+" ")) },
	"EntraV2": func(s string) error { return preset(issuers.EntraV2(s, s)) },
	"EntraV1": func(s string) error {
		return preset(issuers.EntraV1(s, s+" ", "https://graph.microsoft.com/"+s))
	},
	"Keycloak": func(s string) error { return preset(issuers.Keycloak(s, s+" ", nil)) },
	"Cognito":  func(s string) error { return preset(issuers.Cognito(s, s+" ", s+"_")) },
	"Google": func(s string) error {
		return preset(issuers.Google(s+" ", issuers.Callers{s: {}, s + "@example.com": {}}))
	},
	"GitHub": func(s string) error {
		bad := issuers.GitHubCaller{OwnerID: s, RepositoryID: s, Ref: s, Workflow: s}
		return errors.Join(preset(issuers.GitHubActions(s+" ", bad)), preset(issuers.GitHubActions("https://github.com/"+s, bad)))
	},
	"Zitadel": func(s string) error {
		return preset(issuers.Zitadel(s, s, &issuers.ZitadelOptions{ServiceUsers: []string{s}}))
	},
	"Kubernetes": func(s string) error {
		return errors.Join(
			preset(issuers.Kubernetes(s, s+" ", issuers.Callers{s: {}}, nil)),
			preset(issuers.Kubernetes(s, s, issuers.Callers{s + "_": {}}, &issuers.KubernetesOptions{JWKSURL: s, InCluster: true})),
		)
	},
}

func preset(_ verifier.Issuer, err error) error { return err }

// guarded returns a Verifier that trusts a local authority.
func guarded() (*verifier.Verifier, func()) {
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}})
	if err != nil {
		panic(err)
	}
	return v, func() { v.Close(); a.Close() }
}

// TestConstructors: no error of a constructor repeats a secret, however the error
// is printed.
func TestConstructors(t *testing.T) {
	for _, secret := range secrets() {
		for name, construct := range constructors {
			t.Run(name+"/"+secret.name, func(t *testing.T) {
				err := construct(secret.text)
				if err == nil {
					if name != "m2mtest" { // which takes any project ID
						t.Errorf("%s(%s) = nil, want an error", name, secret.name)
					}
					return
				}
				for _, text := range prints(err) {
					if piece := leaked(text, secret.mark); piece != "" {
						t.Fatalf("%s(%s) = %q, which holds %q", name, secret.name, text, piece)
					}
				}
			})
		}
	}
}

// prints returns err in every form that ends in a log.
func prints(err error) []string {
	list := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)}
	if m, ok := err.(encoding.TextMarshaler); ok {
		text, _ := m.MarshalText()
		list = append(list, string(text))
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			list = append(list, prints(e)...)
		}
	} else if e := errors.Unwrap(err); e != nil {
		list = append(list, prints(e)...)
	}
	return list
}

// leaked returns a piece of mark that is in text and long enough to matter, or "".
func leaked(text, mark string) string {
	const piece = 8
	for i := range max(1, len(mark)-piece) {
		if part := mark[i:min(i+piece, len(mark))]; strings.Contains(text, part) {
			return part
		}
	}
	return ""
}
