package token

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/tokensource"
)

// options holds the flags.
type options struct {
	tokenURL, issuer                           string
	clientID, secretFile, secretEnv            string
	credentials, keyFile, keyID, assertionFile string
	githubAudience                             string
	scope, audience, resource                  string
	maxAge, timeout                            time.Duration
	header, refresh                            bool
	cacheFolder                                string
}

var errClient = errors.New("want one of -secret-file, -secret-env, -credentials, -key-file, -assertion-file and -github-audience")

// parse parses the flags. Its errors don't repeat values, which may be misplaced
// secrets.
func parse(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("token", flag.ContinueOnError)
	fs.StringVar(&o.tokenURL, "token-url", "", "")
	fs.StringVar(&o.issuer, "issuer", "", "")
	fs.StringVar(&o.clientID, "client-id", "", "")
	fs.StringVar(&o.secretFile, "secret-file", "", "")
	fs.StringVar(&o.secretEnv, "secret-env", "", "")
	fs.StringVar(&o.credentials, "credentials", "", "")
	fs.StringVar(&o.keyFile, "key-file", "", "")
	fs.StringVar(&o.keyID, "key-id", "", "")
	fs.StringVar(&o.assertionFile, "assertion-file", "", "")
	fs.StringVar(&o.githubAudience, "github-audience", "", "")
	fs.StringVar(&o.scope, "scope", "", "")
	fs.StringVar(&o.audience, "audience", "", "")
	fs.StringVar(&o.resource, "resource", "", "")
	fs.DurationVar(&o.maxAge, "max-age", 0, "")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "")
	fs.BoolVar(&o.header, "header", false, "")
	fs.BoolVar(&o.refresh, "refresh", false, "")
	fs.StringVar(&o.cacheFolder, "cache", "", "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	if o.timeout <= 0 {
		return nil, errors.New("-timeout: want a duration above zero, such as 30s")
	}
	return o, nil
}

// open returns the Source and the cache that the flags describe.
func (o *options) open() (*tokensource.Source, *cache, error) {
	credentials, err := o.client()
	if err != nil {
		return nil, nil, err
	}
	source, err := tokensource.New(tokensource.Config{
		TokenURL:    o.tokenURL,
		Issuer:      o.issuer,
		Credentials: credentials,
		Scopes:      strings.Fields(o.scope),
		Audience:    strings.Fields(o.audience),
		Resource:    strings.Fields(o.resource),
		MaxAge:      o.maxAge,
	})
	if err != nil {
		return nil, nil, err
	}
	kept, err := openCache(o.cacheFolder, o.identity())
	if err != nil {
		source.Close()
		return nil, nil, err
	}
	return source, kept, nil
}

// client returns the credentials of the flags.
func (o *options) client() (tokensource.Credentials, error) {
	kinds := 0
	for _, value := range []string{o.secretFile, o.secretEnv, o.credentials, o.keyFile, o.assertionFile, o.githubAudience} {
		if value != "" {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errClient
	case o.keyID != "" && o.keyFile == "":
		return nil, errors.New("-key-id is for -key-file")
	case o.credentials != "" && o.clientID != "":
		return nil, errors.New("-credentials holds the client's ID: leave out -client-id")
	case o.clientID == "" && (o.secretFile != "" || o.secretEnv != "" || o.keyFile != ""):
		return nil, errors.New("-client-id is missing")
	case o.secretEnv != "" && os.Getenv(o.secretEnv) == "":
		return nil, errors.New("-secret-env: no environment variable of this name has a value")
	}
	if err := o.checkFiles(); err != nil {
		return nil, err
	}
	switch {
	case o.secretEnv != "":
		return tokensource.Secret(o.clientID, os.Getenv(o.secretEnv)), nil
	case o.secretFile != "":
		return tokensource.SecretFunc(o.readSecret), nil
	case o.credentials != "":
		return tokensource.SecretFile(o.credentials), nil
	case o.keyFile != "":
		return tokensource.PrivateKeyJWT{ClientID: o.clientID, KeyFile: o.keyFile, KeyID: o.keyID}, nil
	case o.assertionFile != "":
		return tokensource.ClientAssertion(o.clientID, tokensource.AssertionFile(o.assertionFile)), nil
	default:
		return tokensource.ClientAssertion(o.clientID, tokensource.GitHubActions(o.githubAudience)), nil
	}
}

// checkFiles returns an error if a file does not exist. It does not name the file:
// a misplaced secret may stand there.
func (o *options) checkFiles() error {
	for _, f := range []struct{ flag, path string }{
		{"-secret-file", o.secretFile}, {"-credentials", o.credentials}, {"-key-file", o.keyFile}, {"-assertion-file", o.assertionFile},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			return fmt.Errorf("%s: %w", f.flag, errors.Unwrap(err))
		}
	}
	return nil
}

// readSecret reads -secret-file, without the line break at its end.
func (o *options) readSecret(context.Context) (clientID, secret string, err error) {
	text, err := os.ReadFile(o.secretFile)
	if err != nil {
		return "", "", fmt.Errorf("-secret-file: %w", errors.Unwrap(err)) // without the name
	}
	return o.clientID, strings.TrimRight(string(text), "\r\n"), nil
}

// identity tells apart the tokens of different clients, authorities and services.
// It holds no secret.
func (o *options) identity() []string {
	return []string{
		o.tokenURL, o.issuer, o.clientID, o.secretFile, o.secretEnv, o.credentials, o.keyFile, o.keyID, o.assertionFile,
		o.githubAudience, strings.Join(strings.Fields(o.scope), " "), o.audience, o.resource, o.maxAge.String(),
	}
}
