package tokensource_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/tokensource"
)

// TestMisplacedSecrets: a secret that stands in place of a path or a name is in no
// error.
func TestMisplacedSecrets(t *testing.T) {
	const mark = "correcthorse"
	for _, secret := range []string{"secret-live-" + mark, "Bearer " + mark, "-----BEGIN PRIVATE KEY-----\n" + mark} {
		for name, c := range map[string]tokensource.Config{
			"SecretFile":    {TokenURL: tokenURL, Credentials: tokensource.SecretFile(secret)},
			"SecretEnv":     {TokenURL: tokenURL, Credentials: tokensource.SecretEnv(secret, secret)},
			"KeyFile":       {TokenURL: tokenURL, Credentials: tokensource.PrivateKeyJWT{ClientID: clientID, KeyFile: secret, Audience: "a"}},
			"Algorithm":     {TokenURL: tokenURL, Credentials: tokensource.PrivateKeyJWT{ClientID: clientID, Key: keyEC, Algorithm: secret, Audience: "a"}},
			"CertFile":      {TokenURL: tokenURL, Credentials: tokensource.Certificate{ClientID: clientID, CertFile: secret, KeyFile: secret}},
			"AssertionFile": {TokenURL: tokenURL, Credentials: tokensource.ClientAssertion(clientID, tokensource.AssertionFile(secret))},
			"TokenFile":     {Fetch: tokensource.TokenFile(secret)},
		} {
			s, err := tokensource.New(c)
			if err == nil {
				_, err = s.Token()
				s.Close()
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s(%q): Token() = %v, want %v", name, secret, err, fs.ErrNotExist)
				}
			}
			if err == nil || strings.Contains(err.Error(), mark) || !strings.Contains(err.Error(), "look like a secret") {
				t.Errorf("%s(%q) = %v, want an error that hides it", name, secret, err)
			}
		}
	}
}
