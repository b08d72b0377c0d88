// Package status implements "m2mauth status", which reads the status pages of
// replicas and prints one table.
package status

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/screen"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

const usage = `usage: m2mauth status [flags] URL...

Reads the status page of each replica (telemetry.Status) and prints one table: the
keys, the policy, the view of revocations, and what was refused. Values that differ
between replicas are marked with "*".

  m2mauth status http://localhost:9464 http://localhost:9465

A page without StatusConfig.Hosts answers its own machine alone. To read that of
a pod, forward its port to this machine: kubectl port-forward POD 9464.

  -watch               again and again, until it is interrupted
  -every DURATION      how often; 5s by default
  -timeout DURATION    how long a replica may take to answer; 5s by default
  -json                print JSON: one object, or one a line with -watch

Exit status: 0 every replica answers, is well and equals the others; 1 some does
not; 2 usage. With -watch, it is that of the last table.
`

// maxReplicas bounds the memory that the reports take.
const maxReplicas = 100

type options struct {
	watch, json    bool
	every, timeout time.Duration
	urls           []*url.URL
}

func parse(args []string) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("status", flag.ContinueOnError)
	fs.BoolVar(&o.watch, "watch", false, "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.DurationVar(&o.every, "every", 5*time.Second, "")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Second, "")
	if err := operate.ParseBefore(fs, args); err != nil {
		return nil, err
	}
	var errs []error
	if o.every < 100*time.Millisecond || o.every > 24*time.Hour {
		errs = append(errs, errors.New("-every: want a duration from 100ms to 24h"))
	}
	if o.timeout <= 0 || o.timeout > time.Hour {
		errs = append(errs, errors.New("-timeout: want a duration above zero, up to 1h"))
	}
	switch n := fs.NArg(); {
	case n == 0:
		errs = append(errs, errors.New("there is no URL: write that of each replica's status page, such as http://localhost:9464"))
	case n > maxReplicas:
		errs = append(errs, fmt.Errorf("%d URLs: want at most %d", n, maxReplicas))
	default:
		seen := make(map[string]bool)
		for _, arg := range fs.Args() {
			u, err := parseURL(arg)
			if err == nil && seen[u.String()] {
				err = errors.New("is there twice")
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s %w", redact.Quote(arg), err))
				continue
			}
			seen[u.String()] = true
			o.urls = append(o.urls, u)
		}
	}
	return o, errors.Join(errs...)
}

// parseURL parses the URL of a status page. Its errors continue a sentence that begins
// with the URL.
func parseURL(arg string) (*url.URL, error) {
	if strings.HasPrefix(arg, "-") {
		return nil, errors.New("is a flag: write it before the URLs")
	}
	u, err := url.Parse(arg)
	switch {
	case err != nil || !outbound.IsAbsolute(u) || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("is no URL: want one such as http://localhost:9464")
	case u.User != nil:
		return nil, errors.New("holds credentials, which others could see")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(arg, "#"):
		return nil, errors.New("holds a query or a fragment")
	}
	return u, nil
}

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err != nil {
		return operate.Refuse(stderr, "status", usage, err)
	}
	d := display{out: stdout, json: o.json, clear: o.watch && !o.json && screen.IsTerminal(stdout)}
	return o.run(ctx, &d, stderr, func() <-chan time.Time { return time.After(o.every) })
}

// run draws once, or with -watch until ctx ends. tick returns when to draw again.
func (o *options) run(ctx context.Context, d *display, stderr io.Writer, tick func() <-chan time.Time) int {
	f := newFetcher(o.timeout)
	status := operate.NotSafe
	for {
		s := compare(f.all(ctx, o.urls))
		if ctx.Err() != nil { // interrupted: what came in is not the state of the replicas
			return status
		}
		if err := d.draw(s); err != nil {
			operate.Complain(stderr, "status", fmt.Errorf("the table can't be written: %w", err))
			return operate.NotSafe
		}
		status = operate.Done
		if !s.Well {
			status = operate.NotSafe
		}
		if !o.watch {
			return status
		}
		select {
		case <-ctx.Done():
			return status
		case <-tick():
		}
	}
}
