package authorities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
	"golang.org/x/oauth2"
)

// credentialsOf returns c for a tokensource.
func credentialsOf(t *testing.T, a authority, c credential) tokensource.Credentials {
	t.Helper()
	switch {
	case c.secret != "":
		return tokensource.Secret(c.clientID, c.secret)
	case c.handed:
		return tokensource.ClientAssertion(c.clientID, func(context.Context) (string, error) {
			return assertion(t, c, c.clientID, a.assertionAudience), nil
		})
	case c.key != nil:
		return tokensource.PrivateKeyJWT{
			ClientID:  c.clientID,
			Key:       c.key,
			KeyID:     keyID(t, c.key.Public()),
			Algorithm: c.alg,
			Audience:  a.assertionAudience,
		}
	default:
		return tokensource.Certificate{ClientID: c.clientID, Pair: c.cert}
	}
}

// configOf returns a Config that fetches tokens for the resource. If discovered,
// the authority's metadata name the token endpoint.
func configOf(t *testing.T, a authority, c credential, resource string, discovered bool) tokensource.Config {
	t.Helper()
	conf := tokensource.Config{
		TokenURL:    a.tokenURL,
		Credentials: credentialsOf(t, a, c),
		Scopes:      []string{"read:users"},
		Transport:   a.ca.Transport(nil),
	}
	switch {
	case discovered: // and so is the way to send a secret
		conf.TokenURL, conf.Issuer = "", a.issuer
	case c.method == "client_secret_basic":
		conf.AuthStyle = oauth2.AuthStyleInHeader
	case c.method == "client_secret_post":
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
		if c.proof != nil {
			return nil, errNotYet
		}
		s, err := tokensource.New(configOf(t, a, c, resource, discovered))
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return s.TokenContext(ctx)
	}
}
