package jwks

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// nearlyOne is the largest fraction that there can be.
var nearlyOne = math.Nextafter(1, 0)

func TestInterval(t *testing.T) {
	const (
		day = 24 * time.Hour
		m   = time.Minute
	)
	tests := []struct {
		name     string
		interval time.Duration
		chosen   bool // and not the default
		maxStale time.Duration
		freshFor time.Duration
		want     time.Duration // without jitter
	}{
		{"default", 5 * m, false, day, 0, 5 * m},
		{"chosen", time.Hour, true, day, 0, time.Hour},
		{"the authority's, longer than the default", 5 * m, false, day, 10 * m, 10 * m},
		{"the authority's, shorter", 5 * m, false, day, 2 * m, 2 * m},
		{"the authority's, too long", 5 * m, false, day, day, 15 * m},
		{"the authority's, absurdly long", 5 * m, false, day, math.MaxInt64, 15 * m},
		{"the authority's, too short", 5 * m, false, day, time.Nanosecond, m},
		{"chosen, and the authority's is longer", 10 * m, true, day, 15 * m, 10 * m},
		{"chosen, and the authority's is shorter", 10 * m, true, day, 5 * m, 5 * m},
		{"chosen, and shorter than the authority may", 30 * time.Second, true, day, time.Second, 30 * time.Second},
		{"chosen, and longer than the authority may", time.Hour, true, day, day, 15 * m},
		{"half of MaxStale", 5 * m, false, 10 * m, 15 * m, 5 * m},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, first := range []bool{false, true} {
				for _, random := range []float64{0, 0.5, nearlyOne} {
					s := &Source{opts: Options{
						Interval: tt.interval, IntervalIsCap: tt.chosen, MaxStale: tt.maxStale,
						RandomFraction: func() float64 { return random },
					}}
					want := min(time.Duration(float64(tt.want)*(0.9+0.2*random)), tt.maxStale/2)
					if first {
						want = time.Duration(float64(tt.want) * random)
					}
					got := s.interval(tt.freshFor, first)
					if diff := got - want; diff.Abs() > time.Microsecond {
						t.Errorf("first: %t, random %v: %v, want %v", first, random, got, want)
					}
					if got > tt.maxStale/2 || got < 0 || tt.chosen && got > tt.interval+tt.interval/10 {
						t.Errorf("first: %t, random %v: %v", first, random, got)
					}
				}
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	const s = time.Second
	asks := func(d time.Duration) error { return fmt.Errorf("x: %w", &FetchError{errors.New("x"), 503, d}) }
	tests := []struct {
		name       string
		failures   int // this one included
		err        error
		warm, cold time.Duration // the longest wait: with full jitter it is from 0 to there
		hold       bool          // the authority's wish comes before it, in full
	}{
		{"first", 1, errors.New("x"), 1 * s, 1 * s, false},
		{"second", 2, errors.New("x"), 2 * s, 2 * s, false},
		{"third", 3, errors.New("x"), 4 * s, 4 * s, false},
		{"fourth", 4, errors.New("x"), 8 * s, 8 * s, false},
		{"fifth", 5, errors.New("x"), 16 * s, 10 * s, false},
		{"sixth", 6, errors.New("x"), 32 * s, 10 * s, false},
		{"seventh", 7, errors.New("x"), 60 * s, 10 * s, false},
		{"hundredth", 100, errors.New("x"), 60 * s, 10 * s, false},
		{"millionth", 1_000_000, errors.New("x"), 60 * s, 10 * s, false},
		{"without Retry-After", 2, asks(0), 2 * s, 2 * s, false},
		{"Retry-After", 5, asks(7 * s), 7 * s, 7 * s, true},
		{"Retry-After at the cold limit", 1, asks(10 * s), 10 * s, 10 * s, true},
		{"Retry-After above it", 1, asks(90 * s), 90 * s, 10 * s, true},
		{"Retry-After above both", 1, asks(math.MaxInt64), 300 * s, 10 * s, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, warm := range []bool{true, false} {
				limit := tt.cold
				if warm {
					limit = tt.warm
				}
				for _, random := range []float64{0, 0.5, nearlyOne} {
					synctest.Test(t, func(t *testing.T) {
						src := &Source{
							opts:   Options{RandomFraction: func() float64 { return random }},
							health: health{failures: tt.failures},
						}
						want := time.Duration(float64(limit) * random)
						if tt.hold {
							want = limit + time.Duration(float64(s)*random)
						}
						if got := src.backoff(tt.err, warm); (got - want).Abs() > time.Microsecond {
							t.Errorf("warm: %t, random %v: %v, want %v", warm, random, got, want)
						}
						if held := time.Until(src.budget.held); tt.hold && held != min(limit, maxHold) || !tt.hold && !src.budget.held.IsZero() {
							t.Errorf("warm: %t: held for %v", warm, held)
						}
					})
				}
			}
		})
	}
}
