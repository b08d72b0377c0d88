package redisfleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// index is what the stream holds.
type index struct {
	opening string
	count   int
	byName  map[subject][]entry
}

type subject struct {
	issuer string
	by     revocation.Selector
}

func subjectOf(c revocation.Cutoff) subject { return subject{c.Issuer, c.Select} }

// index reads the stream. Entries that are not understood are no reason not to publish.
func (s *session) index(ctx context.Context) (index, time.Time, error) {
	results, err := s.do(ctx, 0, s.command("TIME"))
	if err != nil {
		return index{}, time.Time{}, err
	}
	now, err := storeTime(results[0])
	if err != nil {
		return index{}, now, s.opts.refused("TIME", err)
	}
	all, err := s.readAll(ctx)
	if err != nil && !errors.Is(err, ErrTooMany) {
		return index{}, now, err
	}
	if len(all) == 0 || !all[0].isOpening() {
		return index{}, now, fmt.Errorf("%w: its first entry is not the opening", ErrNotInitialized)
	}
	there := index{opening: all[0].opening, count: len(all) - 1, byName: make(map[subject][]entry)}
	for _, e := range all {
		if e.err == nil && e.opening == "" {
			there.byName[subjectOf(e.cutoff)] = append(there.byName[subjectOf(e.cutoff)], e)
		}
	}
	return there, now, nil
}

// covering returns the ID of an entry that refuses all that c refuses: of none, if the
// entry is yet to be written. A cut-off of a Token whose end is derived ends later each
// time that it is published: one that is there from its first time is as good.
func (x index) covering(c revocation.Cutoff, derived bool, now time.Time) (streamID, bool) {
	for _, e := range x.byName[subjectOf(c)] {
		there := e.cutoff
		if derived && c.Select.Kind() == revocation.TokenKind && !there.Until.IsZero() {
			whole := time.UnixMilli(int64(e.id.ms)).Add(c.Until.Sub(now)).Add(-time.Minute) // of clocks and rounding
			if !there.Until.Before(whole) {
				return e.id, true
			}
		}
		if covers(there, c) {
			return e.id, true
		}
	}
	return streamID{}, false
}

// missing completes cut-offs and returns those that the stream lacks, and the last ID
// of the others.
func (p *Publisher) missing(cutoffs []revocation.Cutoff, there index, now time.Time, restore bool, receipt *Receipt) (missing []revocation.Cutoff, last streamID, err error) {
	var errs []error
	for _, given := range cutoffs {
		c := given.Complete(now, p.opts.MaxTokenLife)
		switch ahead := c.IssuedUpTo.Sub(now); {
		case ended(c, now) && restore:
			receipt.Ended++
			continue
		case ended(c, now):
			errs = append(errs, fmt.Errorf("redisfleet: %v: it ended at %v, and the store's clock is at %v", c, c.Until.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)))
			continue
		case !c.IssuedUpTo.IsZero() && ahead > maxAhead:
			errs = append(errs, fmt.Errorf("redisfleet: %v: the bound is %v ahead of the store's clock, want at most %v", c, ahead.Round(time.Second), maxAhead))
			continue
		}
		if _, _, err := parseFields(fields(c)); err != nil {
			// Written, it would stop the view of every replica.
			errs = append(errs, fmt.Errorf("redisfleet: %v: %w", c, err))
			continue
		}
		at, ok := there.covering(c, given.Until.IsZero(), now)
		if !ok {
			missing = append(missing, c)
			there.byName[subjectOf(c)] = append(there.byName[subjectOf(c)], entry{cutoff: c})
			continue
		}
		if at != (streamID{}) {
			receipt.Known++
		}
		if last.less(at) {
			last = at
		}
	}
	return missing, last, errors.Join(errs...)
}
