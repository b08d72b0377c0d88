// Package rotate implements the commands "m2mauth rotate", "m2mauth disable" and
// "m2mauth enable": single steps of an incident or of a planned rotation at Stytch.
package rotate

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/stytch"
)

const usage = `usage: m2mauth rotate start    -client ID -secret-out FILE [flags]
       m2mauth rotate complete -client ID -next LAST4 [flags]
       m2mauth rotate cancel   -client ID -next LAST4 [flags]
       m2mauth disable         -client ID [flags]
       m2mauth enable          -client ID -current LAST4 [flags]

The steps of a rotation at Stytch. After start, the current and the next secret
work. complete makes the next one the only one, cancel removes it. A disabled
client gets no tokens. Tokens that were issued before stay valid in every case:
m2mauth revoke shuts them out, and m2mauth incident does all of it in order.

  -client ID             the client's ID
  -secret-out FILE       write the next secret there, mode 0600; it must not
                         exist; "-" writes to standard output
  -current LAST4         refuse unless the current secret ends so
  -next LAST4            refuse unless the next secret ends so: somebody else
                         may have begun another rotation
  -timeout DURATION      give up after that; 30s by default

` + operate.ProjectUsage + `
Exit status: 0 done, 1 refused, failed or not known, 2 usage.
`

// Authority is the part of stytch.Client that the commands use.
type Authority interface {
	GetClient(ctx context.Context, id string) (stytch.M2MClient, error)
	UpdateClient(ctx context.Context, id string, p stytch.UpdateParams) (stytch.M2MClient, error)
	StartRotation(ctx context.Context, id string) (stytch.M2MClient, stytch.Secret, error)
	CompleteRotation(ctx context.Context, id string) (stytch.M2MClient, error)
	CancelRotation(ctx context.Context, id string) (stytch.M2MClient, error)
}

type options struct {
	operate.Project
	client, secretOut, current, next string
	timeout                          time.Duration
}

// Run runs "rotate", "disable" or "enable" with the arguments after its name, and
// returns the exit status.
func Run(ctx context.Context, command string, args []string, stdout, stderr io.Writer) int {
	if command == "rotate" {
		if len(args) == 0 {
			fmt.Fprint(stderr, usage)
			return operate.Usage
		}
		switch args[0] {
		case "start", "complete", "cancel":
			command, args = args[0], args[1:]
		default: // not repeated: it may be a secret
			fmt.Fprint(stderr, usage)
			return operate.Usage
		}
	}
	name := map[string]string{"start": "rotate start", "complete": "rotate complete", "cancel": "rotate cancel"}[command]
	if name == "" {
		name = command
	}
	o, err := parse(command, args)
	var api *stytch.Client
	if err == nil {
		api, err = o.Open()
	}
	if err != nil {
		return operate.Refuse(stderr, name, usage, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("no result after %v", o.timeout))
	defer cancel()
	if err := o.do(ctx, command, api, stdout, stderr); err != nil {
		operate.Complain(stderr, name, err)
		return operate.NotSafe
	}
	return operate.Done
}

func parse(command string, args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	o.Register(fs)
	fs.StringVar(&o.client, "client", "", "")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "")
	switch command {
	case "start":
		fs.StringVar(&o.secretOut, "secret-out", "", "")
		fs.StringVar(&o.current, "current", "", "")
	case "complete", "cancel":
		fs.StringVar(&o.current, "current", "", "")
		fs.StringVar(&o.next, "next", "", "")
	case "enable":
		fs.StringVar(&o.current, "current", "", "")
	}
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	var missing error
	if command == "start" && o.secretOut == "" {
		missing = errors.New(`-secret-out is missing: write a file's name, or "-" for standard output`)
	}
	var late error
	if o.timeout <= 0 {
		late = errors.New("-timeout: want a duration above zero, such as 30s")
	}
	return o, errors.Join(operate.CheckClient(o.client), missing, late,
		operate.CheckEnd("-current", o.current, command == "enable"),
		operate.CheckEnd("-next", o.next, command == "complete" || command == "cancel"))
}

func (o *options) do(ctx context.Context, command string, api Authority, stdout, stderr io.Writer) error {
	switch command {
	case "start":
		return o.start(ctx, api, stdout, stderr)
	case "complete":
		c, err := Complete(ctx, api, o.client, o.current, o.next)
		if err == nil {
			fmt.Fprintf(stdout, "Completed: the secret that ends in %s is the only one.\n"+
				"Tokens of the old secret stay valid until they expire: m2mauth revoke.\n", c.SecretLastFour)
		}
		return err
	case "cancel":
		c, err := Cancel(ctx, api, o.client, o.current, o.next)
		if err == nil {
			fmt.Fprintf(stdout, "Cancelled: the secret that ends in %s is the only one.\n", c.SecretLastFour)
		}
		return err
	case "enable":
		return o.enable(ctx, api, stdout)
	}
	c, err := api.UpdateClient(ctx, o.client, stytch.UpdateParams{Status: new(stytch.Inactive)})
	if err == nil && c.Status != stytch.Inactive {
		err = fmt.Errorf("the client's status is %q, not inactive", string(c.Status))
	}
	if err == nil {
		fmt.Fprint(stdout, "Disabled: the client gets no more tokens.\n"+
			"Its tokens stay valid until they expire: m2mauth revoke.\n")
	}
	return err
}

// start starts a rotation and stores the next secret.
func (o *options) start(ctx context.Context, api Authority, stdout, stderr io.Writer) error {
	c, secret, err := Start(ctx, api, o.client, o.current, o.secretOut, stdout)
	if err != nil {
		return err
	}
	told := stdout
	if o.secretOut == "-" {
		told = stderr // standard output is the secret's
	}
	fmt.Fprintf(told, "Started: the next secret ends in %s, the current one in %s. Both work.\n"+
		"Give the next one to every instance, and then:\n\n"+
		"  m2mauth rotate complete -client %s -next %s\n",
		operate.End(secret), c.SecretLastFour, o.client, operate.End(secret))
	return nil
}

// enable lets a disabled client get tokens again, with the secret that ends as the
// operator says: another one may be the leaked one.
func (o *options) enable(ctx context.Context, api Authority, stdout io.Writer) error {
	c, err := api.GetClient(ctx, o.client)
	if err != nil {
		return err
	}
	switch {
	case c.SecretLastFour != o.current:
		return fmt.Errorf("the client's secret ends in %s, not in %s: it was not enabled", c.SecretLastFour, o.current)
	case c.NextSecretLastFour != "":
		return fmt.Errorf("a rotation is in progress, and the next secret (it ends in %s) would work too: "+
			"complete or cancel it first", c.NextSecretLastFour)
	}
	c, err = api.UpdateClient(ctx, o.client, stytch.UpdateParams{Status: new(stytch.Active)})
	if err == nil && c.Status != stytch.Active {
		err = fmt.Errorf("the client's status is %q, not active", string(c.Status))
	}
	if err == nil {
		fmt.Fprintf(stdout, "Enabled: the client gets tokens with the secret that ends in %s.\n", c.SecretLastFour)
	}
	return err
}

var _ Authority = (*stytch.Client)(nil)

// create returns the file for a secret, or nil for standard output.
func create(path string) (*operate.SecretFile, error) {
	if path == "-" {
		return nil, nil
	}
	return operate.CreateSecretFile("-secret-out", path)
}

// keep stores a secret: in the file, or on standard output if it is nil.
func keep(file *operate.SecretFile, secret stytch.Secret, stdout io.Writer) error {
	if file != nil {
		return file.Store(secret)
	}
	if _, err := fmt.Fprintln(stdout, secret.Reveal()); err != nil {
		return errors.New("the secret can't be written to standard output")
	}
	if f, ok := stdout.(*os.File); ok {
		_ = f.Sync() // fails for terminals and pipes
	}
	return nil
}
