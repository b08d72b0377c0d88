package fleet

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
)

const usage = `usage: m2mauth fleet init -redis URL [flags]
       m2mauth fleet status -redis URL [flags]
       m2mauth fleet dump -redis URL [flags] >FILE
       m2mauth fleet restore -redis URL -from FILE [flags]
       m2mauth fleet trim -redis URL [flags]

The store of the cut-offs that all replicas of a service follow. init makes it
once. status tells who follows it, and whether it keeps what is published. dump
writes its cut-offs, one JSON object a line. restore publishes those of a dump
again, after the store has lost some: until then, replicas that start refuse
every call. trim removes cut-offs that ended more than a day ago.

  -from FILE             a dump
  -timeout DURATION      give up after that; 30s by default

` + Usage + `
Exit status: 0 done and the store is safe, 1 not known to be safe, 2 usage.
`

// Run runs the command with the arguments after its name, and returns the exit
// status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	step := ""
	if len(args) > 0 {
		step = args[0]
	}
	run := map[string]func(*options, context.Context, redisfleet.Options, *redisfleet.Publisher, io.Writer) error{
		"init": (*options).init, "status": (*options).status, "dump": (*options).dump, "restore": (*options).restore, "trim": (*options).trim,
	}[step]
	if run == nil { // not repeated: it may be a secret
		fmt.Fprint(stderr, usage)
		return operate.Usage
	}
	o, opts, err := parse(step, args[1:])
	var p *redisfleet.Publisher
	if err == nil {
		p, err = redisfleet.NewPublisher(opts)
	}
	if err != nil {
		return operate.Refuse(stderr, "fleet "+step, usage, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("no result after %v", o.timeout))
	defer cancel()
	if err := run(o, ctx, opts, p, stdout); err != nil {
		operate.Complain(stderr, "fleet "+step, err)
		return operate.NotSafe
	}
	return operate.Done
}

type options struct {
	Flags
	from    string
	timeout time.Duration
	dumped  []revocation.Cutoff // that -from holds
}

func parse(step string, args []string) (*options, redisfleet.Options, error) {
	o := &options{}
	fs := flag.NewFlagSet("fleet", flag.ContinueOnError)
	o.Register(fs)
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "")
	if step == "restore" {
		fs.StringVar(&o.from, "from", "", "")
	}
	if err := operate.Parse(fs, args); err != nil {
		return nil, redisfleet.Options{}, err
	}
	opts, err := o.options()
	switch {
	case err != nil:
	case o.timeout <= 0:
		err = fmt.Errorf("-timeout: want a duration above zero, such as 30s")
	case step == "restore":
		o.dumped, err = readDump(o.from)
	}
	return o, opts, err
}

func (o *options) init(ctx context.Context, _ redisfleet.Options, p *redisfleet.Publisher, out io.Writer) error {
	if err := p.Init(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "The store is ready: cut-offs can be published and followed.")
	return nil
}

func (o *options) status(ctx context.Context, _ redisfleet.Options, p *redisfleet.Publisher, out io.Writer) error {
	receipt, err := p.Publish(ctx) // nothing; it looks at the server, and writes a mark
	if err != nil {
		return advise(err)
	}
	term := operate.NewTerminal(nil, out)
	fmt.Fprintf(out, "The store keeps what is published; %d replicas of the server acknowledge.\n", receipt.Acknowledged)
	seen, err := p.Seen(ctx, nowhere)
	if err != nil {
		return advise(err)
	}
	fmt.Fprintf(out, "%d replicas of the services follow it:\n", seen.Total())
	for _, r := range append(seen.Have, seen.Missing...) {
		term.Say("%s, at %s", operate.Plain(r.Name), r.Applied)
	}
	if len(seen.Silent) > 0 {
		fmt.Fprintln(out, "Silent for over a minute; make sure that they have ended:")
		for _, r := range seen.Silent {
			term.Say("%s, for %v", operate.Plain(r.Name), r.Silent.Round(time.Second))
		}
	}
	if receipt.Lost {
		return advise(errLost)
	}
	return nil
}

func (o *options) dump(ctx context.Context, opts redisfleet.Options, _ *redisfleet.Publisher, out io.Writer) error {
	source, err := redisfleet.NewRevocations(opts)
	if err != nil {
		return err
	}
	return writeDump(ctx, source, out)
}

func (o *options) restore(ctx context.Context, _ redisfleet.Options, p *redisfleet.Publisher, out io.Writer) error {
	receipt, err := p.Restore(ctx, o.dumped...)
	if err != nil {
		return advise(err)
	}
	fmt.Fprintf(out, "%d cut-offs were written; %d were there, and %d have ended.\n", receipt.Added, receipt.Known, receipt.Ended)
	fmt.Fprintln(out, "A replica that holds more reports the store as lossy again within seconds:")
	fmt.Fprintln(out, "see m2mauth fleet status.")
	return nil
}

func (o *options) trim(ctx context.Context, _ redisfleet.Options, p *redisfleet.Publisher, out io.Writer) error {
	trimmed, err := p.Trim(ctx)
	if err != nil {
		return advise(err)
	}
	fmt.Fprintf(out, "%d cut-offs that had ended were removed, and %d replicas that had.\n", trimmed.Entries, trimmed.Replicas)
	return nil
}
