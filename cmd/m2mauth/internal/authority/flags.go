package authority

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/m2mtest"
)

const usage = `usage: m2mauth authority [flags]

Serves Stytch's M2M API on this machine, for development and tests without an
account: clients, secrets and their rotation, tokens, keys. Stytch's SDKs work
with it, those of consumer and of B2B projects. docs/authority.md shows how.

Do not use it in production: it hashes secrets with a fast hash, and stores its
project's secret and signing keys in a file.

Start it, and copy what it prints:

  m2mauth authority

Where it is:
  -addr ADDRESS        listen there; 127.0.0.1:8484 by default. Addresses other
                       than loopback need -hosts
  -hosts "A B"         names by which others call it, such as a service's name in
                       a compose file. Calls by other names are refused, because
                       a web page can let its own name resolve to this machine
  -tls-ca FILE         serve https. The certificate of a new authority is written
                       to FILE, for clients to trust, and its key to FILE.key,
                       mode 0600. Both are used again

What it keeps:
  -file FILE           store clients and signing keys there, across restarts and
                       crashes; authority.db by default
  -memory              store nothing
  -clients FILE        have these clients at each start; docs/authority.md shows
                       the file
  -rotate-keys         start with a new signing key; the old ones stay published

What its tokens are:
  -token-life DURATION 1h by default
  -custom-domain URL   the "iss" of tokens, if the project has a domain of its own
  -claims FILE         the project's custom claims template, such as
                       {"tenant": {{ client.trusted_metadata.tenant }}}

What tests do to it:
  -control ADDRESS     listen there for calls that rotate keys, start outages,
                       shift the clock, mint tokens and more; off by default.
                       They need the project's credentials

STYTCH_PROJECT_ID and STYTCH_SECRET, if set, are the credentials of its project.

Exit status: 0 after a signal, 1 if it can't serve, 2 usage.
`

// options are the flags, and what stands in the files that they name.
type options struct {
	addr, hosts, tlsCA              string
	file, clients                   string
	memory, rotateKeys              bool
	tokenLife, customDomain, claims string
	control                         string
	project, secret                 string
	secretGiven                     bool
	given                           map[string]bool
	names                           []string // hosts
	life                            time.Duration
	template                        string // claims
	seeds                           []seed // clients
}

func parse(args []string) (*options, error) {
	o := &options{given: map[string]bool{}, project: os.Getenv("STYTCH_PROJECT_ID"), secret: os.Getenv("STYTCH_SECRET")}
	fs := flag.NewFlagSet("authority", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8484", "")
	fs.StringVar(&o.hosts, "hosts", "", "")
	fs.StringVar(&o.tlsCA, "tls-ca", "", "")
	fs.StringVar(&o.file, "file", "authority.db", "")
	fs.BoolVar(&o.memory, "memory", false, "")
	fs.StringVar(&o.clients, "clients", "", "")
	fs.BoolVar(&o.rotateKeys, "rotate-keys", false, "")
	fs.StringVar(&o.tokenLife, "token-life", "1h", "")
	fs.StringVar(&o.customDomain, "custom-domain", "", "")
	fs.StringVar(&o.claims, "claims", "", "")
	fs.StringVar(&o.control, "control", "", "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	fs.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	o.secretGiven = o.secret != ""
	if o.project == "" {
		o.project = defaultProject
	}
	return o, o.check()
}

// check reads the files that the flags name, and returns every mistake.
func (o *options) check() error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	o.names = strings.FieldsFunc(o.hosts, func(r rune) bool { return r == ' ' || r == ',' })
	if o.given["hosts"] && len(o.names) == 0 {
		mistake(`-hosts is empty: write names, separated by spaces, such as "authority"`)
	}
	for i, name := range o.names {
		if !outbound.IsHostName(name) {
			mistake(`-hosts: name %d is no host name: write it without scheme and port, such as "authority"`, i+1)
		}
	}
	errs = append(errs, o.checkAddress("-addr", o.addr))
	if o.given["control"] {
		errs = append(errs, o.checkAddress("-control", o.control))
	}
	for _, name := range []string{"tls-ca", "file", "clients", "claims", "custom-domain"} {
		if o.given[name] && strings.TrimSpace(map[string]string{
			"tls-ca": o.tlsCA, "file": o.file, "clients": o.clients, "claims": o.claims, "custom-domain": o.customDomain,
		}[name]) == "" {
			mistake("-%s is empty: leave it out", name)
		}
	}
	if o.memory && o.given["file"] {
		mistake("-memory contradicts -file: one stores nothing")
	}
	if o.memory && o.rotateKeys {
		mistake("-rotate-keys has no old keys to follow with -memory: leave it out")
	}
	var err error
	if o.life, err = time.ParseDuration(o.tokenLife); err != nil || o.life < time.Second || o.life%time.Second != 0 {
		mistake("-token-life: want whole seconds above zero, such as 90s or 1h")
		o.life = time.Hour
	}
	if o.claims != "" {
		text, err := operate.ReadSecret("-claims", o.claims) // its error repeats no path
		errs = append(errs, err)
		o.template = text
	}
	errs = append(errs, o.probe())
	return errors.Join(errs...)
}

func (o *options) checkAddress(flag, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil || port == "":
		return fmt.Errorf("%s: want an address and a port, such as 127.0.0.1:8484", flag)
	case len(o.names) == 0 && !outbound.IsLoopback(host):
		return fmt.Errorf("%s is not on loopback: write 127.0.0.1, or the names by which others call it in -hosts", flag)
	}
	return nil
}

// probe tries the options and the clients with an authority that has neither server
// nor file, and returns their mistakes.
func (o *options) probe() error {
	seeds, seedErr := readSeeds(o.clients)
	a, err := m2mtest.Start(&m2mtest.Options{
		ProjectID: o.project, Secret: "probe", TokenTTL: o.life, CustomDomain: o.customDomain, ClaimsTemplate: o.template,
		Key: m2mtest.NewKey("ES256"), NoServer: true,
	})
	if err != nil {
		return errors.Join(inFlags(err), seedErr)
	}
	defer a.Close()
	if seedErr != nil {
		return seedErr
	}
	o.seeds = seeds
	return plant(a, seeds)
}

// inFlags returns err with the names of the flags in place of those of m2mtest's options.
func inFlags(err error) error {
	return errors.New(strings.NewReplacer(
		"m2mtest: option CustomDomain", "-custom-domain",
		"m2mtest: malformed CustomDomain", "malformed -custom-domain",
		"m2mtest: CustomDomain", "-custom-domain",
		"m2mtest: option ClaimsTemplate", "-claims: the template",
		"m2mtest: ", "STYTCH_PROJECT_ID: ", // nothing else is left
	).Replace(err.Error()))
}
