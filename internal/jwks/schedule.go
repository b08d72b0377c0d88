package jwks

import (
	"errors"
	"net/http"
	"time"
)

const (
	minFresh = 1 * time.Minute
	maxFresh = 15 * time.Minute

	backoffBase   = 1 * time.Second
	backoffWarm   = 60 * time.Second
	backoffCold   = 10 * time.Second
	holdLimitWarm = 5 * time.Minute
	holdLimitCold = 10 * time.Second
)

// interval returns the time until the next fetch after a successful one: the
// freshness that the authority allows, within bounds, ±10 %. The first interval
// is spread over its whole length, so that a fleet does not fetch in step.
func (s *Source) interval(freshFor time.Duration, first bool) time.Duration {
	d := s.opts.Interval
	if freshFor > 0 {
		d = min(max(freshFor, minFresh), maxFresh)
		if s.opts.IntervalIsCap {
			d = min(d, s.opts.Interval)
		}
	}
	limit := s.opts.MaxStale / 2
	d = min(d, limit)
	if first {
		return fraction(d, s.opts.RandomFraction())
	}
	return min(fraction(d, 0.9+0.2*s.opts.RandomFraction()), limit)
}

// backoff returns the time until the next fetch after a failed one: exponential
// with full jitter, or the authority's Retry-After, within bounds. Retry-After
// and 429 also hold the budget of callers, for maxHold at most. The caller holds
// mu.
func (s *Source) backoff(err error, warm bool) time.Duration {
	limit, holdLimit := backoffCold, holdLimitCold
	if warm {
		limit, holdLimit = backoffWarm, holdLimitWarm
	}
	if e, ok := errors.AsType[*FetchError](err); ok {
		switch {
		case e.RetryAfter > 0:
			wait := min(e.RetryAfter, holdLimit)
			s.budget.hold(time.Now(), wait)
			return wait + fraction(backoffBase, s.opts.RandomFraction())
		case e.Status == http.StatusTooManyRequests:
			s.budget.hold(time.Now(), holdLimit)
		}
	}
	for d, n := backoffBase, 1; ; d, n = 2*d, n+1 {
		if d >= limit || n == s.health.failures {
			return fraction(min(d, limit), s.opts.RandomFraction())
		}
	}
}

func fraction(d time.Duration, f float64) time.Duration {
	return time.Duration(float64(d) * f)
}
