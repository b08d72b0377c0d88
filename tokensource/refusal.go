package tokensource

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	refusalBurst  = 3               // replacements at once that an origin may cause
	refusalRefill = time.Minute     // each further one
	longestDelay  = 5 * time.Second // that a refusal's Retry-After is followed for
	maxOrigins    = 256             // that refusals are remembered of
)

// Why a refusal causes no replacement.
var (
	errBudget = errors.New("tokensource: no replacement: this origin has refused too many tokens")
	errOutage = errors.New("tokensource: no replacement: the last fetch failed a moment ago")
	errEnded  = errors.New("tokensource: no replacement: the source is closed")
)

// replacement is a fetch that replaces a refused token.
type replacement struct {
	flight    *flight // its err stays nil
	origins   []string
	notBefore time.Time
}

// waits reports whether origin has refused the token that is being replaced.
func (p *replacement) waits(origin string) bool { return slices.Contains(p.origins, origin) }

// refusals is the budget of one origin: a bucket that fills by one a minute.
type refusals struct {
	left  int
	since time.Time // left was right then
}

// take reports whether another replacement is within the budget.
func (r *refusals) take(now time.Time) bool {
	if n := int(now.Sub(r.since) / refusalRefill); n > 0 {
		r.left = min(r.left+n, refusalBurst)
		r.since = r.since.Add(time.Duration(n) * refusalRefill)
	}
	if r.left == 0 {
		return false
	}
	if r.left == refusalBurst {
		r.since = now
	}
	r.left--
	return true
}

// Invalidate reports that a service refused accessToken, which a client got from
// Token or TokenContext. If that is the current token, one replacement is fetched
// in the background, in a later second: a cut-off covers whole seconds. Until then
// Token and TokenContext wait; the old token is not handed out again.
//
// A service that refuses everything can't cause a flood: three refusals at once
// are followed by a replacement, then one a minute. The old token stays if the
// budget is spent, if the authority can't be reached, or if it issues the same
// token again. Invalidate returns at once.
func (s *Source) Invalidate(accessToken string) {
	s.refuse("", accessToken, 0)
}

// Replaced reports that origin refused accessToken, and waits for its replacement,
// by the rules of [Source.Invalidate] for this origin alone: other origins get the
// old token until the new one is there. after is the Retry-After of the refusal;
// the replacement is fetched that much later, up to 5 s.
//
// Replaced returns false and no error if there is no replacement: then the refusal
// stands. The error is that of a context that ended first.
func (s *Source) Replaced(ctx context.Context, origin, accessToken string, after time.Duration) (bool, error) {
	h, err := s.replacement(ctx, origin, accessToken, after)
	return h != nil, err
}

func (s *Source) replacement(ctx context.Context, origin, accessToken string, after time.Duration) (*held, error) {
	if p := s.refuse(origin, accessToken, after); p != nil {
		select {
		case <-p.flight.landed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.ctx.Done():
			return nil, nil
		}
	}
	return s.other(accessToken), nil
}

// other returns the current token if it is another than accessToken.
func (s *Source) other(accessToken string) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held; h != nil && h.token.AccessToken != accessToken && time.Now().Before(h.until) {
		return h
	}
	return nil
}

// holds reports whether one of the Authorization values is the current token's.
func (s *Source) holds(values []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held != nil && slices.Contains(values, s.held.authorization)
}

// refuse records a refusal and returns the replacement that it causes or joins:
// nil if accessToken is not the current token, or is not to be replaced.
func (s *Source) refuse(origin, accessToken string, after time.Duration) *replacement {
	if s.ctx == nil {
		return nil
	}
	p, e := s.recordRefusal(origin, accessToken, after)
	if e.Kind != "" {
		s.report(e)
	}
	return p
}

func (s *Source) recordRefusal(origin, accessToken string, after time.Duration) (*replacement, Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held
	if h == nil || h.token.AccessToken != accessToken {
		return nil, Event{} // replaced already
	}
	now := time.Now()
	e := Event{Kind: Refused, ClientID: h.clientID, URL: h.url, Origin: origin, ExpiresAt: h.token.Expiry}
	s.used.Store(true)
	switch p := s.pending; {
	case p != nil:
		if !p.waits(origin) {
			p.origins = append(p.origins, origin)
		}
		return p, e
	case s.ctx.Err() != nil:
		e.Err = errEnded
	case now.Before(s.notUntil):
		e.Err = errOutage
	case !s.budget(origin, now).take(now):
		e.Err = errBudget
	default:
		// The wall clock's next second: "iat" and cut-offs count whole seconds.
		later := now.Truncate(time.Second).Add(time.Second).Sub(now)
		s.pending = &replacement{
			flight:    newFlight(),
			origins:   []string{origin},
			notBefore: now.Add(max(later, min(after, longestDelay))),
		}
		s.ready.Store(nil)
		s.signal()
		return s.pending, e
	}
	return nil, e
}

// budget returns the budget of origin. If there are too many origins, those whose
// budget is full again are forgotten; if none is, the newcomer shares one.
func (s *Source) budget(origin string, now time.Time) *refusals {
	if r := s.refusals[origin]; r != nil {
		return r
	}
	if len(s.refusals) >= maxOrigins {
		for name, r := range s.refusals {
			if now.Sub(r.since) >= refusalBurst*refusalRefill {
				delete(s.refusals, name)
			}
		}
		if len(s.refusals) >= maxOrigins {
			origin = ""
			if r := s.refusals[origin]; r != nil {
				return r
			}
		}
	}
	r := &refusals{left: refusalBurst, since: now}
	s.refusals[origin] = r
	return r
}
