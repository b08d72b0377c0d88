package redisfleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// noteOf is what a replica writes of itself to the hash {Name}:seen in every round: the
// last entry that it has applied, of which stream, and when by the store's clock.
type noteOf struct {
	opening string
	applied streamID
	at      time.Time
}

func (n noteOf) String() string {
	opening := n.opening
	if opening == "" {
		opening = "-"
	}
	return fmt.Sprintf("%s %v %d", opening, n.applied, n.at.UnixMilli())
}

func parseNote(text string) (n noteOf, ok bool) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		return n, false
	}
	n.opening = parts[0]
	id, err := parseID(parts[1])
	ms, err2 := strconv.ParseInt(parts[2], 10, 64)
	n.applied, n.at = id, time.UnixMilli(ms)
	return n, err == nil && err2 == nil
}

// Replica is one process that follows the store, as it reported itself.
type Replica struct {
	Name    string
	Applied string        // the last entry that it has applied; "0-0" for none
	Silent  time.Duration // since its last report, by the store's clock, to about 2 s
}

// Seen is a report of which replicas have applied an entry.
type Seen struct {
	ID      string
	Have    []Replica // have applied it
	Missing []Replica // have not, and reported themselves within the last minute

	// Silent have not reported themselves for more than a minute, and do not count:
	// they ended without saying so, or cannot reach the store. One that still runs
	// refuses every call once its view is older than MaxAge, unless it fails open: make
	// sure that it has ended. Trim removes them after a day.
	Silent []Replica
}

// Total returns the number of replicas that count.
func (s Seen) Total() int { return len(s.Have) + len(s.Missing) }

const (
	silentAfter = time.Minute
	grace       = 24 * time.Hour // until what has ended is removed
)

// Seen reports which replicas have applied the entry with an ID, of [Receipt]. Replicas
// report themselves about every second: call it again while some are missing.
func (p *Publisher) Seen(ctx context.Context, id string) (Seen, error) {
	seen := Seen{ID: id}
	want, err := parseID(id)
	if err != nil {
		return seen, fmt.Errorf("redisfleet: %w", err)
	}
	err = p.with(ctx, func(s *session) error {
		notes, c, err := s.notes(ctx)
		if err != nil {
			return err
		}
		for name, note := range notes {
			replica := Replica{name, note.applied.String(), max(0, c.now.Sub(note.at))}
			switch {
			case replica.Silent > silentAfter:
				seen.Silent = append(seen.Silent, replica)
			case note.opening == c.first.opening && !note.applied.less(want):
				seen.Have = append(seen.Have, replica)
			default:
				seen.Missing = append(seen.Missing, replica)
			}
		}
		return nil
	})
	for _, list := range [][]Replica{seen.Have, seen.Missing, seen.Silent} {
		slices.SortFunc(list, func(a, b Replica) int { return cmp.Compare(a.Name, b.Name) })
	}
	return seen, err
}

// notes reads what replicas have reported. A note that is malformed counts as silent.
func (s *session) notes(ctx context.Context) (map[string]noteOf, checks, error) {
	var c checks
	results, err := s.do(ctx, 0, s.command("HGETALL", s.opts.seen()), s.command("TIME"), s.command("XINFO", "STREAM", s.opts.stream()))
	if err != nil {
		return nil, c, err
	}
	raw, err := results[0].AsStrMap()
	if err != nil {
		return nil, c, s.opts.refused("HGETALL", err)
	}
	if c.now, err = storeTime(results[1]); err != nil {
		return nil, c, s.opts.refused("TIME", err)
	}
	if err := s.streamInfo(results[2], &c); err != nil {
		return nil, c, err
	}
	notes := make(map[string]noteOf, len(raw))
	for name, text := range raw {
		note, ok := parseNote(text)
		if !ok {
			note = noteOf{}
		}
		notes[name] = note
	}
	return notes, c, nil
}

// Trimmed tells what Trim has removed.
type Trimmed struct {
	Entries  int // cut-offs that had ended
	Replicas int // reports of replicas that have been silent for a day
}

// Trim removes cut-offs that ended more than a day ago by the store's clock, one by one,
// and the reports of replicas that have been silent as long. The opening entry, entries
// that are not understood, and those without an end stay.
func (p *Publisher) Trim(ctx context.Context) (Trimmed, error) {
	var t Trimmed
	err := p.with(ctx, func(s *session) error {
		if err := s.safe(ctx); err != nil {
			return err
		}
		notes, c, err := s.notes(ctx)
		if err != nil {
			return err
		}
		all, err := s.readAll(ctx)
		if err != nil { // too many, too: whatever was read is not all
			return err
		}
		horizon := c.now.Add(-grace)
		var ids, names []string
		for _, e := range all {
			if e.err == nil && e.opening == "" && ended(e.cutoff, horizon) {
				ids = append(ids, e.id.String())
			}
		}
		for name, note := range notes {
			if note.at.Before(horizon) {
				names = append(names, name)
			}
		}
		if t.Entries, err = s.remove(ctx, "XDEL", s.opts.stream(), ids); err != nil {
			return err
		}
		t.Replicas, err = s.remove(ctx, "HDEL", s.opts.seen(), names)
		return err
	})
	return t, err
}

// remove removes members of a key in batches, and returns how many there were.
func (s *session) remove(ctx context.Context, command, key string, members []string) (removed int, err error) {
	for chunk := range slices.Chunk(members, batch) {
		results, err := s.do(ctx, 0, []rueidis.Completed{s.command(append([]string{command, key}, chunk...)...)}...)
		if err != nil {
			return removed, err
		}
		n, err := results[0].AsInt64()
		if err != nil {
			return removed, s.opts.refused(command, err)
		}
		removed += int(n)
	}
	return removed, nil
}
