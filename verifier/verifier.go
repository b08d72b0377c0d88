// Package verifier decides which machine is calling and whether it may.
//
// A [Verifier] checks OAuth 2.0 access tokens that are JWTs (RFC 7519, RFC
// 9068) against keys that it keeps fresh in the background, and turns each
// into a [Client]. Most programs make one at start-up and hand it to httpmw or
// grpcmw:
//
//	v, err := verifier.New(verifier.Config{
//		Issuers: []verifier.Issuer{{
//			Name:      "https://auth.example.com",
//			Audiences: []string{"https://api.example.com"},
//			JWKSURL:   "https://auth.example.com/.well-known/jwks.json",
//		}},
//	})
//
// Handlers read the machine with [ClientFromContext]. An adapter for another
// transport fills a [Request] and calls [Verifier.Authorize].
//
// Every refusal is an [*Error] with a [Code], by what the caller should do,
// and a [Reason], by what was wrong.
package verifier

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/tokencache"
	"github.com/m2mauth/m2mauth/scopes"
)

// fetchesAtOnce bounds how many key sets a Verifier fetches at the same time.
const fetchesAtOnce = 64

// Verifier verifies tokens and authorizes calls. It is safe for concurrent
// use. Make one with [New]: any other, nil included, refuses every token as
// Unavailable.
type Verifier struct {
	cfg     Config
	issuers []*issuer
	byName  map[string]*issuer        // by name and by alias
	cache   *tokencache.Cache[*token] // nil if it is off
	headers jose.Headers
	closed  atomic.Bool
}

// New makes a Verifier, or reports every mistake in cfg at once. It does no
// I/O of its own and does not wait: goroutines fetch the keys at once and keep
// them fresh until [Verifier.Close]. Calls that come before there are keys
// wait a moment for them; a server that would rather start late calls
// [Verifier.Ready].
func New(cfg Config) (*Verifier, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	v := &Verifier{cfg: cfg, byName: make(map[string]*issuer)}
	if cfg.CacheSize > 0 {
		v.cache = tokencache.New[*token](cfg.CacheSize)
	}
	slots := jwks.NewSlots(fetchesAtOnce)
	for _, ic := range cfg.Issuers {
		iss := &issuer{Issuer: ic}
		v.issuers = append(v.issuers, iss)
		v.byName[ic.Name] = iss
		for _, alias := range ic.Aliases {
			v.byName[alias] = iss
		}
		iss.source = jwks.New(jwks.Options{
			Fetch:          ic.fetcher(),
			Address:        jwks.Address(ic.JWKSURL),
			Algorithms:     ic.Algorithms,
			Keys:           jose.Options{AllowExponent3: ic.JWKS.AllowRSAExponent3},
			MaxBytes:       ic.JWKS.MaxBytes,
			Interval:       ic.JWKS.interval(),
			IntervalIsCap:  ic.JWKS.RefreshInterval != 0,
			MaxStale:       ic.JWKS.MaxStale,
			Timeout:        ic.JWKS.FetchTimeout,
			Backdating:     ic.Backdating,
			Slots:          slots,
			Now:            cfg.Now,
			Observe:        keyObserver(iss, cfg.ObserveKeys),
			RandomFraction: rand.Float64,
		})
	}
	return v, nil
}

// Close stops every goroutine of v and waits for them. Calls whose token was
// already verified when Close is called may complete; every later call is
// refused as Unavailable. A call that waits for keys gets its refusal at once.
// Close may be called more than once, and in any callback: it waits 100 ms at
// most for a callback that is running. It returns nil.
func (v *Verifier) Close() error {
	if v == nil {
		return nil
	}
	v.closed.Store(true)
	for _, iss := range v.issuers {
		iss.source.Close()
	}
	v.cache.Clear()
	return nil
}

// isUnmade reports whether v does not come from New.
func (v *Verifier) isUnmade() bool { return v == nil || v.issuers == nil }

func (v *Verifier) isClosed() bool { return v.isUnmade() || v.closed.Load() }

// Verify checks a token that did not come with a call: what it returns is who
// the token stands for. It refuses tokens that are bound to a certificate or a
// key (RFC 8705, RFC 9449), for there is nothing to compare. [Config].Check
// and Observe are called as for a call, with a zero [Request].
func (v *Verifier) Verify(ctx context.Context, token string) (Client, error) {
	d := v.decide(orBackground(ctx), Request{}, &token, scopes.Authenticated())
	if d.err != nil {
		return Client{}, d.err
	}
	return d.token.client, nil
}

// Authorize decides one call: who is calling, and whether it meets need. The
// context it returns holds the Client for [ClientFromContext]; a Client that
// was in ctx before is never looked at, and is hidden. So where two Verifiers
// guard one call, both decide, and the Client is the inner one's.
//
// With [scopes.Public] nothing of the credential is read, Check is not asked,
// and there is no Client. With the zero Requirement every call is refused.
//
// The error is an [*Error]. The context beside it holds no Client.
func (v *Verifier) Authorize(ctx context.Context, r Request, need scopes.Requirement) (context.Context, error) {
	ctx = orBackground(ctx)
	if need.IsPublic() {
		v.observe(ctx, r, need, decision{})
		return withoutClient(ctx), nil
	}
	d := v.decide(ctx, r, nil, need)
	if d.err != nil {
		return withoutClient(ctx), d.err
	}
	return withCall(ctx, call{&d.token.client, r.Operation, d.peers}), nil
}
