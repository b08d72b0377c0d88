// Package revoke implements the command "m2mauth revoke": it shuts out tokens that
// were issued, in every replica.
package revoke

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/fleet"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/revocation"
)

const usage = `usage: m2mauth revoke -issuer NAME -client ID -redis ADDRESS [flags]

Shuts out tokens that were issued, in every replica, within seconds. It can't be
undone before its end. If a secret leaked, remove the secret first (m2mauth
incident does all of it in order): the thief gets new tokens otherwise.

Whose tokens:
  -issuer NAME           the name that the services' verifiers give to the
                         authority; stytch.com/$STYTCH_PROJECT_ID by default

Which of them, by one of:
  -client ID             the client's
  -token ID              the one with this "jti"
  -key THUMBPRINT        those of a signing key, by its RFC 7638 thumbprint,
                         whenever they claim to be issued
  -everything            all

How:
  -issued-up-to TIME     with -client and -everything: those issued up to TIME,
                         such as 2026-01-31T15:04:05Z; up to now by default
  -until TIME            the cut-off may be forgotten after TIME; by default
                         when the last of the tokens has expired
  -note TEXT             why, and by whom; it is kept with the cut-off
  -wait DURATION         how long to wait for the replicas; 10s by default
  -dry-run               say what would be shut out, and change nothing
  -yes                   don't ask

` + fleet.Usage + `
Exit status: 0 every replica refuses the tokens, 1 not known to be safe,
2 usage.
`

type options struct {
	fleet fleet.Flags

	issuer, client, token, key string
	everything                 bool
	issuedUpTo, until, note    string
	wait                       time.Duration
	dryRun, yes                bool
}

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	now := time.Now()
	o, err := parse(args)
	var c revocation.Cutoff
	if err == nil {
		c, err = o.cutoff(now)
	}
	term := operate.NewTerminal(stdin, stdout)
	if err == nil && !term.Interactive && !o.yes && !o.dryRun {
		err = errors.New("-yes is missing: standard input is no terminal, so nobody can be asked")
	}
	var store operate.Fleet
	if err == nil {
		store, err = o.fleet.Open()
	}
	if err != nil {
		return operate.Refuse(stderr, "revoke", usage, err)
	}
	if err := o.revoke(ctx, store, c, term, now); err != nil {
		operate.Complain(stderr, "revoke", err)
		return operate.NotSafe
	}
	return operate.Done
}

func parse(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("revoke", flag.ContinueOnError)
	o.fleet.Register(fs)
	fs.StringVar(&o.issuer, "issuer", operate.DefaultIssuer(), "")
	fs.StringVar(&o.client, "client", "", "")
	fs.StringVar(&o.token, "token", "", "")
	fs.StringVar(&o.key, "key", "", "")
	fs.BoolVar(&o.everything, "everything", false, "")
	fs.StringVar(&o.issuedUpTo, "issued-up-to", "", "")
	fs.StringVar(&o.until, "until", "", "")
	fs.StringVar(&o.note, "note", "", "")
	fs.DurationVar(&o.wait, "wait", 10*time.Second, "")
	fs.BoolVar(&o.dryRun, "dry-run", false, "")
	fs.BoolVar(&o.yes, "yes", false, "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	if o.everything {
		fs.Visit(func(f *flag.Flag) { // an empty name beside -everything may be a mistake in a script
			if f.Name == "client" || f.Name == "token" || f.Name == "key" {
				o.everything = false
			}
		})
	}
	return o, nil
}

// cutoff returns the cut-off that the flags describe.
func (o *options) cutoff(now time.Time) (revocation.Cutoff, error) {
	errs := []error{operate.CheckNote(o.note), operate.CheckIssuer(o.issuer)}
	c := revocation.Cutoff{Issuer: o.issuer, Note: o.note}
	kinds := 0
	for _, s := range []struct {
		flag, value string
		chosen      bool
		of          revocation.Selector
	}{
		{"-client", o.client, o.client != "", revocation.Client(o.client)},
		{"-token", o.token, o.token != "", revocation.Token(o.token)},
		{"-key", o.key, o.key != "", revocation.Key(o.key)},
		{"-everything", "", o.everything, revocation.Everything()},
	} {
		if !s.chosen {
			continue
		}
		kinds++
		c.Select = s.of
		if redact.Tokens(s.value) != s.value {
			errs = append(errs, fmt.Errorf("%s holds a token or a key: write its ID", s.flag))
		}
	}
	if kinds != 1 {
		errs = append(errs, errors.New("want one of -client, -token, -key and -everything, and a name that is not empty"))
		return c, errors.Join(errs...)
	}
	var err error
	switch bounded := o.client != "" || o.everything; {
	case !bounded && o.issuedUpTo != "":
		errs = append(errs, errors.New("-issued-up-to is for -client and -everything"))
	case bounded && o.issuedUpTo == "":
		c.IssuedUpTo = operate.Bound(now)
	case bounded:
		if c.IssuedUpTo, err = time.Parse(time.RFC3339, o.issuedUpTo); err != nil {
			errs = append(errs, errors.New("-issued-up-to: want a time, such as 2026-01-31T15:04:05Z"))
		}
	}
	if o.until != "" {
		if c.Until, err = time.Parse(time.RFC3339, o.until); err != nil {
			errs = append(errs, errors.New("-until: want a time, such as 2026-01-31T15:04:05Z"))
		} else if !c.Until.After(now) {
			errs = append(errs, errors.New("-until is in the past: the cut-off would be forgotten at once"))
		}
	}
	if o.wait <= 0 {
		errs = append(errs, errors.New("-wait: want a duration above zero, such as 10s"))
	}
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	return c, c.Check()
}

// revoke shows the selection, asks, publishes it, and waits for the replicas.
func (o *options) revoke(ctx context.Context, store operate.Fleet, c revocation.Cutoff, term *operate.Terminal, now time.Time) error {
	show(term.Out, c, now)
	if o.dryRun {
		fmt.Fprintln(term.Out, "Dry run: nothing is changed.")
		return nil
	}
	if !o.yes {
		switch ok, err := term.Ask(ctx, `Shut them out? Type "yes":`, "yes"); {
		case err != nil:
			return err
		case !ok:
			return errors.New("nothing was changed")
		}
	}
	position, err := store.Publish(ctx, c)
	if err != nil {
		return fmt.Errorf("the cut-off is not known to be stored: %w\nRun the same command again: a second cut-off does no harm", err)
	}
	fmt.Fprintln(term.Out, "Published.")
	all, err := operate.Replicas(ctx, store, position, o.wait, term)
	if err != nil {
		return fmt.Errorf("the replicas can't be asked: %w", err)
	}
	if !all {
		return errors.New("not every replica is known to refuse the tokens")
	}
	return nil
}

// show tells exactly which tokens are selected.
func show(w io.Writer, c revocation.Cutoff, now time.Time) {
	fmt.Fprintf(w, "Issuer   %s\n", operate.Plain(c.Issuer))
	switch c.Select.Kind() {
	case revocation.ClientKind:
		fmt.Fprintf(w, "Client   %s\n", operate.Plain(c.Select.Name()))
	case revocation.TokenKind:
		fmt.Fprintf(w, "Token    %s\n", operate.Plain(c.Select.Name()))
	case revocation.KeyKind:
		fmt.Fprintf(w, "Key      %s\n", operate.Plain(c.Select.Name()))
	default:
		fmt.Fprintf(w, "Tokens   ALL of this issuer, of every client\n")
	}
	if !c.IssuedUpTo.IsZero() {
		fmt.Fprintf(w, "Issued   up to %s, or without \"iat\"\n", c.IssuedUpTo.UTC().Format(time.RFC3339))
		if ahead := c.IssuedUpTo.Sub(now); ahead > 2*time.Second {
			fmt.Fprintf(w, "         That is in %v: until then, new tokens are refused too.\n", ahead.Round(time.Second))
		}
	} else {
		fmt.Fprintf(w, "Issued   at any time\n")
	}
	if !c.Until.IsZero() {
		fmt.Fprintf(w, "Until    %s\n", c.Until.UTC().Format(time.RFC3339))
	}
	if c.Note != "" {
		fmt.Fprintf(w, "Note     %s\n", operate.Plain(c.Note))
	}
}
