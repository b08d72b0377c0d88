package stytch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

const (
	expiryMargin   = 5 * time.Second // for a request that is being sent when its token expires
	firstBackoff   = time.Second
	longestBackoff = time.Minute
	longestWanted  = 5 * time.Minute // the longest Retry-After that is followed
	never          = time.Duration(1<<63 - 1)
)

// tokenSource owns one token. Only its goroutine fetches, so that at most one fetch
// runs at a time.
type tokenSource struct {
	ctx     context.Context
	fetcher tokenFetcher
	ahead   time.Duration
	observe func(error)
	idle    func()        // closes idle connections of the source's own transport
	wake    chan struct{} // starts the fetch of a new flight

	mu       sync.Mutex
	token    *oauth2.Token // nil before the first
	until    time.Time     // when the token stops being returned
	replace  time.Time     // when the token's replacement is due
	used     bool          // whether Token was called since the last successful fetch
	flight   *flight       // the current fetch, or nil
	failures int           // failed fetches since the last success
	notUntil time.Time     // the earliest time of the next fetch
	lastErr  error
}

// flight represents one fetch to all calls that wait for it.
type flight struct {
	done chan struct{}
	err  error // valid once done is closed
}

// Token implements [oauth2.TokenSource].
func (s *tokenSource) Token() (*oauth2.Token, error) {
	for {
		token, f, err := s.current()
		if token != nil || err != nil {
			return token, err
		}
		select {
		case <-f.done:
			if f.err != nil {
				return nil, f.err
			}
		case <-s.ctx.Done():
			return nil, s.ended()
		}
	}
}

// current returns the valid token, the flight to wait for, or an error.
func (s *tokenSource) current() (*oauth2.Token, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	now := time.Now()
	valid := s.token != nil && now.Before(s.until)
	if s.flight == nil && s.ctx.Err() == nil && !now.Before(s.notUntil) && (!valid || !now.Before(s.replace)) {
		s.flight = &flight{done: make(chan struct{})}
		s.wake <- struct{}{} // never blocks: each flight sends once
	}
	switch {
	case valid:
		// A copy, because oauth2.ReuseTokenSource writes into the token.
		token := *s.token
		return &token, nil, nil
	case s.ctx.Err() != nil:
		return nil, nil, s.ended()
	case s.flight == nil:
		return nil, nil, s.lastErr
	default:
		return nil, s.flight, nil
	}
}

func (s *tokenSource) ended() error {
	return fmt.Errorf("stytch: TokenSource: %w", context.Cause(s.ctx))
}

// run fetches tokens until ctx ends.
func (s *tokenSource) run() {
	defer s.idle()
	timer := time.NewTimer(never)
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
			if !s.beginFlight() {
				continue
			}
		}
		token, err := s.fetcher.fetch(s.ctx)
		timer.Reset(s.finishFlight(token, err))
		s.report(err)
	}
}

// beginFlight begins a flight in the background. It reports false if a call of Token
// has begun one already, which will wake the goroutine, or if the source is unused.
// The next call of Token then begins one.
func (s *tokenSource) beginFlight() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil || !s.used {
		return false
	}
	s.flight = &flight{done: make(chan struct{})}
	return true
}

// finishFlight records the outcome of a fetch and returns the time until the next
// one.
func (s *tokenSource) finishFlight(token *oauth2.Token, err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flight
	s.flight = nil
	f.err = err
	defer close(f.done)
	now := time.Now()
	if err == nil {
		life := token.Expiry.Sub(now)
		s.token, s.until = token, token.Expiry.Add(-min(expiryMargin, life/10))
		s.used, s.failures, s.lastErr, s.notUntil = false, 0, nil, time.Time{}
		due := s.replaceIn(life)
		s.replace = now.Add(due)
		return due
	}
	s.lastErr = err
	wait := min(firstBackoff<<min(s.failures, 6), longestBackoff)
	wait = wait/2 + rand.N(wait/2)
	wait = max(wait, min(wantedWait(err), longestWanted))
	s.failures++
	s.notUntil = now.Add(wait)
	if s.token == nil || !s.notUntil.Before(s.until) {
		return never // the token will have expired: the next call of Token fetches
	}
	return wait
}

// replaceIn returns the time until the replacement of a token that is valid for life.
// A tenth of RefreshAhead is random, so that machines that started together do not
// fetch together.
func (s *tokenSource) replaceIn(life time.Duration) time.Duration {
	ahead := min(outbound.OrDefault(s.ahead, life/5), life/2)
	return life - ahead + rand.N(ahead/10+1)
}

// report calls Observe without holding a lock, and recovers its panics.
func (s *tokenSource) report(err error) {
	if s.observe == nil {
		return
	}
	defer func() { _ = recover() }()
	s.observe(err)
}
