// Package incident implements the command "m2mauth incident": a client's secret has
// leaked, and its tokens are shut out everywhere.
package incident

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/fleet"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
)

const usage = `usage: m2mauth incident -client ID -secret-out FILE -redis ADDRESS [flags]
       m2mauth incident -client ID -deactivate -redis ADDRESS [flags]

A client's secret has leaked. The command gives the client a second secret,
waits until you have distributed it, removes the leaked one, and only then shuts
out all tokens that were issued before, in every replica. Machines that are not
the thief lose no call. With -deactivate the client gets no more tokens at all,
and no call of its machines succeeds until you enable it again.

After an interruption, run the same command again: it goes on where it was.

  -client ID             the client's ID
  -secret-out FILE       write the next secret there, mode 0600; it must not
                         exist; "-" writes to standard output
  -distribute-with COMMAND
                         run it by the shell with the next secret on its
                         standard input, instead of waiting for your word
  -distributed           every instance has the next secret
  -deactivate            deactivate the client instead of rotating
  -stopgap               shut out the tokens issued so far at once. The thief
                         can get new ones until the leaked secret is removed
  -leaked LAST4          the end of the leaked secret; the current one's by
                         default
  -next LAST4            the end of the next secret, if somebody else has begun
                         the rotation
  -issuer NAME           the name that the services' verifiers give to the
                         authority; stytch.com/PROJECT by default
  -note TEXT             why, and by whom; it is kept with the cut-off
  -skew DURATION         how far clocks may differ, if no token tells the
                         authority's time; 30s by default
  -wait DURATION         how long to wait for the replicas; 10s by default
  -state FILE            remembers what has happened, without secrets;
                         incident-CLIENT.json by default
  -dry-run               say what would happen, and change nothing
  -yes                   don't ask before beginning

` + operate.ProjectUsage + "\n" + fleet.Usage + `
Exit status: 0 every replica refuses the tokens, 1 not known to be safe,
2 usage, 3 the next secret is still to be distributed.
`

// errWaiting ends a run until the next secret is distributed.
var errWaiting = errors.New("the next secret is still to be distributed: the leaked one works until then")

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	var m *machine
	if err == nil {
		m, err = o.open(stdin, stdout, stderr)
	}
	if err != nil {
		return operate.Refuse(stderr, "incident", usage, err)
	}
	if err := m.run(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w\nRun the same command again to go on", err)
		}
		operate.Complain(stderr, "incident", err)
		if errors.Is(err, errWaiting) {
			return operate.Waiting
		}
		return operate.NotSafe
	}
	return operate.Done
}
