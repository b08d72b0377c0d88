package redisfleet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// pageSize is how many entries one response holds: a server that sent 50,000 at once to
// every replica would miss its deadlines.
const pageSize = 1000

// readCommand reads the entries after an ID, and waits for one up to block.
func (s *session) readCommand(after streamID, block time.Duration) rueidis.Completed {
	words := []string{"XREAD", "COUNT", strconv.Itoa(pageSize)}
	if block > 0 {
		words = append(words, "BLOCK", strconv.FormatInt(block.Milliseconds(), 10))
	}
	return s.blocking(append(words, "STREAMS", s.opts.stream(), after.String())...)
}

// entries reads the response to readCommand.
func (s *session) entries(r rueidis.RedisResult) ([]entry, error) {
	streams, err := r.AsXReadSlices()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, s.opts.refused("XREAD", err)
	}
	raw := streams[s.opts.stream()]
	entries := make([]entry, len(raw))
	for i := range raw {
		entries[i] = parseEntry(raw[i])
	}
	return entries, nil
}

// readAll reads the whole stream in pages.
func (s *session) readAll(ctx context.Context) ([]entry, error) {
	var all []entry
	var last streamID
	for {
		results, err := s.do(ctx, 0, s.readCommand(last, 0))
		if err != nil {
			return nil, err
		}
		page, err := s.entries(results[0])
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(all) > s.opts.MaxEntries+1 {
			return all, fmt.Errorf("%w: more than %d", ErrTooMany, s.opts.MaxEntries)
		}
		if len(page) < pageSize {
			return all, nil
		}
		last = page[len(page)-1].id
	}
}

// checks are what tells whether the server may be believed.
type checks struct {
	acknowledged int64
	now          time.Time // the store's
	first        entry
	last         streamID // the last that was ever written, even if it was deleted
	length       int
	lost         string
}

// checkCommands ask for checks. They follow a command that has written: WAIT counts
// the replicas that have what this connection wrote.
func (s *session) checkCommands() []rueidis.Completed {
	return []rueidis.Completed{
		s.blocking("WAIT", strconv.Itoa(s.opts.MinReplicas), strconv.FormatInt(s.waitTime().Milliseconds(), 10)),
		s.command("TIME"),
		s.command("ROLE"),
		s.command("XINFO", "STREAM", s.opts.stream()),
		s.command("GET", s.opts.lost()),
	}
}

// waitTime is how long WAIT waits for replicas: less than the deadline.
func (s *session) waitTime() time.Duration { return s.opts.Timeout / 2 }

// checked reads the responses to checkCommands, and returns an error for each reason
// not to believe the server. The lost mark is none: a publisher must not stop for it.
func (s *session) checked(r []rueidis.RedisResult) (c checks, err error) {
	if c.acknowledged, err = r[0].AsInt64(); err != nil {
		return c, s.opts.refused("WAIT", err)
	}
	if c.now, err = storeTime(r[1]); err != nil {
		return c, s.opts.refused("TIME", err)
	}
	role, err := r[2].ToArray()
	if err != nil || len(role) == 0 {
		return c, s.opts.refused("ROLE", err)
	}
	if name, _ := role[0].ToString(); name != "master" {
		return c, fmt.Errorf("%w: its role is %s, want \"master\"", ErrNotSafe, outbound.Quote(name))
	}
	if err := s.streamInfo(r[3], &c); err != nil {
		return c, err
	}
	c.lost, err = r[4].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return c, s.opts.refused("GET", err)
	}
	if c.acknowledged < int64(s.opts.MinReplicas) {
		return c, fmt.Errorf("%w: %d replicas acknowledged the write, want %d", ErrNotSafe, c.acknowledged, s.opts.MinReplicas)
	}
	return c, nil
}

// streamInfo reads the response to XINFO STREAM.
func (s *session) streamInfo(r rueidis.RedisResult, c *checks) error {
	info, err := r.AsMap()
	if err != nil {
		if refusal, ok := rueidis.IsRedisErr(err); ok && strings.Contains(refusal.Error(), "no such key") {
			return fmt.Errorf("%w: the key %q does not exist", ErrNotInitialized, s.opts.stream())
		}
		return s.opts.refused("XINFO", err)
	}
	length, last, first := info["length"], info["last-generated-id"], info["first-entry"]
	n, err := length.AsInt64()
	if err != nil {
		return s.opts.refused("XINFO", err)
	}
	c.length = int(n)
	text, err := last.ToString()
	if err != nil {
		return s.opts.refused("XINFO", err)
	}
	if c.last, err = parseID(text); err != nil {
		return fmt.Errorf("redisfleet: XINFO: %w", err)
	}
	raw, err := first.AsXRangeSlice()
	if err == nil {
		c.first = parseEntry(raw)
	}
	if !c.first.isOpening() {
		return fmt.Errorf("%w: its first entry is not the opening", ErrNotInitialized)
	}
	return nil
}

// storeTime reads the response to TIME.
func storeTime(r rueidis.RedisResult) (time.Time, error) {
	parts, err := r.AsStrSlice()
	if err != nil {
		return time.Time{}, err
	}
	if len(parts) != 2 {
		return time.Time{}, fmt.Errorf("%d parts, want 2", len(parts))
	}
	seconds, err1 := strconv.ParseInt(parts[0], 10, 64)
	micros, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return time.Time{}, fmt.Errorf("not a time")
	}
	return time.Unix(seconds, micros*1000), nil
}
