// Package clients implements the command "m2mauth clients": the clients of a project
// at Stytch, for people and scripts.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/stytch"
)

const usage = `usage: m2mauth clients list   [flags]
       m2mauth clients show   -client ID [flags]
       m2mauth clients create -name NAME -scopes "A B" -secret-out FILE [flags]
       m2mauth clients create -name NAME -scopes "A B" -client ID -secret-file FILE
       m2mauth clients update -client ID [flags]
       m2mauth clients delete -client ID -current LAST4 [flags]

The M2M clients of a project at Stytch. To replace a secret: m2mauth rotate.

  -client ID             the client's ID; with create: the ID that it has at
                         another authority, from which it is imported
  -name NAME             its name; with list: only clients with this name
  -description TEXT      what it is for
  -scopes "A B"          its scopes, separated by spaces; with list: only
                         clients with one of them; with update, "" removes all
  -metadata JSON         an object: the project's own data about the client;
                         with update, members that are null are removed
  -secret-out FILE       write the new secret there, mode 0600; it must not
                         exist; "-" writes to standard output
  -secret-file FILE      with create and -client: import the secret in FILE
  -current LAST4         refuse unless the client's secret ends so
  -json                  print JSON; list prints one object a line, and delete
                         the client as it was
  -timeout DURATION      give up after that; 30s by default

` + operate.ProjectUsage + `
Exit status: 0 done, 1 refused, failed or not known, 2 usage, 4 there is no such
client.
`

const noClient = 4 // exit status

// options are the flags of every step. A step refuses those that it does not use.
type options struct {
	operate.Project
	client, name, description, scopes, metadata, secretOut, secretFile, current string
	json                                                                        bool
	timeout                                                                     time.Duration
	given                                                                       map[string]bool
	parsed                                                                      map[string]any // metadata
	imported                                                                    stytch.Secret  // secretFile
}

// steps names the flags of each step, and whether it needs them.
var steps = map[string]map[string]bool{
	"list":   {"name": false, "scopes": false},
	"show":   {"client": true},
	"create": {"name": true, "description": false, "scopes": true, "metadata": false, "secret-out": false, "client": false, "secret-file": false},
	"update": {"client": true, "name": false, "description": false, "scopes": false, "metadata": false},
	"delete": {"client": true, "current": true},
}

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	step := ""
	if len(args) > 0 {
		step = args[0]
	}
	if steps[step] == nil { // not repeated: it may be a secret
		fmt.Fprint(stderr, usage)
		return operate.Usage
	}
	o, err := parse(step, args[1:])
	var api *stytch.Client
	if err == nil {
		api, err = o.Open()
	}
	if err != nil {
		return operate.Refuse(stderr, "clients "+step, usage, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("no result after %v", o.timeout))
	defer cancel()
	if err := o.do(ctx, step, api, stdout, stderr); err != nil {
		operate.Complain(stderr, "clients "+step, err)
		if errors.Is(err, stytch.ClientNotFound) {
			return noClient
		}
		return operate.NotSafe
	}
	return operate.Done
}

func parse(step string, args []string) (*options, error) {
	o := &options{given: map[string]bool{}}
	fs := flag.NewFlagSet(step, flag.ContinueOnError)
	o.Register(fs)
	for name, value := range map[string]*string{
		"client": &o.client, "name": &o.name, "description": &o.description, "scopes": &o.scopes,
		"metadata": &o.metadata, "secret-out": &o.secretOut, "secret-file": &o.secretFile, "current": &o.current,
	} {
		if _, used := steps[step][name]; used {
			fs.StringVar(value, name, "", "")
		}
	}
	fs.BoolVar(&o.json, "json", false, "")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	return o, o.check(step)
}

// check returns every mistake.
func (o *options) check(step string) error {
	var errs []error
	mistake := func(text string) { errs = append(errs, errors.New(text)) }
	needs := steps[step]
	if needs["client"] {
		errs = append(errs, operate.CheckClient(o.client))
	}
	if needs["current"] {
		errs = append(errs, operate.CheckEnd("-current", o.current, true))
	}
	if needs["name"] && o.name == "" {
		mistake("-name is missing: nobody would know what the client is for")
	}
	if o.given["name"] && o.name == "" && step != "create" {
		mistake("-name is empty: leave it out")
	}
	if needs["scopes"] && !o.given["scopes"] {
		mistake(`-scopes is missing: write "" for a client without scopes`)
	}
	if step == "list" && o.given["scopes"] && strings.TrimSpace(o.scopes) == "" {
		mistake("-scopes is empty: leave it out")
	}
	if step == "create" {
		errs = append(errs, o.checkSecret())
	}
	if o.given["metadata"] {
		decoder := json.NewDecoder(strings.NewReader(o.metadata))
		decoder.UseNumber()
		if err := decoder.Decode(&o.parsed); err != nil || o.parsed == nil || decoder.More() {
			mistake("-metadata is no JSON object")
		}
	}
	if step == "update" && !o.given["name"] && !o.given["description"] && !o.given["scopes"] && !o.given["metadata"] {
		mistake("nothing to update: want -name, -description, -scopes or -metadata")
	}
	if o.timeout <= 0 {
		mistake("-timeout: want a duration above zero, such as 30s")
	}
	return errors.Join(errs...)
}

// checkSecret checks how a new client gets its secret: Stytch makes one, or it is
// imported with the client's ID.
func (o *options) checkSecret() error {
	if !o.given["client"] && !o.given["secret-file"] {
		if o.secretOut == "" {
			return errors.New(`-secret-out is missing: write a file's name, or "-" for standard output`)
		}
		return nil
	}
	var errs []error
	if o.given["secret-out"] {
		errs = append(errs, errors.New("-secret-out contradicts -client and -secret-file: an imported client keeps its secret"))
	}
	errs = append(errs, operate.CheckClient(o.client))
	if o.secretFile == "" {
		return errors.Join(append(errs, errors.New("-secret-file is missing: an imported client keeps its secret"))...)
	}
	text, err := operate.ReadSecret("-secret-file", o.secretFile)
	o.imported = stytch.NewSecret(text)
	return errors.Join(append(errs, err)...)
}

func (o *options) do(ctx context.Context, step string, api *stytch.Client, stdout, stderr io.Writer) error {
	switch step {
	case "list":
		return o.list(ctx, api, stdout)
	case "create":
		return o.create(ctx, api, stdout, stderr)
	case "update":
		return o.update(ctx, api, stdout)
	}
	c, err := api.GetClient(ctx, o.client)
	switch {
	case err != nil:
		return err
	case step == "show":
		return o.print(stdout, c)
	case c.SecretLastFour != o.current:
		return fmt.Errorf("the client's secret ends in %s, not in %s: it was not deleted", c.SecretLastFour, o.current)
	}
	if err := api.DeleteClient(ctx, o.client); err != nil {
		return err
	}
	if o.json {
		return o.print(stdout, c)
	}
	fmt.Fprint(stdout, "Deleted: the client gets no more tokens.\n"+
		"Its tokens stay valid until they expire: m2mauth revoke.\n")
	return nil
}

func (o *options) list(ctx context.Context, api *stytch.Client, stdout io.Writer) error {
	var filter stytch.SearchParams
	if o.name != "" {
		filter.Names = []string{o.name}
	}
	if o.given["scopes"] {
		filter.Scopes = strings.Fields(o.scopes)
	}
	n := 0
	for c, err := range api.SearchClients(ctx, filter) {
		if err == nil {
			n++
			err = o.print(stdout, c)
		}
		if err != nil {
			return err
		}
	}
	if n == 0 && !o.json {
		fmt.Fprintln(stdout, "No client.")
	}
	return nil
}

// create registers a client. The file of the secret is made first: Stytch shows a
// secret once.
func (o *options) create(ctx context.Context, api *stytch.Client, stdout, stderr io.Writer) error {
	var file *operate.SecretFile
	if o.secretOut != "-" && o.secretFile == "" {
		var err error
		if file, err = operate.CreateSecretFile("-secret-out", o.secretOut); err != nil {
			return err
		}
	}
	c, secret, err := api.CreateClient(ctx, stytch.CreateParams{
		Name: o.name, Description: o.description, Scopes: strings.Fields(o.scopes), TrustedMetadata: o.parsed,
		ID: o.client, Secret: o.imported,
	})
	if err != nil {
		if file != nil {
			file.Discard()
		}
		return err
	}
	told := stdout
	switch {
	case o.secretFile != "": // it is there already
	case file != nil:
		err = file.Store(secret)
	default:
		told = stderr // standard output is the secret's
		_, err = fmt.Fprintln(stdout, secret.Reveal())
	}
	if err != nil {
		return fmt.Errorf("client %s exists, but its secret was not stored: replace it with m2mauth rotate: %w", c.ID, err)
	}
	return o.print(told, c)
}

func (o *options) update(ctx context.Context, api *stytch.Client, stdout io.Writer) error {
	p := stytch.UpdateParams{TrustedMetadata: o.parsed}
	if o.given["name"] {
		p.Name = &o.name
	}
	if o.given["description"] {
		p.Description = &o.description
	}
	if o.given["scopes"] {
		p.Scopes = append([]string{}, strings.Fields(o.scopes)...)
	}
	c, err := api.UpdateClient(ctx, o.client, p)
	if err != nil {
		return err
	}
	return o.print(stdout, c)
}
