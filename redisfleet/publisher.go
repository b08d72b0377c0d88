package redisfleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/revocation"
)

// Publisher writes cut-offs to the store: for operators' commands. Each call makes a
// connection of its own and closes it. It is safe for concurrent use.
type Publisher struct {
	opts Options
}

// NewPublisher returns a Publisher, or an error that reports every mistake in opts. It
// does not connect.
func NewPublisher(opts Options) (*Publisher, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Publisher{opts: opts}, nil
}

// Receipt tells what became of cut-offs that were published.
type Receipt struct {
	ID           string // of the last entry among them, for Seen; "" without cut-offs
	Added        int    // entries that were written
	Known        int    // cut-offs that were in the stream already
	Ended        int    // cut-offs that had ended, and that Restore left out
	Acknowledged int    // replicas of the server that have the entries
	Lost         bool   // the store has lost cut-offs: new replicas are closed until Restore
}

// maxAhead bounds how far in the future a bound may be: as in revocation.List.Add.
const maxAhead = time.Hour

// batch is how many entries are written or deleted in one pipeline.
const batch = 500

// Init writes the opening entry, without which nothing can be published or followed. It
// does nothing if there is one.
//
// If the stream was deleted, and replicas have reported that they hold its cut-offs, Init
// marks the store as having lost some: a replica that starts now has no view until
// [Publisher.Restore] has brought them back. After FLUSHALL, running replicas report
// themselves again within seconds: wait for these, or they set the mark themselves a
// moment after Init, when a new replica may have a view already.
func (p *Publisher) Init(ctx context.Context) error {
	return p.with(ctx, func(s *session) error {
		if err := s.safe(ctx); err != nil {
			return err
		}
		lost, err := s.wasLost(ctx)
		if err != nil {
			return err
		}
		if lost {
			results, err := s.do(ctx, 0, s.command("SET", s.opts.lost(), "init"))
			if err != nil {
				return err
			}
			if err := results[0].Error(); err != nil {
				return s.opts.refused("SET", err)
			}
		}
		write := s.command(append([]string{"XADD", s.opts.stream(), openingID}, openingFields(rand.Text())...)...)
		results, err := s.do(ctx, s.waitTime(), append([]rueidis.Completed{write}, s.checkCommands()...)...)
		if err != nil {
			return err
		}
		_, checkErr := s.checked(results[1:])
		if err := results[0].Error(); err != nil && checkErr != nil {
			return errors.Join(s.opts.refused("XADD", err), checkErr)
		} // otherwise, the entry was there
		return checkErr
	})
}

// wasLost reports whether the stream is missing, and a replica has applied a cut-off of
// it.
func (s *session) wasLost(ctx context.Context) (bool, error) {
	results, err := s.do(ctx, 0, s.command("XINFO", "STREAM", s.opts.stream()), s.command("HGETALL", s.opts.seen()))
	if err != nil {
		return false, err
	}
	// A stream that is there, or something else, is left to XADD.
	if refusal, ok := rueidis.IsRedisErr(results[0].Error()); !ok || !strings.Contains(refusal.Error(), "no such key") {
		return false, nil
	}
	notes, err := results[1].AsStrMap()
	if err != nil {
		return false, s.opts.refused("HGETALL", err)
	}
	opening, _ := parseID(openingID)
	for _, text := range notes {
		if note, ok := parseNote(text); ok && opening.less(note.applied) {
			return true, nil
		}
	}
	return false, nil
}

// Publish writes cut-offs that the stream does not have yet, and waits until
// Options.MinReplicas have them. Replicas of the service refuse the selected tokens
// within about a second. Repeat a call that failed: nothing is written twice.
//
// It refuses cut-offs that are malformed, whose bound is more than an hour ahead of the
// store's clock, or that have ended, before it writes. After it has written, an error
// that matches ErrNotSafe comes with a Receipt: the cut-offs count, and may be lost in
// a fail-over.
func (p *Publisher) Publish(ctx context.Context, cutoffs ...revocation.Cutoff) (Receipt, error) {
	return p.publish(ctx, cutoffs, false)
}

// Restore publishes the cut-offs that a replica holds, of revocation.List.All, and then
// removes the mark that the store has lost some. A replica that holds more sets it
// again. Cut-offs that have ended are left out.
func (p *Publisher) Restore(ctx context.Context, cutoffs ...revocation.Cutoff) (Receipt, error) {
	return p.publish(ctx, cutoffs, true)
}

func (p *Publisher) publish(ctx context.Context, cutoffs []revocation.Cutoff, restore bool) (receipt Receipt, err error) {
	var mistakes []error
	for _, c := range cutoffs {
		if err := c.Check(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%v: %w", c, err))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return receipt, err
	}
	err = p.with(ctx, func(s *session) error {
		if err := s.safe(ctx); err != nil {
			return err
		}
		there, now, err := s.index(ctx)
		if err != nil {
			return err
		}
		missing, last, err := p.missing(cutoffs, there, now, restore, &receipt)
		if err != nil {
			return err
		}
		if there.count+len(missing) > s.opts.MaxEntries {
			return fmt.Errorf("%w: %d, and MaxEntries is %d", ErrTooMany, there.count+len(missing), s.opts.MaxEntries)
		}
		return s.write(ctx, missing, last, there.opening, restore, &receipt)
	})
	return receipt, err
}

// write writes cut-offs, waits for the replicas, and looks whether this is still the
// stream that was read.
func (s *session) write(ctx context.Context, cutoffs []revocation.Cutoff, last streamID, opening string, restore bool, receipt *Receipt) error {
	for chunk := range slices.Chunk(cutoffs, batch) {
		commands := make([]rueidis.Completed, len(chunk))
		for i, c := range chunk {
			commands[i] = s.command(append([]string{"XADD", s.opts.stream(), "NOMKSTREAM", "*"}, fields(c)...)...)
		}
		results, err := s.do(ctx, 0, commands...)
		if err != nil {
			return err
		}
		for _, r := range results {
			text, err := r.ToString()
			if rueidis.IsRedisNil(err) {
				return fmt.Errorf("%w: it was deleted just now", ErrNotInitialized)
			}
			if err != nil {
				return s.opts.refused("XADD", err)
			}
			if last, err = parseID(text); err != nil {
				return err
			}
			receipt.Added++
		}
	}
	if last != (streamID{}) {
		receipt.ID = last.String()
	}
	// Even if every entry was there, this connection has to write: WAIT says nothing
	// of what others wrote.
	note := s.command("SET", s.opts.published(), last.String())
	results, err := s.do(ctx, s.waitTime(), append([]rueidis.Completed{note}, s.checkCommands()...)...)
	if err != nil {
		return err
	}
	if err := results[0].Error(); err != nil {
		return s.opts.refused("SET", err)
	}
	c, err := s.checked(results[1:])
	receipt.Acknowledged, receipt.Lost = int(c.acknowledged), c.lost != ""
	if err != nil {
		return err
	}
	if c.first.opening != opening || c.last.less(last) {
		return fmt.Errorf("%w: it was made anew just now", ErrNotInitialized)
	}
	if restore && receipt.Lost {
		results, err := s.do(ctx, 0, s.command("DEL", s.opts.lost()))
		if err != nil {
			return err
		}
		if err := results[0].Error(); err != nil {
			return s.opts.refused("DEL", err)
		}
		receipt.Lost = false
	}
	return nil
}

// safe returns an error unless the server keeps what is written to it.
func (s *session) safe(ctx context.Context) error {
	results, err := s.do(ctx, 0, s.command("INFO", "everything"))
	if err != nil {
		return err
	}
	text, err := results[0].ToString()
	if err != nil {
		return s.opts.refused("INFO", err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	want := map[string]string{"role": "master", "maxmemory_policy": "noeviction"}
	if !s.opts.InsecureWithoutAOF {
		want["aof_enabled"], want["aof_last_write_status"] = "1", "ok"
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if info[name] != want[name] {
			errs = append(errs, fmt.Errorf("%w: INFO says %s:%s, want %s", ErrNotSafe, name, outbound.Quote(info[name]), want[name]))
		}
	}
	return errors.Join(errs...)
}

// with runs f with a session.
func (p *Publisher) with(ctx context.Context, f func(*session) error) error {
	if p == nil || p.opts.Name == "" {
		return errors.New("redisfleet: the Publisher does not come from NewPublisher")
	}
	s, err := dial(ctx, &p.opts)
	if err != nil {
		return err
	}
	defer s.close()
	return f(s)
}
