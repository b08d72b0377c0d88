// Package token implements the command "m2mauth token": it prints an access token
// for shells and pipelines, and keeps it in the user's cache folder.
package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/tokensource"
)

// Exit statuses.
const (
	exitPrinted     = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnavailable = 3
)

const usage = `usage: m2mauth token [flags]

Prints an access token. It is kept in the user's cache folder, in a file that the
user alone can read, and replaced when a fifth of its lifetime is left. Parallel
runs share one fetch. While the authority is down, the token serves to its end.

The authority:
  -token-url URL         its token endpoint: https, or http on loopback
  -issuer URL            its issuer, whose metadata name the token endpoint; with
                         -token-url it is only the "aud" of signed assertions

The client:
  -client-id ID          the client's ID
  -secret-file FILE      its secret
  -secret-env NAME       the environment variable with its secret
  -credentials PATH      ID and secret: a folder with the files client_id and
                         client_secret, or a JSON file with these members
  -key-file FILE         its private key, PEM or JWK (private_key_jwt)
  -key-id ID             the key's "kid", if FILE does not hold it
  -assertion-file FILE   a JWT that identifies the workload, such as a projected
                         token of Kubernetes
  -github-audience NAME  identify the job by GitHub Actions' ID token for NAME

The token:
  -scope SCOPES          separated by spaces
  -audience NAMES        the services that it is for, separated by spaces
  -resource URLS         the same by URL (RFC 8707)
  -max-age DURATION      replace it at this age, if services demand that

How:
  -header                print "Authorization: Bearer TOKEN", for curl -H @-
  -refresh               get a new token: a service has refused the last one
  -cache FOLDER          keep tokens there, not in the user's cache folder
  -timeout DURATION      give up after that; 30s by default

A secret is never an argument: others could see it.

Exit status: 0 printed, 1 the authority refuses the client, 2 usage, 3 no token
for another reason, such as an outage.
`

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	var source *tokensource.Source
	var kept *cache
	if err == nil {
		source, kept, err = o.open()
	}
	if err != nil {
		return operate.Refuse(stderr, "token", usage, err)
	}
	defer source.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("no token after %v", o.timeout))
	defer cancel()
	c := &command{source: source, cache: kept, refresh: o.refresh, maxAge: o.maxAge, patience: o.timeout / 2, now: time.Now}
	token, err := c.token(ctx, func(err error) { complain(stderr, err) })
	if err != nil {
		complain(stderr, err)
		return statusOf(err)
	}
	if o.header {
		token = "Authorization: Bearer " + token
	}
	if _, err := fmt.Fprintln(stdout, token); err != nil {
		complain(stderr, errors.New("the token can't be written to standard output"))
		return exitUnavailable
	}
	return exitPrinted
}

func complain(w io.Writer, err error) { operate.Complain(w, "token", err) }

// statusOf returns the exit status for an error of a fetch.
func statusOf(err error) int {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil {
		switch answer.Response.StatusCode {
		case 400, 401, 403:
			return exitRefused
		}
	}
	return exitUnavailable
}

// command gets one token.
type command struct {
	source  *tokensource.Source
	cache   *cache
	refresh bool
	maxAge  time.Duration
	// patience limits the wait for another process, so that a stopped one does not
	// keep this one from its own fetch.
	patience time.Duration
	now      func() time.Time
}

var errBusy = errors.New("another one has held the lock for too long")

// token returns the token of the cache, or a new one. warn is called with what
// did not prevent it.
func (c *command) token(ctx context.Context, warn func(error)) (string, error) {
	began := c.now()
	if e, ok := c.cache.load(began); ok && !c.refresh && began.Before(e.RefreshAt) {
		return e.AccessToken, nil
	}
	waiting, cancel := context.WithTimeoutCause(ctx, c.patience, errBusy)
	unlock, err := c.cache.lock(waiting)
	cancel()
	if err != nil {
		warn(fmt.Errorf("the fetch is not shared with other runs: %w", err))
	} else {
		defer unlock()
	}
	old, ok := c.cache.load(c.now()) // another process may have been faster
	switch {
	case ok && c.refresh && old.FetchedAt.After(began), ok && !c.refresh && c.now().Before(old.RefreshAt):
		return old.AccessToken, nil
	case c.refresh:
		// A cut-off covers whole seconds: the new token must be of a later one.
		if err := sleep(ctx, began.Truncate(time.Second).Add(time.Second).Sub(c.now())); err != nil {
			return "", err
		}
	}
	token, err := c.source.TokenContext(ctx)
	if err != nil {
		if ok && !c.refresh {
			warn(fmt.Errorf("the cached token serves until %s: %w", old.ExpiresAt.Format(time.RFC3339), err))
			return old.AccessToken, nil
		}
		return "", err
	}
	if err := c.cache.save(newEntry(token, c.now(), c.maxAge)); err != nil {
		warn(fmt.Errorf("the token can't be cached: %w", err))
	}
	return token.AccessToken, nil
}

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
