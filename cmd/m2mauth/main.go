// Command m2mauth explains access tokens, gets them for shells and pipelines, serves
// an authority for local development, and shuts out what has leaked.
//
//	m2mauth explain -issuer https://auth.example.com -audience https://api.example.com \
//		-jwks-url https://auth.example.com/.well-known/jwks.json -require-all "reports:read" <token
//
// It prints the verdict, its cause, and a hint if the mistake is a common one; with -v
// also every check of a verifier, with the values that were found and expected. The exit
// status is 0 if the token is accepted, 1 if it is refused, 2 if a flag is wrong,
// and 3 if the decision is unknown, for example because the keys can't be fetched.
//
//	m2mauth authority
//
// It serves Stytch's M2M API on http://127.0.0.1:8484, and stores its clients and
// signing keys in authority.db.
//
//	m2mauth token -issuer https://auth.example.com -client-id worker -secret-file secret
//
// It prints an access token, which it caches and replaces ahead of its end.
//
//	m2mauth status http://localhost:9464 http://localhost:9465
//
// It reads the status pages of replicas, and prints one table that marks what differs.
//
//	m2mauth incident -client ID -secret-out FILE -redis rediss://redis.example.com:6379
//
// A client's secret has leaked: it is replaced at Stytch, and then its tokens are shut
// out in every replica. "revoke" does the latter alone, and "fleet" looks after the
// store that the replicas follow.
//
//	m2mauth rotate start -client ID -secret-out FILE
//
// It starts the rotation of a client's secret at Stytch. "clients" lists, creates and
// changes the clients of the project. "rotate complete" and "rotate
// cancel" end it; "disable" and "enable" change whether the client gets tokens.
//
// In a clone of the repository, "go -C cmd/m2mauth run ." runs the command.
// docs/troubleshooting.md lists the causes and fixes of refusals.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/authority"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/clients"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/fleet"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/incident"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/revoke"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/status"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/token"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// Exit statuses.
const (
	exitAccepted = 0
	exitRefused  = 1
	exitUsage    = 2
	exitUnknown  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs the command and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "explain":
		return runExplain(ctx, args[1:], stdin, stdout, stderr)
	case "authority":
		return authority.Run(ctx, args[1:], stdout, stderr)
	case "token":
		return token.Run(ctx, args[1:], stdout, stderr)
	case "clients":
		return clients.Run(ctx, args[1:], stdout, stderr)
	case "rotate", "disable", "enable":
		return rotate.Run(ctx, command, args[1:], stdout, stderr)
	case "incident":
		return incident.Run(ctx, args[1:], stdin, stdout, stderr)
	case "revoke":
		return revoke.Run(ctx, args[1:], stdin, stdout, stderr)
	case "fleet":
		return fleet.Run(ctx, args[1:], stdout, stderr)
	case "status":
		return status.Run(ctx, args[1:], stdout, stderr)
	}
	// Don't repeat the unknown command: it may be a token.
	fmt.Fprint(stderr, commands)
	return exitUsage
}

const commands = `usage: m2mauth explain [flags] <token    says why a token is accepted or refused
       m2mauth token [flags]             prints an access token, from a cache
       m2mauth status [flags] URL...     shows what replicas say of themselves
       m2mauth authority [flags]         serves an authority for development

When a secret has leaked:
       m2mauth incident [flags]          replaces it, and shuts out its tokens
       m2mauth revoke [flags]            shuts out tokens in every replica
       m2mauth fleet STEP [flags]        looks after the store of that

At Stytch:
       m2mauth clients STEP [flags]      lists, creates, changes clients
       m2mauth rotate start [flags]      gives a client a second secret
       m2mauth rotate complete [flags]   removes the first one
       m2mauth rotate cancel [flags]     removes the second one
       m2mauth disable [flags]           lets a client get no more tokens
       m2mauth enable [flags]            lets it get tokens again

Each lists its flags with -help.
`

func runExplain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseFlags(args)
	if err == nil {
		var status int
		if status, err = o.explain(ctx, stdin, stdout); err == nil {
			return status
		}
	}
	if errors.Is(err, errHelp) {
		fmt.Fprint(stderr, usage)
		return exitUsage // not 0, so that a script stops
	}
	for line := range lines(err.Error()) {
		fmt.Fprintln(stderr, "m2mauth explain:", plain(redact.Tokens(line)))
	}
	fmt.Fprintln(stderr, "Run m2mauth explain -help for the flags.")
	return exitUsage
}

const usage = `usage: m2mauth explain [flags] <token

Says check by check why a service accepts or refuses a token. The token is read
from standard input or a file, never from an argument, which others could see.
It is sent nowhere. Only the key set is fetched.

Who is trusted:
  -issuer NAME         the exact "iss" of the tokens; with -audience and a key set
  -preset NAME         a known authority, instead of -issuer: auth0,
                       cognito, entra-v1, entra-v2, github, google, keycloak,
                       kubernetes, okta, stytch, zitadel
  -domain VALUE        with a preset: the authority's domain, tenant, realm URL,
                       user pool or issuer URL
  -caller VALUE        with -preset google, kubernetes and github: the caller's
                       email, namespace/name, or the owner's ID
  -project ID          the project, with -preset stytch and zitadel
  -custom-domain URL   the project's own domain, with -preset stytch
  -audience NAME       the service's name in the "aud" of the tokens
  -jwks-url URL        where the keys are published: https, or http on loopback
  -jwks-file FILE      the keys, as a JWK Set
  -wildcards           a granted "read:*" covers "read:users"; stytch has it on

What is required:
  -require-all SCOPES  every one of them, separated by spaces
  -require-any SCOPES  one of them

How:
  -token-file FILE     read the token from FILE, not from standard input
  -leeway DURATION     the clock skew to allow; 30s by default
  -now TIME            verify as of another time, such as 2026-01-31T15:04:05Z
  -v                   print every check, too
  -json                print JSON

Exit status: 0 accepted, 1 refused, 2 usage, 3 unknown.
`
