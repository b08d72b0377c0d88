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
// signing keys in authority.db. docs/authority.md points SDKs at it.
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
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/authority"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/clients"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/explain"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/fleet"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/incident"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/revoke"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/status"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/token"
)

// exitUsage is the exit status without a command.
const exitUsage = 2

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
		return explain.Run(ctx, args[1:], stdin, stdout, stderr)
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
