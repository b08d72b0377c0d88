// Command tokenendpoint runs a SaaS for its customers' machines: a token endpoint at
// its own URL in front of Stytch, a copy of the keys, metadata, and an API that
// accepts the tokens. A customer that uses neither Stytch nor this module calls it
// with golang.org/x/oauth2, and as curl does.
//
//	go run ./examples/tokenendpoint           # run the steps and check each
//	go run ./examples/tokenendpoint -serve    # keep it running, to try by hand
//	STYTCH_PROJECT_ID=… STYTCH_SECRET=… go run ./examples/tokenendpoint    # against Stytch
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/m2mauth/m2mauth/examples/internal/flags"
	"github.com/m2mauth/m2mauth/stytch"
)

const usage = `Tokenendpoint starts a SaaS on loopback: its own token endpoint in front of
Stytch, and an API. A customer's machine is registered, gets tokens from the
SaaS, and calls the API. Calls that must be refused are made as well.

  -serve   keep it running, and print curl commands to try
  -h       show this

It starts a local authority in Stytch's place. If STYTCH_PROJECT_ID and
STYTCH_SECRET are set, it uses Stytch, or the server at STYTCH_URL.
`

func main() {
	set := flag.NewFlagSet("tokenendpoint", flag.ContinueOnError)
	serve := set.Bool("serve", false, "")
	flags.Parse(set, usage, nil)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *serve); err != nil {
		fmt.Fprintln(os.Stderr, "tokenendpoint:", err)
		os.Exit(1)
	}
}

// run runs the steps, or serves until ctx ends.
func run(ctx context.Context, out io.Writer, serve bool) error {
	s, err := newSaaS(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return s.project.WithClient(ctx, stytch.CreateParams{
		Name: "tokenendpoint example", Scopes: []string{"read:reports"},
	}, func(machine stytch.Credentials) error {
		if serve {
			s.printCommands(out, machine.ClientID, machine.ClientSecret)
			<-ctx.Done()
			return nil
		}
		return tell(ctx, out, s, customer{machine.ClientID, machine.ClientSecret.Reveal()})
	})
}

func (s *saas) printCommands(out io.Writer, id string, secret stytch.Secret) {
	fmt.Fprintf(out, `The SaaS is up. Ctrl-C stops it. Get a token as a customer's machine, and use it:

  TOKEN=$(curl -s -u %[2]s:%[3]s \
    -d grant_type=client_credentials %[1]s/oauth2/token |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -i -H "Authorization: Bearer $TOKEN" %[1]s/v1/reports

Requests that are refused:

  curl -i -u %[2]s:wrong -d grant_type=client_credentials %[1]s/oauth2/token
  curl -i -u %[2]s:wrong -d grant_type=refresh_token %[1]s/oauth2/token
  curl -i '%[1]s/oauth2/token?grant_type=client_credentials'

Published documents:

  curl -s %[1]s/.well-known/oauth-authorization-server
  curl -s %[1]s/.well-known/jwks.json
`, s.url, id, secret.Reveal())
}
