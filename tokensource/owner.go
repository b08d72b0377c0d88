package tokensource

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/outbound"
)

const (
	expiryMargin   = 5 * time.Second // a token may still be on its way when it expires
	firstBackoff   = time.Second
	longestBackoff = time.Minute
	longestAsked   = 5 * time.Minute // that Retry-After is followed for
	never          = time.Duration(1<<63 - 1)
)

// flight is one fetch, for all its waiters.
type flight struct {
	landed chan struct{}
	err    error // valid once landed is closed
}

func newFlight() *flight { return &flight{landed: make(chan struct{})} }

var errNoExpiry = errors.New("the token's expiry is unknown: the answer holds no positive expires_in, set MaxAge")

// errSame reports a replacement that replaced nothing.
var errSame = errors.New("tokensource: the authority issued the refused token again")

// run makes the fetches, so that there is one at a time.
func (s *Source) run() {
	defer s.fetcher.closeIdle()
	timer := time.NewTimer(never)
	defer timer.Stop()
	for s.ctx.Err() == nil {
		wait, replacing := s.takeOff()
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-s.ctx.Done():
			case <-s.wake:
			case <-timer.C:
			}
			continue
		}
		e := Event{Kind: Fetched}
		if replacing {
			e.Kind = Replaced
		}
		began := time.Now()
		got, err := s.fetcher.fetch(s.ctx)
		h, err := s.accept(began, got, err)
		e.ClientID, e.URL, e.Duration, e.Err = got.clientID, got.url, time.Since(began), err
		if err == nil {
			e.ExpiresAt = h.token.Expiry
		}
		if same := s.land(began, h, err); same && replacing {
			e.Err = errSame
		}
		s.report(e)
	}
}

// signal wakes run up.
func (s *Source) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeOff returns how long to wait before looking again, or 0 if a fetch begins
// now. replacing reports whether that fetch replaces a refused token.
func (s *Source) takeOff() (wait time.Duration, replacing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch p := s.pending; {
	case s.flight != nil:
		return 0, false
	case p != nil && now.Before(p.notBefore):
		return p.notBefore.Sub(now), false
	case p != nil:
		s.flight = newFlight()
		return 0, true
	case s.due.IsZero():
		return never, false
	case now.Before(s.due):
		return s.due.Sub(now), false
	}
	s.due = time.Time{}
	if !s.used.Load() { // the next call fetches
		return never, false
	}
	s.flight = newFlight()
	return 0, false
}

// accept checks a fetched token and computes its times. A token's age counts from
// the start of its fetch, or from its "iat" if that is earlier: the authority, or
// a cache in front of it, may return a token that it issued before.
func (s *Source) accept(began time.Time, got fetched, err error) (*held, error) {
	if err != nil {
		return nil, err
	}
	token, now := got.token, time.Now()
	expiry, issued := token.Expiry, began
	times := readTimes(token.AccessToken)
	if expiry.IsZero() {
		expiry = times.expiry
	}
	if !times.issued.IsZero() && times.issued.Before(issued) {
		issued = times.issued
	}
	end := expiry
	if s.maxAge > 0 {
		if end = issued.Add(s.maxAge); expiry.IsZero() {
			expiry = end
		} else if expiry.Before(end) {
			end = expiry
		}
	}
	switch {
	case expiry.IsZero():
		// RFC 6749 §5.1 admits that. But it does not say when to fetch again.
		return nil, s.fetcher.describe(errNoExpiry)
	case !expiry.After(now):
		return nil, s.fetcher.describe(errors.New("the token has expired"))
	case !end.After(now):
		return nil, s.fetcher.describe(errTooOld(now.Sub(issued), s.maxAge))
	}
	life := end.Sub(now)
	kept := *token
	kept.Expiry = expiry
	h := &held{
		token:    &kept,
		key:      got.key,
		clientID: got.clientID,
		url:      got.url,
		until:    end.Add(-min(expiryMargin, life/10)),
		replace:  now.Add(s.replaceIn(life)),
	}
	h.authorization = h.scheme() + " " + kept.AccessToken
	return h, nil
}

// replaceIn returns when a token that serves for life is replaced. A tenth is
// random, so that machines that were started together don't fetch together.
func (s *Source) replaceIn(life time.Duration) time.Duration {
	ahead := min(outbound.OrDefault(s.ahead, life/5), life/2)
	return max(life-ahead+rand.N(ahead/10+1), firstBackoff)
}

// land records the outcome of a fetch. same reports whether it returned the token
// that was held before.
func (s *Source) land(began time.Time, h *held, err error) (same bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flight
	s.flight = nil
	f.err = err
	defer close(f.landed)
	if p := s.pending; p != nil && (err != nil || !began.Before(p.notBefore)) {
		s.pending = nil
		close(p.flight.landed)
	}
	if err != nil {
		s.fail(err)
	} else {
		same = s.succeed(h)
	}
	if s.pending == nil {
		s.ready.Store(s.held)
	}
	return same
}

// succeed takes over a fetched token.
func (s *Source) succeed(h *held) (same bool) {
	same = s.held != nil && s.held.token.AccessToken == h.token.AccessToken
	s.held, s.due = h, h.replace
	s.failures, s.lastErr, s.notUntil = 0, nil, time.Time{}
	s.used.Store(false)
	return same
}

// fail backs off after a failed fetch. The current token stays.
func (s *Source) fail(err error) {
	now := time.Now()
	wait := min(firstBackoff<<min(s.failures, 6), longestBackoff)
	wait = wait/2 + rand.N(wait/2)
	wait = max(wait, min(retryAfter(err), longestAsked))
	s.failures++
	s.lastErr = err
	s.notUntil = now.Add(wait)
	s.due = time.Time{}
	if s.held != nil && s.notUntil.Before(s.held.until) {
		s.due = s.notUntil // later, there is nothing to be ahead of
	}
}

// fetched is the outcome of one fetch: token is nil if it failed.
type fetched struct {
	token    *oauth2.Token
	key      *dpop.Key // that the token is bound to; nil for none
	clientID string
	url      string
}

// fetcher fetches tokens. run calls its methods, one at a time.
type fetcher interface {
	fetch(ctx context.Context) (fetched, error)
	describe(err error) error // err, with the client and the URL
	closeIdle()               // closes idle connections that are the source's own
}
