package verifier

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mauth/m2mauth/internal/introspect"
)

// opaque decides about the tokens of the issuer with Introspect. Those that the
// authority reports as active are remembered among the verified tokens.
type opaque struct {
	issuer     *issuer
	asker      *introspect.Asker[verdict]
	generation atomic.Uint64 // of the answers that count: see forget

	mu      sync.Mutex
	follows map[string]*follow // by token
}

// verdict is what an answer means: a token, or its refusal and the check that failed.
type verdict struct {
	token   *token
	refused *Error
	at      check
}

func newOpaque(v *Verifier, iss *issuer) *opaque {
	o := &opaque{issuer: iss, follows: make(map[string]*follow)}
	o.generation.Store(1)
	o.asker = introspect.New(introspect.Options[verdict]{Ask: o.ask, Read: o.read, Known: o.known, RefusedFor: iss.IntrospectTTL})
	return o
}

func (o *opaque) close() {
	if o == nil {
		return
	}
	o.asker.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	for raw, f := range o.follows {
		f.timer.Stop()
		delete(o.follows, raw)
	}
}

// forget makes every answer outdated, so that each token is asked about again.
func (o *opaque) forget() {
	if o == nil {
		return
	}
	o.generation.Store(o.asker.Forget())
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.follows {
		f.timer.Reset(0)
	}
}

// ask calls Issuer.Introspect. No error may hold the token.
func (o *opaque) ask(ctx context.Context, raw string) ([]byte, error) {
	text, err := o.issuer.Introspect(ctx, raw)
	if err != nil {
		return nil, withoutToken(err, raw)
	}
	return text, nil
}

// read makes a verdict of an answer, and remembers a token that is active.
func (o *opaque) read(q introspect.Question, text []byte) (verdict, introspect.Kind, error) {
	a, err := readAnswer(text)
	if err != nil {
		return verdict{}, introspect.Passing, withoutToken(err, q.Token)
	}
	ttl, cache := o.issuer.IntrospectTTL, o.issuer.verifier.cache
	asked := &asked{
		raw:        strings.Clone(q.Token), // without the header around it
		generation: q.Generation,
		at:         q.At,
		until:      q.At.Add(ttl),
	}
	asked.due.Store(int64(ttl / 5 * 4))
	var reached trace
	t, refused := a.token(o.issuer, asked, &decision{trace: &reached})
	if refused != nil && refused.Err != nil {
		refused.Err = withoutToken(refused.Err, q.Token)
	}
	switch {
	case refused == nil:
		cache.Put(t.asked.raw, t, t.size())
		return verdict{token: t}, introspect.Passing, nil
	case refused.Code != InvalidToken && refused.Code != InsufficientScope:
		// A callback failed: the token may be good.
		return verdict{refused: refused, at: reached.at}, introspect.Passing, nil
	}
	cache.Remove(q.Token)
	return verdict{refused: refused, at: reached.at}, introspect.Refused, nil
}

// counts reports whether the answer about t still counts.
func (o *opaque) counts(t *token, now time.Time) bool {
	return now.Before(t.asked.until) && t.asked.generation == o.generation.Load()
}

// remembered returns t if its answer still counts, and otherwise nil. A token that is
// used late in its TTL is renewed in the background: calls never wait for that.
func (o *opaque) remembered(t *token, now time.Time) *token {
	at := time.Now()
	switch {
	case t.lifetime.at(now) != nil:
		o.issuer.verifier.cache.Remove(t.asked.raw)
		return nil
	case !o.counts(t, at):
		return nil // it stays: it was active, and is asked about as such
	case t.asked.isDue(at):
		o.asker.Renew(t.asked.raw, func(_ verdict, err error) {
			if err != nil {
				t.asked.putOff(introspect.FailedFor)
			}
		})
	}
	return t
}

// current returns the remembered token of this text whose answer counts, or nil.
func (o *opaque) current(raw string, at time.Time) *token {
	if t, ok := o.issuer.verifier.cache.Get(raw); ok && t.asked != nil && o.counts(t, at) {
		return t
	}
	return nil
}

// known returns the verdict of an answer that counts, if there is one.
func (o *opaque) known(raw string) (verdict, bool) {
	t := o.current(raw, time.Now())
	return verdict{token: t}, t != nil
}

// verify asks the authority about a token and stores it in d. Unless d is dry, it may
// wait for the answer.
func (o *opaque) verify(ctx context.Context, raw string, d *decision) *Error {
	v := o.issuer.verifier
	d.issuer = o.issuer
	if !isB64Token(raw) {
		return refuseWith(InvalidToken, Malformed, errNotB64)
	}
	var t *token
	var refused *Error
	d.reach(checkAnswer)
	if d.dry {
		t, refused = o.recall(raw, d)
	} else {
		_, wasActive := v.cache.Get(raw)
		t, refused = o.question(ctx, raw, wasActive)
	}
	if refused != nil {
		return refused
	}
	d.now = v.cfg.Now()
	d.reach(checkExpiry)
	if refused := t.lifetime.at(d.now); refused != nil {
		return refused
	}
	d.token = t
	return nil
}

// question asks about a token, and waits for the verdict.
func (o *opaque) question(ctx context.Context, raw string, wasActive bool) (*token, *Error) {
	verdict, err := o.asker.Ask(ctx, raw, wasActive)
	if err != nil {
		return nil, introspectionError(err)
	}
	return verdict.token, verdict.refusal()
}

// refusal returns a copy: each call completes its own.
func (v verdict) refusal() *Error {
	if v.refused == nil {
		return nil
	}
	e := *v.refused
	return &e
}

// again returns the token with the text of t that the authority reports as active
// now. It asks only if no answer counts, and renews late answers as a call does.
func (o *opaque) again(ctx context.Context, t *token) (*token, *Error) {
	at := time.Now()
	if c := o.current(t.asked.raw, at); c != nil {
		if c.isHolders(t) && o.remembered(c, o.issuer.verifier.cfg.Now()) != nil {
			return c, nil
		}
	} else if o.counts(t, at) {
		return t, nil
	}
	c, refused := o.question(ctx, t.asked.raw, true)
	switch {
	case refused != nil:
		return nil, refused
	case !c.isHolders(t):
		return nil, refuseWith(InvalidToken, NotVerified, errOtherClient)
	}
	return c, nil
}

// isHolders reports whether t is for the same client as before, and bound to the same
// keys.
func (t *token) isHolders(before *token) bool {
	return t.client.ID == before.client.ID && t.client.Subject == before.client.Subject && t.bound.equal(before.bound)
}

func (b binding) equal(c binding) bool {
	if b.certificate == nil || c.certificate == nil {
		return b.certificate == c.certificate && b.key == c.key
	}
	return *b.certificate == *c.certificate && b.key == c.key
}

// introspectionError returns the refusal while nothing is known of a token.
func introspectionError(err error) *Error {
	if errors.Is(err, introspect.ErrClosed) {
		return refuse(Unavailable, Closed)
	}
	failed, ok := errors.AsType[*introspect.Error](err)
	if !ok { // the caller's context ended
		return refuseWith(Unavailable, Canceled, err)
	}
	reason := IntrospectionUnavailable
	if _, panicked := errors.AsType[*introspect.PanicError](err); panicked {
		reason = Panicked
	} else if errors.Is(err, introspect.ErrFlood) {
		reason = UnknownTokensFlood // 429, which outlier detection does not count as a failure of this server
	}
	e := refuseWith(reason.code(), reason, failed.Err)
	// A random delay spreads the retries of many callers.
	latest := min(max(failed.After, 2*minRetryAfter), maxRetryAfter)
	e.RetryAfter = minRetryAfter + rand.N(latest-minRetryAfter)
	return e
}

var (
	errInactive    = errors.New(`the authority reports "active": false: the token is unknown to it, expired or revoked`)
	errNotB64      = errors.New("the token holds a character that no token has (RFC 6750 §2.1)")
	errOtherClient = errors.New("the authority now reports another client, or another binding, for the token")
)

// completeIntrospection fills in the defaults of an issuer with Introspect, and
// reports fields that have no effect.
func (iss *Issuer) completeIntrospection(m mistakes) {
	if iss.Introspect == nil {
		if iss.IntrospectTTL != 0 || iss.AllowNoAudience {
			m.add("IntrospectTTL and AllowNoAudience are for an issuer with Introspect: they have no meaning without")
		}
		return
	}
	if iss.IntrospectTTL == 0 {
		iss.IntrospectTTL = 30 * time.Second
	}
	m.between("IntrospectTTL", iss.IntrospectTTL, time.Second, 5*time.Minute)
	if iss.TrustDomain != "" {
		m.add("Introspect is set beside TrustDomain: JWT-SVIDs are verified with keys, choose one")
	}
	if iss.Algorithms != nil || iss.Backdating != 0 || iss.JWKS != (JWKSOptions{}) {
		m.add("Algorithms, Backdating and JWKS are about keys: they have no meaning with Introspect")
	}
}

// status returns the state of the authority's answers.
func (o *opaque) status() IssuerStatus {
	s := o.asker.Status()
	st := IssuerStatus{
		Issuer:      o.issuer.Name,
		Introspects: true,
		Optional:    o.issuer.Optional,
		State:       KeysFresh,
		Confirmed:   s.Confirmed,
		LastError:   s.LastError,
		NextAttempt: s.Next,
		Fetches:     s.Questions,
	}
	switch {
	case s.Closed:
		st.State = KeysClosed
	case s.LastError != nil && s.Confirmed.IsZero():
		st.State = KeysCold
	case s.LastError != nil:
		st.State = KeysStale
	}
	return st
}
