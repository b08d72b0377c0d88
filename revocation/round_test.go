package revocation_test

import (
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// A store keeps whole seconds. A cut-off that is good must be good there, too.
func TestCompleteRoundsBothTimes(t *testing.T) {
	second := time.Unix(1_800_000_000, 0)
	for _, row := range []struct {
		name              string
		bound, until      time.Duration // after second
		wantBound, wantTo time.Duration
	}{
		{"whole seconds", 0, time.Hour, 0, time.Hour},
		{"a bound within a second", 200 * time.Millisecond, time.Hour, time.Second, time.Hour},
		{"an end within a second", 0, time.Hour + time.Nanosecond, 0, time.Hour + time.Second},
		{"both within the same second", 200 * time.Millisecond, 900 * time.Millisecond, time.Second, time.Second},
		{"the same moment", 500 * time.Millisecond, 500 * time.Millisecond, time.Second, time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := revocation.Cutoff{Issuer: "i", Select: revocation.Client("c"), IssuedUpTo: second.Add(row.bound), Until: second.Add(row.until)}
			if err := c.Check(); err != nil {
				t.Fatalf("Check() = %v, want nil", err)
			}
			got := c.Complete(second, time.Hour)
			if !got.IssuedUpTo.Equal(second.Add(row.wantBound)) || !got.Until.Equal(second.Add(row.wantTo)) {
				t.Errorf("Complete() = issued up to %v, until %v, want %v and %v", got.IssuedUpTo, got.Until, second.Add(row.wantBound), second.Add(row.wantTo))
			}
			if err := got.Check(); err != nil {
				t.Errorf("Check() of the completed cut-off = %v, want nil", err)
			}
			if again := got.Complete(second, time.Hour); again != got {
				t.Errorf("Complete() twice = %+v, want %+v", again, got)
			}
		})
	}
	late := revocation.Cutoff{Issuer: "i", Select: revocation.Key("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), Until: time.Unix(253402300799, 1)}
	if err := late.Check(); err == nil {
		t.Error("Check(an end that is rounded up to the year 10000) = nil, want an error")
	}
}
