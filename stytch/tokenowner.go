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
	expiryMargin   = 5 * time.Second // a token may still be on its way when it expires
	firstBackoff   = time.Second
	longestBackoff = time.Minute
	longestAsked   = 5 * time.Minute // that Retry-After is heeded for
	never          = time.Duration(1<<63 - 1)
)

// tokenSource owns one token. Its goroutine makes the fetches, so there is one
// at a time.
type tokenSource struct {
	ctx     context.Context
	fetcher tokenFetcher
	ahead   time.Duration
	observe func(error)
	idle    func()        // closes connections that are the source's own
	wake    chan struct{} // a flight wants to take off

	mu       sync.Mutex
	token    *oauth2.Token // nil before the first
	until    time.Time     // the token serves until then
	replace  time.Time     // it is to be replaced from then on
	used     bool          // Token was called since the last successful fetch
	flight   *flight       // nil if none is under way or wanted
	failures int           // since the last success
	notUntil time.Time     // no fetch before then
	lastErr  error
}

// flight is one fetch, for everyone who waits for it.
type flight struct {
	landed chan struct{}
	err    error // once landed
}

// Token implements [oauth2.TokenSource].
func (s *tokenSource) Token() (*oauth2.Token, error) {
	for {
		token, f, err := s.current()
		if token != nil || err != nil {
			return token, err
		}
		select {
		case <-f.landed:
			if f.err != nil {
				return nil, f.err
			}
		case <-s.ctx.Done():
			return nil, s.ended()
		}
	}
}

// current returns the token, or the flight that will bring one, or an error.
func (s *tokenSource) current() (*oauth2.Token, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	now := time.Now()
	valid := s.token != nil && now.Before(s.until)
	if s.flight == nil && s.ctx.Err() == nil && !now.Before(s.notUntil) && (!valid || !now.Before(s.replace)) {
		s.flight = &flight{landed: make(chan struct{})}
		s.wake <- struct{}{} // there is room: one flight, one wake
	}
	switch {
	case valid:
		// A copy: oauth2.ReuseTokenSource writes into what it gets.
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

// run is the owner.
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
			if !s.takeOff() {
				continue
			}
		}
		token, err := s.fetcher.fetch(s.ctx)
		timer.Reset(s.land(token, err))
		s.report(err)
	}
}

// takeOff begins a flight that nobody waits for. It reports false if there is
// one already, whose wake is on its way, or if the source is not in use: then
// the next Token begins one.
func (s *tokenSource) takeOff() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil || !s.used {
		return false
	}
	s.flight = &flight{landed: make(chan struct{})}
	return true
}

// land takes in the outcome of a fetch, and returns in how long the next one
// is due.
func (s *tokenSource) land(token *oauth2.Token, err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flight
	s.flight = nil
	f.err = err
	defer close(f.landed)
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
	wait = max(wait, min(askedToWait(err), longestAsked))
	s.failures++
	s.notUntil = now.Add(wait)
	if s.token == nil || !s.notUntil.Before(s.until) {
		return never // there will be nothing to be ahead of
	}
	return wait
}

// replaceIn is when a token that lives for life is replaced. A tenth is left
// to chance, so that machines that were started together do not ask together.
func (s *tokenSource) replaceIn(life time.Duration) time.Duration {
	ahead := min(outbound.OrDefault(s.ahead, life/5), life/2)
	return life - ahead + rand.N(ahead/10+1)
}

// report tells Observe, with no lock held. A panic in it stops here.
func (s *tokenSource) report(err error) {
	if s.observe == nil {
		return
	}
	defer func() { _ = recover() }()
	s.observe(err)
}
