// Package authority implements the command "m2mauth authority": a local authority
// that serves Stytch's M2M API on a fixed port, for development without an account.
// It stores its clients and signing keys in a file.
package authority

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/m2mtest"
)

type options struct {
	addr, file, project, secret string
	rotateKeys                  bool
}

const usage = `usage: m2mauth authority [flags]

Serves Stytch's M2M API on this machine, for development without an account.
Clients and signing keys survive restarts and crashes. Do not use it in
production: it hashes secrets with a fast hash, and stores its project's secret
and signing keys in the file.

  -addr ADDRESS   listen there, on loopback; 127.0.0.1:8484 by default
  -file FILE      store everything there; authority.db by default
  -rotate-keys    start with a new signing key; the old ones stay published

STYTCH_PROJECT_ID and STYTCH_SECRET, if set, are the credentials of its project.

Exit status: 0 after a signal, 1 if it can't serve, 2 usage.
`

// Run runs the command with the arguments after its name until ctx ends, and
// returns the exit status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("authority", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // it would quote unknown flags and malformed values
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8484", "")
	flags.StringVar(&o.file, "file", "authority.db", "")
	flags.BoolVar(&o.rotateKeys, "rotate-keys", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		fmt.Fprint(stderr, usage)
		return 2 // for -h as well, so that a script stops
	}
	o.project, o.secret = os.Getenv("STYTCH_PROJECT_ID"), os.Getenv("STYTCH_SECRET")
	if err := run(ctx, stdout, o); err != nil {
		fmt.Fprintln(stderr, "m2mauth authority:", err)
		return 1
	}
	return 0
}

const defaultProject = "project-test-00000000-0000-4000-8000-000000000000"

// run serves the authority until ctx ends.
func run(ctx context.Context, out io.Writer, o options) error {
	s, err := openStore(o.file)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.project == "" {
		o.project = defaultProject
	}
	if o.secret == "" {
		if o.secret, err = s.secret(); err != nil {
			return err
		}
	}
	a, err := m2mtest.Start(&m2mtest.Options{ProjectID: o.project, Secret: o.secret, Addr: o.addr, Store: s})
	if err != nil {
		return err
	}
	defer a.Close()
	if o.rotateKeys {
		a.RotateKeys()
	}
	fmt.Fprintf(out, `The authority is up, and stores everything in %[1]s. Ctrl-C stops it.

  export STYTCH_URL=%[2]s
  export STYTCH_PROJECT_ID=%[3]s
  export STYTCH_SECRET=%[4]s

Register a client:

  curl -s -u $STYTCH_PROJECT_ID:$STYTCH_SECRET $STYTCH_URL/v1/m2m/clients \
    -H 'Content-Type: application/json' -d '{"client_name":"mine","scopes":["read:orders"]}'

Get a token with the client_id and client_secret of the response:

  curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials \
    $STYTCH_URL/v1/public/$STYTCH_PROJECT_ID/oauth2/token

Get the keys, as services do that verify tokens:

  curl -s $STYTCH_URL/v1/sessions/jwks/$STYTCH_PROJECT_ID
`, redact.Text(o.file), a.URL(), a.ProjectID(), a.Secret())
	<-ctx.Done()
	return nil
}
