package dpop_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// TestNewCheckerLimits checks each setting at its limits and one step past them.
func TestNewCheckerLimits(t *testing.T) {
	const (
		replay = "dpop: Config.MaxUsed and MaxUsedPerClient bound the memory of the Checker: with a Replay, leave them 0"
		used   = ": want 1 or more, and not more for one client than for all"
	)
	for _, tt := range []struct {
		name string
		cfg  dpop.Config
		want string // the error; "" for none
	}{
		{"zero", dpop.Config{}, ""},

		{"no algorithm", dpop.Config{Algorithms: []string{}}, `dpop: Config.Algorithms is empty: leave it nil for the default ["ES256" "EdDSA" "PS256" "RS256" "ES384"]`},
		{"the second algorithm", dpop.Config{Algorithms: []string{"ES256", "HS256"}}, `dpop: Config.Algorithms[1] is "HS256": want an asymmetric signature algorithm`},

		{"window of 1 s", dpop.Config{Window: time.Second}, ""},
		{"window below 1 s", dpop.Config{Window: time.Second - 1}, "dpop: Config.Window is 999.999999ms: want 1s to 5m0s"},
		{"window of 5 min", dpop.Config{Window: 5 * time.Minute}, ""},
		{"window above 5 min", dpop.Config{Window: 5*time.Minute + 1}, "dpop: Config.Window is 5m0.000000001s: want 1s to 5m0s"},
		{"window below 0", dpop.Config{Window: -time.Minute}, "dpop: Config.Window is -1m0s: want 1s to 5m0s"},

		{"512 bytes", dpop.Config{MaxProofBytes: 512}, ""},
		{"511 bytes", dpop.Config{MaxProofBytes: 511}, "dpop: Config.MaxProofBytes is 511: want 512 to 65536"},
		{"64 KiB", dpop.Config{MaxProofBytes: 65536}, ""},
		{"more than 64 KiB", dpop.Config{MaxProofBytes: 65537}, "dpop: Config.MaxProofBytes is 65537: want 512 to 65536"},

		{"Replay", dpop.Config{Replay: failing{}}, ""},
		{"Replay and MaxUsed", dpop.Config{Replay: failing{}, MaxUsed: 10}, replay},
		{"Replay and MaxUsedPerClient", dpop.Config{Replay: failing{}, MaxUsedPerClient: 10}, replay},

		{"one use", dpop.Config{MaxUsed: 1}, ""},
		{"one use of one client", dpop.Config{MaxUsed: 1, MaxUsedPerClient: 1}, ""},
		{"as many of one client as of all", dpop.Config{MaxUsed: 5, MaxUsedPerClient: 5}, ""},
		{"more of one client than of all", dpop.Config{MaxUsed: 5, MaxUsedPerClient: 6}, "dpop: Config.MaxUsed is 5 and MaxUsedPerClient 6" + used},
		{"fewer than none", dpop.Config{MaxUsed: -1}, "dpop: Config.MaxUsed is -1 and MaxUsedPerClient 1" + used},
		{"fewer than none, of one client too", dpop.Config{MaxUsed: -1, MaxUsedPerClient: -2}, "dpop: Config.MaxUsed is -1 and MaxUsedPerClient -2" + used},
		{"fewer than none of one client", dpop.Config{MaxUsedPerClient: -1}, "dpop: Config.MaxUsed is 1000000 and MaxUsedPerClient -1" + used},

		{"every mistake at once", dpop.Config{Algorithms: []string{"none"}, Window: 1, MaxProofBytes: 1, MaxUsed: 1, MaxUsedPerClient: 2},
			`dpop: Config.Algorithms[0] is "none": want an asymmetric signature algorithm` +
				"\ndpop: Config.Window is 1ns: want 1s to 5m0s" +
				"\ndpop: Config.MaxProofBytes is 1: want 512 to 65536" +
				"\ndpop: Config.MaxUsed is 1 and MaxUsedPerClient 2" + used},
	} {
		c, err := dpop.NewChecker(tt.cfg)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || (c == nil) != (err != nil) {
			t.Errorf("NewChecker(%s) = %v, %q, want %q", tt.name, c, got, tt.want)
		}
	}
}

// TestCheckerAlgorithms checks the names that metadata and challenges show, and that
// callers get a copy of them.
func TestCheckerAlgorithms(t *testing.T) {
	given := []string{"Ed25519", "ES512"}
	c := newChecker(t, dpop.Config{Algorithms: given})
	given[0] = "changed"
	for range 2 {
		got, want := c.Algorithms(), []string{"EdDSA", "ES512"}
		if !slices.Equal(got, want) {
			t.Errorf("Algorithms() = %q, want %q", got, want)
		}
		got[0] = "changed"
	}
	if got, want := newChecker(t, dpop.Config{}).Algorithms(), []string{"ES256", "EdDSA", "PS256", "RS256", "ES384"}; !slices.Equal(got, want) {
		t.Errorf("Algorithms() by default = %q, want %q", got, want)
	}
}

// TestShareByDefault: a client has a tenth of the memory, and one proof at least.
func TestShareByDefault(t *testing.T) {
	p := prooftest.New(t)
	for most, share := range map[int]int{1: 1, 9: 1, 19: 1, 20: 2, 30: 3} {
		c := newChecker(t, dpop.Config{MaxUsed: most})
		for i := range share + 1 {
			err := c.Check(t.Context(), callOf(p, p.Sign(t, p.Header(), claims())))
			if refused := i == share; refused != errors.Is(err, dpop.ErrUnavailable) || !refused && err != nil {
				t.Errorf("Check(use %d, MaxUsed %d) = %v, want it refused: %t", i+1, most, err, refused)
			}
		}
	}
}
