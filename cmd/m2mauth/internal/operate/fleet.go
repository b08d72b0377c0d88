package operate

import (
	"context"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// Fleet publishes cut-offs to replicas. It is safe to publish the same cut-off again.
type Fleet interface {
	// Publish stores a cut-off and returns its position. It returns an error unless
	// the store is known to keep it.
	Publish(ctx context.Context, c revocation.Cutoff) (position string, err error)

	// Seen names the replicas that enforce all up to the position, and the others.
	Seen(ctx context.Context, position string) (Seen, error)
}

// Seen names replicas.
type Seen struct {
	Have, Missing []string

	// Silent replicas have not reported for a while, and have probably ended.
	Silent []string
}

// Bound returns the IssuedUpTo for tokens that were issued up to a time by the
// authority's clock: that second and the next one, because "iat" is in whole seconds.
func Bound(issued time.Time) time.Time {
	return issued.UTC().Truncate(time.Second).Add(time.Second)
}

const poll = 250 * time.Millisecond

// Replicas waits until every replica has seen the position, or until patience is
// over, and tells how many have. It reports whether all have.
func Replicas(ctx context.Context, fleet Fleet, position string, patience time.Duration, t *Terminal) (bool, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	began := time.Now()
	for last := false; ; {
		seen, err := fleet.Seen(ctx, position)
		all := err == nil && len(seen.Missing) == 0 && len(seen.Have) > 0
		if all || last || ctx.Err() != nil {
			if err != nil {
				return false, err
			}
			t.tellReplicas(seen, time.Since(began))
			return all, nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			last = true
		case <-ctx.Done():
			last = true
		}
	}
}

// shown limits the replicas that are named.
const shown = 20

func (t *Terminal) tellReplicas(seen Seen, took time.Duration) {
	have, all := len(seen.Have), len(seen.Have)+len(seen.Missing)
	if all == 0 {
		t.Say("No replica has reported: none is known to refuse the tokens.")
	} else {
		t.Say("%d of %d replicas have seen it, after %v.", have, all, took.Round(time.Millisecond))
	}
	t.Name("not yet:", seen.Missing)
	if len(seen.Silent) > 0 {
		t.Say("Silent for over a minute; make sure that they have ended:")
		t.Name("", seen.Silent)
	}
}

// Name writes names, one a line.
func (t *Terminal) Name(before string, names []string) {
	for i, name := range names {
		if i == shown {
			t.Say("  and %d more", len(names)-shown)
			return
		}
		t.Say("  %s", strings.TrimSpace(before+" "+Plain(name)))
	}
}
