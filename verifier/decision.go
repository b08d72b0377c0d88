package verifier

import (
	"context"
	"crypto/x509"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// Decision describes one decision, as Observe receives it. It holds no token.
// In the text of Err, values that the caller wrote are quoted and cut at 64
// bytes.
type Decision struct {
	// Operation is the Request's, quoted if it is not printable ASCII, and never
	// cut. A guard of a route or a method takes it from the configuration: then
	// it can label metrics. A guard around a whole router takes it from the
	// request's path: then callers choose it, and it must not label metrics.
	Operation string

	Issuer string             // the configured Name; "" before one is known
	Client Client             // zero unless its token was verified
	Need   scopes.Requirement // the requirement; scopes.Authenticated for Verify
	Reason Reason             // "" if the call was allowed
	Err    error              // an *Error; nil if the call was allowed
	Cached bool               // the token was remembered: its signature was not checked again
	Took   time.Duration

	// RevocationsStale reports that the view of Config.Revocations was older than its
	// MaxAge, or not there yet. If the call was allowed, the list has FailOpen, and a
	// newer cut-off may have been missed. It is false unless the token was verified.
	RevocationsStale bool `json:",omitempty"`
}

// decision holds what is known of one call while it is decided.
type decision struct {
	issuer       *issuer // nil until chosen
	token        *token  // nil until verified
	dry          bool    // of Explain: change nothing and wait for nothing
	trace        *trace  // of Explain and of answers about tokens; nil otherwise
	withoutCheck bool    // of Explain: Config.Check is not called
	cached       bool
	peers        []*x509.Certificate // that the token's binding was compared with
	scheme       scheme              // of the credential; "" if it is neither Bearer nor DPoP
	now          time.Time           // when the token was found valid
	err          *Error
	began, ended time.Time // zero if nobody observes
}

func (v *Verifier) observes() bool { return v != nil && len(v.cfg.Observe) > 0 }

// report counts a decision and calls the functions of Config.Observe.
func (v *Verifier) report(ctx context.Context, r *Request, need scopes.Requirement, d *decision) {
	if v.isUnmade() {
		return
	}
	v.counts.add(d)
	if v.observes() {
		v.observe(ctx, r, need, d)
	}
}

// observe calls the functions of Config.Observe.
func (v *Verifier) observe(ctx context.Context, r *Request, need scopes.Requirement, d *decision) {
	seen := Decision{
		Operation: visible(r.Operation),
		Need:      need,
		Cached:    d.cached,
		Took:      d.ended.Sub(d.began),
	}
	if d.issuer != nil {
		seen.Issuer = d.issuer.Name
	}
	if d.token != nil {
		seen.Client = d.token.client
		if list := v.cfg.Revocations; list != nil {
			seen.RevocationsStale = list.Stale(d.ended)
		}
	}
	for _, f := range v.cfg.Observe {
		if d.err != nil {
			err := *d.err // a copy for each: the response is made of the original
			seen.Reason, seen.Err = err.Reason, &err
		}
		observeWith(ctx, f, seen)
	}
}

// observeWith calls f. A panic in it stops here: an observer must not change a
// decision.
func observeWith(ctx context.Context, f func(context.Context, Decision), seen Decision) {
	defer func() { _ = recover() }()
	f(ctx, seen)
}

// visible returns name for a log: unchanged if it consists of visible ASCII and
// spaces, otherwise quoted.
func visible(name string) string {
	if printable(name) {
		return name
	}
	return strconv.QuoteToASCII(name)
}
