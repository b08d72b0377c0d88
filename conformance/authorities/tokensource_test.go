package authorities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
	"golang.org/x/oauth2"
)

// credentialsOf returns c for a tokensource.
func credentialsOf(a authority, c credential) tokensource.Credentials {
	switch {
	case c.secret != "":
		return tokensource.Secret(c.clientID, c.secret)
	default:
		return nil
	}
}

// configOf returns a Config that fetches tokens for the resource. If discovered,
// the authority's metadata name the token endpoint.
func configOf(a authority, c credential, resource string, discovered bool) tokensource.Config {
	conf := tokensource.Config{
		TokenURL:    a.tokenURL,
		Issuer:      a.assertionAudience,
		Credentials: credentialsOf(a, c),
		Scopes:      []string{"read:users"},
		Transport:   a.ca.Transport(nil),
	}
	if discovered {
		conf.TokenURL, conf.Issuer = "", a.issuer
	}
	switch explicit := !discovered || a.oneMethod; {
	case explicit && c.method == "client_secret_basic":
		conf.AuthStyle = oauth2.AuthStyleInHeader
	case explicit && c.method == "client_secret_post":
		conf.AuthStyle = oauth2.AuthStyleInParams
	}
	switch {
	case resource == "":
	case a.resourceParam == "resource":
		conf.Resource = []string{resource}
	default:
		conf.Audience = []string{resource}
	}
	return conf
}

func newSource(t *testing.T, conf tokensource.Config) *tokensource.Source {
	t.Helper()
	s, err := tokensource.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// errNotYet is the error of a credential that tokensource does not know yet.
var errNotYet = errors.New("not yet")

// fetchSource returns a fetch by a tokensource.Source.
func fetchSource(discovered bool) fetch {
	return func(ctx context.Context, t *testing.T, a authority, c credential, resource string) (*oauth2.Token, error) {
		t.Helper()
		if c.proof != nil || credentialsOf(a, c) == nil {
			return nil, errNotYet
		}
		s, err := tokensource.New(configOf(a, c, resource, discovered))
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return s.TokenContext(ctx)
	}
}
