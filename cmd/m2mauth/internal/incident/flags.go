package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/fleet"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/stytch"
)

// options holds the flags.
type options struct {
	operate.Project
	fleet fleet.Flags

	client, secretOut, distributeWith string
	distributed, deactivate, stopgap  bool
	leaked, next, issuer, note, state string
	skew, wait                        time.Duration
	dryRun, yes                       bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("incident", flag.ContinueOnError)
	o.Register(fs)
	o.fleet.Register(fs)
	fs.StringVar(&o.client, "client", "", "")
	fs.StringVar(&o.secretOut, "secret-out", "", "")
	fs.StringVar(&o.distributeWith, "distribute-with", "", "")
	fs.BoolVar(&o.distributed, "distributed", false, "")
	fs.BoolVar(&o.deactivate, "deactivate", false, "")
	fs.BoolVar(&o.stopgap, "stopgap", false, "")
	fs.StringVar(&o.leaked, "leaked", "", "")
	fs.StringVar(&o.next, "next", "", "")
	fs.StringVar(&o.issuer, "issuer", "", "")
	fs.StringVar(&o.note, "note", "", "")
	fs.StringVar(&o.state, "state", "", "")
	fs.DurationVar(&o.skew, "skew", 30*time.Second, "")
	fs.DurationVar(&o.wait, "wait", 10*time.Second, "")
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.BoolVar(&o.yes, "yes", false, "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	errs := []error{
		operate.CheckClient(o.client),
		operate.CheckEnd("-leaked", o.leaked, false),
		operate.CheckEnd("-next", o.next, false),
		operate.CheckNote(o.note),
	}
	switch {
	case o.deactivate && (o.secretOut != "" || o.distributeWith != "" || o.distributed || o.next != ""):
		errs = append(errs, errors.New("-deactivate needs no next secret: leave out -secret-out, -distribute-with, -distributed and -next"))
	case !o.deactivate && o.secretOut == "":
		errs = append(errs, errors.New(`-secret-out is missing: write a file's name, or "-" for standard output`))
	case o.distributeWith != "" && o.distributed:
		errs = append(errs, errors.New("-distribute-with and -distributed: choose one"))
	case o.leaked != "" && o.leaked == o.next:
		errs = append(errs, errors.New("-leaked and -next are the same secret"))
	}
	if o.skew < 0 || o.skew > time.Hour {
		errs = append(errs, errors.New("-skew: want a duration from 0s to 1h"))
	}
	if o.wait <= 0 {
		errs = append(errs, errors.New("-wait: want a duration above zero, such as 10s"))
	}
	if o.ID == "" {
		errs = append(errs, errors.New("-project is missing: write the project ID, or set $STYTCH_PROJECT_ID"))
	} else if o.issuer == "" {
		o.issuer = "stytch.com/" + o.ID
	}
	if o.issuer != "" {
		errs = append(errs, operate.CheckIssuer(o.issuer))
	}
	if o.state == "" {
		o.state = "incident-" + fileName(o.client) + ".json"
	}
	return o, errors.Join(errs...)
}

// fileName returns a client's ID as a part of a file's name: unchanged if it is
// plain, as Stytch's are.
func fileName(id string) string {
	if len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == "" {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// open returns the machine that the flags describe.
func (o *options) open(stdin io.Reader, stdout, stderr io.Writer) (*machine, error) {
	api, err := o.Open()
	if err != nil {
		return nil, err
	}
	told := stdout
	if o.secretOut == "-" {
		told = stderr // standard output is the secret's
	}
	m := &machine{options: *o, api: api, term: operate.NewTerminal(stdin, told), secrets: stdout, output: stderr, now: time.Now}
	m.probe = func(ctx context.Context, secret stytch.Secret) (time.Time, error) {
		return probe(ctx, o.ID, o.TokenURL(), o.client, secret)
	}
	if !m.term.Interactive && !o.yes && !o.dryRun {
		return nil, errors.New("-yes is missing: standard input is no terminal, so nobody can be asked")
	}
	m.fleet, err = o.fleet.Open()
	return m, err
}
