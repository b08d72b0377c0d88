package redisfleet

import (
	"errors"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// An entry that replicas do not understand stops the view of all of them: what passes
// Check must be readable once it is written, and be found when it is published again.
func TestWhatIsPublishedIsUnderstood(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := &Publisher{opts: Options{MaxTokenLife: time.Hour}}
	for _, row := range []struct {
		name         string
		bound, until time.Time
	}{
		{"whole seconds", now, now.Add(time.Hour)},
		{"no end", now.Add(time.Millisecond), time.Time{}},
		{"an end within a second", now, now.Add(time.Hour + time.Millisecond)},
		{"bound and end within one second", now.Add(200 * time.Millisecond), now.Add(900 * time.Millisecond)},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := revocation.Cutoff{Issuer: "i", Select: revocation.Client("c"), IssuedUpTo: row.bound, Until: row.until}
			if err := c.Check(); err != nil {
				t.Fatalf("Check() = %v, want nil", err)
			}
			missing, _, err := p.missing([]revocation.Cutoff{c}, index{byName: map[subject][]entry{}}, now, false, &Receipt{})
			if err != nil || len(missing) != 1 {
				t.Fatalf("missing() = %v, %v, want the cut-off", missing, err)
			}
			_, read, err := parseFields(fields(missing[0]))
			if err != nil {
				t.Fatalf("parseFields() of what is written = %v, want nil", err)
			}
			there := index{byName: map[subject][]entry{subjectOf(read): {{id: streamID{1, 2}, cutoff: read}}}}
			if again, _, err := p.missing([]revocation.Cutoff{c}, there, now, false, &Receipt{}); err != nil || len(again) != 0 {
				t.Errorf("missing() of what is there = %v, %v, want nothing", again, err)
			}
		})
	}
}

func TestWhatReplicasWouldNotUnderstandIsNotPublished(t *testing.T) {
	now := time.Unix(253402300799-60, 0) // a derived end is past the year 9999
	p := &Publisher{opts: Options{MaxTokenLife: time.Hour}}
	c := revocation.Cutoff{Issuer: "i", Select: revocation.Client("c"), IssuedUpTo: now}
	missing, _, err := p.missing([]revocation.Cutoff{c}, index{byName: map[subject][]entry{}}, now, false, &Receipt{})
	if len(missing) != 0 || err == nil || errors.Is(err, ErrNotUnderstood) {
		t.Errorf("missing(a cut-off that can't be read again) = %v, %v, want an error", missing, err)
	}
}
