package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// options holds the flags.
type options struct {
	issuer, preset, project, customDomain string
	domain, caller                        string
	audience, jwksURL, jwksFile           string
	wildcards                             bool
	requireAll, requireAny                string
	tokenFile                             string
	leeway, now                           string
	json, verbose                         bool
	given                                 map[string]bool // flags
}

var (
	errHelp     = errors.New("help")
	errFlags    = errors.New("a flag is unknown or lacks its value")
	errArgument = errors.New("unexpected argument: write the token to standard input or to -token-file, " +
		"because others can see arguments, and the shell keeps them in its history")
)

// parseFlags parses the flags. Its errors don't repeat values, which may be
// misplaced tokens.
func parseFlags(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.issuer, "issuer", "", "")
	fs.StringVar(&o.preset, "preset", "", "")
	fs.StringVar(&o.project, "project", "", "")
	fs.StringVar(&o.domain, "domain", "", "")
	fs.StringVar(&o.caller, "caller", "", "")
	fs.StringVar(&o.customDomain, "custom-domain", "", "")
	fs.StringVar(&o.audience, "audience", "", "")
	fs.StringVar(&o.jwksURL, "jwks-url", "", "")
	fs.StringVar(&o.jwksFile, "jwks-file", "", "")
	fs.BoolVar(&o.wildcards, "wildcards", false, "")
	fs.StringVar(&o.requireAll, "require-all", "", "")
	fs.StringVar(&o.requireAny, "require-any", "", "")
	fs.StringVar(&o.tokenFile, "token-file", "", "")
	fs.StringVar(&o.leeway, "leeway", "30s", "")
	fs.StringVar(&o.now, "now", "", "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.verbose, "v", false, "")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, errHelp
	case err != nil:
		return nil, errFlags
	case fs.NArg() > 0:
		return nil, errArgument
	}
	o.given = make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	return o, nil
}

// clock returns -leeway, and a clock that shows -now.
func (o *options) clock() (leeway time.Duration, now func() time.Time, err error) {
	leeway, err = time.ParseDuration(o.leeway)
	if err != nil || leeway < 0 {
		return 0, nil, errors.New("-leeway: want a duration, such as 30s or 0s")
	}
	if o.now == "" {
		return leeway, time.Now, nil
	}
	at, err := time.Parse(time.RFC3339, o.now)
	if err != nil {
		return 0, nil, errors.New("-now: want a time, such as 2026-01-31T15:04:05Z")
	}
	return leeway, func() time.Time { return at }, nil
}

// requirement returns the Requirement of -require-all and -require-any: both if
// both are set, and any verified client if neither is. An empty one is a mistake: a
// variable that is empty must not accept every client.
func (o *options) requirement() (scopes.Requirement, error) {
	need := scopes.Authenticated()
	for _, f := range []struct {
		name, value string
		of          func([]string) (scopes.Requirement, error)
	}{{"-require-all", o.requireAll, scopes.AllOf}, {"-require-any", o.requireAny, scopes.AnyOf}} {
		if !o.given[strings.TrimPrefix(f.name, "-")] {
			continue
		}
		r, err := f.of(strings.Fields(f.value))
		if err != nil {
			return scopes.Requirement{}, errors.New(f.name + ": want scope names, separated by spaces")
		}
		need = need.And(r)
	}
	return need, nil
}
