// Command m2mauth explains access tokens.
//
//	m2mauth explain -issuer https://auth.example.com -audience https://api.example.com \
//		-jwks-url https://auth.example.com/.well-known/jwks.json -require-all "reports:read" <token
//
// It prints every check that a verifier makes, in its order, with what was
// expected, what was found, and a hint where the mistake is a usual one. The
// exit status is the verdict: 0 let in, 1 refused, 2 the command can't be
// understood, 3 it can't be judged, as when the keys can't be had.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// The exit statuses.
const (
	exitLetIn   = 0
	exitRefused = 1
	exitUsage   = 2
	exitUnknown = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main without the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "explain" {
		// What it is instead is not repeated: it may be a token.
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	o, err := parseFlags(args[1:])
	if err == nil {
		var status int
		if status, err = o.explain(ctx, stdin, stdout); err == nil {
			return status
		}
	}
	if errors.Is(err, errHelp) {
		fmt.Fprint(stderr, usage)
		return exitUsage // and not 0, which would let a script go on
	}
	for line := range lines(err.Error()) {
		fmt.Fprintln(stderr, "m2mauth explain:", plain(line))
	}
	fmt.Fprintln(stderr, "Run m2mauth explain -help for the flags.")
	return exitUsage
}

const usage = `usage: m2mauth explain [flags] <token

Says check by check why a service lets a token in, or does not. The token comes
from standard input or a file, never from an argument, which others could see.
It is sent nowhere: the one thing that is fetched is the key set.

Who is trusted:
  -issuer NAME         the exact "iss" of the tokens; with -audience and a key set
  -preset NAME         an authority that is known, in place of -issuer: auth0,
                       cognito, entra-v1, entra-v2, github, google, keycloak,
                       kubernetes, okta, stytch, zitadel
  -domain VALUE        with a preset: the authority's domain, tenant, realm URL,
                       user pool or issuer URL
  -caller VALUE        with -preset google, kubernetes and github: the caller's
                       email, namespace/name, or the owner's ID
  -project ID          the project, with -preset stytch and zitadel
  -custom-domain URL   the project's own domain, with -preset stytch
  -audience NAME       the name by which tokens are meant for the service
  -jwks-url URL        where the keys are published: https, or http on loopback
  -jwks-file FILE      the keys, as a JWK Set
  -wildcards           a granted "read:*" covers "read:users"; stytch has it on

What is required:
  -require-all SCOPES  every one of them, separated by spaces
  -require-any SCOPES  one of them

How:
  -token-file FILE     the token, in place of standard input
  -leeway DURATION     the clock skew that is forgiven: 30s
  -now TIME            another time than now, as 2026-01-31T15:04:05Z
  -json                for machines

Exit status: 0 let in, 1 refused, 2 usage, 3 can't be judged.
`
