// Package verifier decides which machine is calling and whether it may perform
// the operation that it calls.
//
// A [Verifier] verifies OAuth 2.0 access tokens that are JWTs (RFC 7519, RFC
// 9068) with keys that it keeps fresh in the background, and asks one authority
// about opaque tokens (RFC 7662). It turns each token into a [Client]. Most programs make one Verifier at start-up and pass it to
// httpmw or grpcmw:
//
//	v, err := verifier.New(verifier.Config{
//		Issuers: []verifier.Issuer{{
//			Name:      "https://auth.example.com",
//			Audiences: []string{"https://api.example.com"},
//			JWKSURL:   "https://auth.example.com/.well-known/jwks.json",
//		}},
//	})
//
// Handlers call [ClientFromContext] to learn which client is calling. An
// adapter for another transport fills a [Request] and calls
// [Verifier.Authorize].
//
// Every refusal is an [*Error]. Its [Code] says what the caller should do, and
// its [Reason] what exactly was wrong. docs/troubleshooting.md in the repository
// lists the cause of each Reason and its fix; docs/operating.md covers
// deployment, readiness and incidents.
package verifier

import (
	"sync/atomic"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/tokencache"
)

// fetchesAtOnce bounds how many key sets a Verifier fetches at the same time.
const fetchesAtOnce = 64

// Verifier verifies tokens and authorizes calls. It is safe for concurrent
// use. Make one with [New]: any other Verifier, nil included, refuses every
// token as Unavailable.
type Verifier struct {
	cfg     Config
	issuers []*issuer
	byName  map[string]*issuer        // by name and by alias
	domains map[string]*issuer        // by SPIFFE trust domain; nil without one
	cache   *tokencache.Cache[*token] // nil without a cache
	headers jose.Headers
	watches watches
	counts  counts
	proofs  [2]*proofScheme // for proofScheme; nil without Config.DPoP
	opaque  *opaque         // nil unless an issuer has Introspect
	closed  atomic.Bool

	standardNow bool // Config.Now is time.Now

	stop, followed chan struct{} // of followRevocations; nil without Config.Revocations
}

// New returns a Verifier, or an error that reports every mistake in cfg. It
// does not wait: goroutines start to fetch the keys at once, and keep them
// fresh until [Verifier.Close]. Calls that arrive before there are keys wait a
// moment for them. A server that should not start without keys calls
// [Verifier.Ready].
func New(cfg Config) (*Verifier, error) {
	standardNow := cfg.Now == nil
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	v := &Verifier{cfg: cfg, standardNow: standardNow, byName: make(map[string]*issuer), watches: watches{now: cfg.Now, list: cfg.Revocations}}
	if cfg.CacheSize > 0 {
		v.cache = tokencache.New[*token](cfg.CacheSize)
	}
	if algorithms := v.ProofAlgorithms(); algorithms != nil {
		v.proofs = [...]*proofScheme{{algorithms: algorithms}, {algorithms: algorithms, used: true}}
	}
	slots := jwks.NewSlots(fetchesAtOnce)
	v.counts.init(len(cfg.Issuers))
	for i, ic := range cfg.Issuers {
		iss := &issuer{Issuer: ic, verifier: v, index: i}
		v.issuers = append(v.issuers, iss)
		v.byName[ic.Name] = iss
		for _, alias := range ic.Aliases {
			v.byName[alias] = iss
		}
		if ic.TrustDomain != "" {
			if v.domains == nil {
				v.domains = make(map[string]*issuer)
			}
			v.domains[ic.TrustDomain] = iss
		}
		if iss.Introspect != nil {
			v.opaque = newOpaque(v, iss)
			continue
		}
		iss.source = iss.newSource(slots)
	}
	if cfg.Revocations != nil {
		v.stop, v.followed = make(chan struct{}), make(chan struct{})
		go v.followRevocations()
	}
	return v, nil
}

// Close stops every goroutine of v and waits for them. Calls whose token was
// already verified when Close is called may complete; every later call is
// refused as Unavailable. A call that waits for keys is refused at once, and
// every context of [Verifier.WhileValid] ends. Close may be called more than
// once, and in any callback: it waits at most 100 ms for a callback that is
// running. It returns nil.
func (v *Verifier) Close() error {
	if v == nil {
		return nil
	}
	if !v.closed.Swap(true) && v.stop != nil {
		close(v.stop)
	}
	for _, iss := range v.issuers {
		if iss.source != nil {
			iss.source.Close()
		}
	}
	v.opaque.close()
	v.cache.Clear()
	v.watches.close()
	if v.followed != nil {
		<-v.followed
	}
	return nil
}

// isUnmade reports whether v does not come from New.
func (v *Verifier) isUnmade() bool { return v == nil || v.issuers == nil }

func (v *Verifier) isClosed() bool { return v.isUnmade() || v.closed.Load() }
