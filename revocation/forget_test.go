package revocation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// TestForget: an entry is forgotten when the wall clock and the monotonic clock are
// both past its end, whatever the wall clock did meanwhile. Its life is 24 h and 10
// minutes.
func TestForget(t *testing.T) {
	type step struct {
		pass  time.Duration // by the monotonic clock
		ahead time.Duration // the wall clock, from then on
		held  bool
	}
	const life = 24*time.Hour + 10*time.Minute
	for _, tt := range []struct {
		name  string
		ahead time.Duration // when the cut-off arrives
		steps []step
	}{
		{"clocks agree", 0, []step{{life - time.Minute, 0, true}, {2 * time.Minute, 0, false}}},
		{"the wall clock jumps ahead and comes back", 0, []step{{time.Hour, 48 * time.Hour, true}, {time.Hour, 0, true}, {life, 0, false}}},
		{"the wall clock stays ahead", 0, []step{{time.Hour, 48 * time.Hour, true}, {life, 48 * time.Hour, false}}},
		{"the wall clock is set back", 0, []step{{life + time.Minute, -2 * time.Hour, true}, {2 * time.Hour, -2 * time.Hour, false}}},
		{"suspended: the monotonic clock stood still", 0, []step{{time.Minute, life, true}, {life, life, false}}},
		{"the wall clock was ahead at first", 48 * time.Hour, []step{{time.Hour, 0, true}, {life, 0, true}, {48 * time.Hour, 0, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var wall clock
				wall.set(tt.ahead)
				l := newList(t, revocation.Config{Now: wall.now})
				add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client("c"), IssuedUpTo: wall.now()})
				for i, s := range tt.steps {
					time.Sleep(s.pass)
					wall.set(s.ahead)
					add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client("other"), IssuedUpTo: wall.now()})
					if got := has(l, "c"); got != s.held {
						t.Errorf("step %d: held = %t, want %t", i, got, s.held)
					}
				}
			})
		})
	}
}

// TestForgetsWhatEnds: a key's cut-off never ends by itself, and an explicit end
// counts.
func TestForgetsWhatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(t, revocation.Config{})
		add(t, l,
			revocation.Cutoff{Issuer: issuer, Select: revocation.Key(thumbprint(key))},
			revocation.Cutoff{Issuer: issuer, Select: revocation.Token("week"), Until: time.Now().Add(7 * 24 * time.Hour)},
			revocation.Cutoff{Issuer: issuer, Select: revocation.Token("day")})
		for _, tt := range []struct {
			pass    time.Duration
			entries int
		}{{25 * time.Hour, 2}, {7 * 24 * time.Hour, 1}, {1000 * 24 * time.Hour, 1}} {
			time.Sleep(tt.pass)
			add(t, l) // sweeps
			if s := l.Status(); s.Entries != tt.entries || s.Issuers[issuer] != tt.entries {
				t.Errorf("after %v more: Entries = %d, Issuers = %v, want %d", tt.pass, s.Entries, s.Issuers, tt.entries)
			}
		}
	})
}

// TestKeepsTheLongestEnd: a cut-off that comes again with an earlier end shortens
// nothing, by neither clock.
func TestKeepsTheLongestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wall clock
		l := newList(t, revocation.Config{Now: wall.now})
		add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j"), Until: wall.now().Add(7 * 24 * time.Hour)})
		add(t, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Token("j"), Until: wall.now().Add(time.Hour)})
		wall.set(30 * 24 * time.Hour)
		for _, tt := range []struct {
			pass    time.Duration
			entries int
		}{{2 * 24 * time.Hour, 1}, {5*24*time.Hour + time.Minute, 0}} {
			time.Sleep(tt.pass)
			add(t, l) // sweeps
			if n := l.Status().Entries; n != tt.entries {
				t.Errorf("Entries after %v more = %d, want %d", tt.pass, n, tt.entries)
			}
		}
	})
}
