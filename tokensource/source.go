package tokensource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/dpop"
)

// ErrClosed is wrapped by the errors of a closed [Source]. If Config.Context closed
// it, they wrap the context's cause as well.
var ErrClosed = errors.New("the source is closed")

var errZero = errors.New("the Source is a zero value: use New")

// Source keeps one token fresh. It implements [oauth2.TokenSource] and is safe
// for concurrent use.
//
// The first call fetches the first token and waits for it. From then on a token
// is replaced in the background before it ends, as long as the source is in use:
// a source that nobody has called since its last fetch makes no requests. There
// is one fetch at a time, and no caller's context ends it. While the authority is
// down, calls return the current token until it ends. Fetches are repeated with
// growing pauses of up to a minute, or as Retry-After requests. Without a token,
// calls between two attempts fail at once.
//
// Errors name the client and the URL. They wrap an [*oauth2.RetrieveError] with
// status, Retry-After and error code if the authority answered.
//
// The zero Source fails every call.
type Source struct {
	fetcher      fetcher
	ahead        time.Duration
	maxAge       time.Duration
	repeatUnsafe bool
	signer       *dpop.Signer // nil without DPoP
	nonces       nonces       // of services
	observe      func(Event)

	ctx  context.Context // ends with Close
	stop context.CancelCauseFunc
	wake chan struct{} // there may be something to fetch

	used  atomic.Bool          // since the last successful fetch
	ready atomic.Pointer[held] // held, while no refused token is being replaced

	mu       sync.Mutex
	held     *held        // nil before the first token
	flight   *flight      // nil if no fetch is under way or wanted
	pending  *replacement // nil if no refused token is being replaced
	due      time.Time    // of the next fetch that nobody waits for: never if zero
	failures int          // since the last success
	notUntil time.Time    // no fetch before
	lastErr  error
	refusals map[string]*refusals // by origin
}

// held is the current token. It is immutable.
type held struct {
	token         *oauth2.Token
	key           *dpop.Key // that it is bound to; nil for none
	clientID, url string    // for events
	authorization string    // the header field's value
	until         time.Time // it serves until then
	replace       time.Time // a new one is fetched from then on
}

// New returns a Source, or an error that names every mistake in c. It makes no
// requests. Call Close when the Source is no longer needed.
func New(c Config) (*Source, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Source{
		fetcher:      newFetcher(&c),
		ahead:        c.RefreshAhead,
		maxAge:       c.MaxAge,
		repeatUnsafe: c.RepeatUnsafe,
		signer:       c.DPoP,
		observe:      c.Observe,
		wake:         make(chan struct{}, 1),
		refusals:     map[string]*refusals{},
	}
	parent := c.Context
	if parent == nil {
		parent = context.Background()
	}
	s.ctx, s.stop = context.WithCancelCause(parent)
	go s.run()
	return s, nil
}

// Close ends the source's goroutine and the fetch under way. After that, the last
// token serves until it ends; then every call fails with [ErrClosed]. Close
// returns nil, and may be called more than once.
func (s *Source) Close() error {
	if s.stop != nil {
		s.stop(ErrClosed)
	}
	return nil
}

// Token returns the current token, like TokenContext without a deadline.
func (s *Source) Token() (*oauth2.Token, error) {
	return s.TokenContext(context.Background())
}

// TokenContext returns a token that is good for at least a few seconds. It waits
// only if there is none, or if [Source.Invalidate] has begun to replace it. The
// caller may change the result.
//
// A client that sends the token by itself must call Invalidate when a service
// refuses it; [Source.RoundTripper] does so, and repeats the request.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return s.TokenFor(ctx, "")
}

// TokenFor returns the token to send to origin. That is TokenContext's, except
// that it also waits while a token that origin has refused is being replaced. It
// is for transports that [Source.RoundTripper] does not serve.
func (s *Source) TokenFor(ctx context.Context, origin string) (*oauth2.Token, error) {
	if s.signer != nil {
		return nil, errBound
	}
	h, err := s.heldFor(ctx, origin)
	if err != nil {
		return nil, err
	}
	// A copy: oauth2.ReuseTokenSource writes into its token.
	token := *h.token
	return &token, nil
}

func (s *Source) heldFor(ctx context.Context, origin string) (*held, error) {
	// Without a lock: many requests at once share one source.
	if h := s.ready.Load(); h != nil && s.used.Load() {
		if now := time.Now(); now.Before(h.replace) && now.Before(h.until) && !s.outdated(h) {
			return h, nil
		}
	}
	for {
		h, f, err := s.current(origin)
		if h != nil || err != nil {
			return h, err
		}
		select {
		case <-f.landed:
			if f.err != nil {
				return nil, f.err
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("tokensource: waiting for a token: %w", context.Cause(ctx))
		case <-s.ctx.Done(): // current has the last token, or an error
		}
	}
}

// current returns the token for origin, or the flight to wait for, or an error.
func (s *Source) current(origin string) (*held, *flight, error) {
	if s.ctx == nil {
		return nil, nil, fmt.Errorf("tokensource: %w", errZero)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used.Store(true)
	now := time.Now()
	h, closed := s.held, s.ctx.Err() != nil
	valid := h != nil && now.Before(h.until)
	if p := s.pending; p != nil && !closed && (!valid || p.waits(origin)) {
		return nil, p.flight, nil
	}
	if s.flight == nil && s.pending == nil && !closed && !now.Before(s.notUntil) && (!valid || !now.Before(h.replace) || s.outdated(h)) {
		s.flight = newFlight()
		s.signal()
	}
	switch {
	case valid:
		return h, nil, nil
	case closed:
		return nil, nil, s.ended()
	case s.flight != nil:
		return nil, s.flight, nil
	default:
		return nil, nil, s.lastErr
	}
}

// outdated reports whether h is bound to a key that was rotated out.
func (s *Source) outdated(h *held) bool { return s.signer != nil && h.key != s.signer.Key() }

func (s *Source) ended() error {
	return fmt.Errorf("tokensource: %w", whyClosed(s.ctx))
}

// whyClosed returns ErrClosed, with the cause if Config.Context has ended. ctx is
// that of a closed Source.
func whyClosed(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrClosed, cause)
}
