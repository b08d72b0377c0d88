package verifier

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
)

// decision is what has been found out about one call.
type decision struct {
	issuer *issuer // nil until chosen
	token  *token  // nil until verified
	cached bool
	peers  []*x509.Certificate // that the token was held against
	err    *Error
	took   time.Duration
}

func refuse(code Code, reason Reason) *Error { return &Error{Code: code, Reason: reason} }

func refuseWith(code Code, reason Reason, cause error) *Error {
	return &Error{Code: code, Reason: reason, Err: cause}
}

// decide is the one decision path, of every transport. The token is bare, or in
// r's credential if that is nil.
func (v *Verifier) decide(ctx context.Context, r Request, bare *string, need scopes.Requirement) decision {
	var began time.Time
	if v.observes() {
		began = time.Now()
	}
	d := v.judge(ctx, r, bare, need)
	if d.err != nil {
		d.err.Need = need
		d.err.Realm, d.err.ResourceMetadata = r.Realm, r.ResourceMetadata
	}
	if v.observes() {
		d.took = time.Since(began)
		v.observe(ctx, r, need, d)
	}
	return d
}

func (v *Verifier) judge(ctx context.Context, r Request, bare *string, need scopes.Requirement) (d decision) {
	if v.isClosed() {
		d.err = refuse(Unavailable, Closed)
		return d
	}
	raw := plainBearer(r.Authorization)
	if bare != nil {
		raw = *bare
	}
	// A text that is remembered is that of a token which was verified, so the
	// syntax of a credential around it, and its size, need no second look.
	d.token = v.remembered(raw)
	if d.token == nil && bare == nil {
		plain := raw
		if raw, d.err = bearerToken(r.Authorization, v.cfg.MaxTokenBytes); d.err != nil {
			return d
		}
		if raw != plain {
			d.token = v.remembered(raw)
		}
	}
	if d.token != nil {
		d.issuer, d.cached = d.token.issuer, true
	} else if d.err = v.verify(ctx, raw, &d); d.err != nil {
		return d
	}
	// What can change between two calls is asked of a hit as well.
	if d.err = r.findPeer(ctx); d.err != nil {
		return d
	}
	d.peers = r.PeerCertificates
	if d.err = d.token.checkBinding(d.peers); d.err != nil {
		return d
	}
	if d.err = v.check(ctx, d.token.client, r); d.err != nil {
		return d
	}
	switch granted := d.token.client.Scopes; {
	case need.MetBy(granted):
	case need.IsZero():
		d.err = refuse(InsufficientScope, NoRequirement)
	default:
		d.err = refuseWith(InsufficientScope, ScopeMissing, scopesMissing(granted, need))
	}
	return d
}

// scopesMissing is the cause of ScopeMissing.
func scopesMissing(granted scopes.Set, need scopes.Requirement) error {
	return cause(func() string {
		found := "no scopes"
		if granted.Len() > 0 {
			found = listed(slices.Collect(granted.All()), ", ", excerpt)
		}
		return "granted " + found + ", want " + need.String()
	})
}

// remembered finds a token that was verified before, and still stands. One
// that does not is forgotten, and verified afresh: why it is refused must not
// depend on whether it was remembered.
func (v *Verifier) remembered(raw string) *token {
	if len(raw) > v.cfg.MaxTokenBytes {
		return nil // not even hashed
	}
	t, ok := v.cache.Get(raw)
	if !ok {
		return nil
	}
	if !t.issuer.holds(t) || t.lifetime.at(v.cfg.Now()) != nil || !t.named && t.issuer.source.Current() != t.set {
		// The last: whether a token without a key ID has exactly one key that
		// fits depends on the whole set.
		v.cache.Remove(raw)
		return nil
	}
	return t
}

// checkBinding holds a token that is bound to a client certificate against the
// one that the caller proved (RFC 8705 §3).
func (t *token) checkBinding(chain []*x509.Certificate) *Error {
	if t.certificate == nil {
		return nil
	}
	if len(chain) == 0 || chain[0] == nil {
		return refuseWith(InvalidToken, Bound, otherCertificate(*t.certificate, nil))
	}
	// The thumbprints are no secrets, so they need no constant-time comparison.
	if proved := sha256.Sum256(chain[0].Raw); proved != *t.certificate {
		return refuseWith(InvalidToken, Bound, otherCertificate(*t.certificate, slices.Clone(proved[:])))
	}
	return nil
}

func (v *Verifier) observes() bool { return v != nil && v.cfg.Observe != nil }

// observe tells Config.Observe. A panic in it stops here: what watches the
// decisions must not change them.
func (v *Verifier) observe(ctx context.Context, r Request, need scopes.Requirement, d decision) {
	if !v.observes() {
		return
	}
	told := Decision{
		Operation: visible(r.Operation),
		Need:      need,
		Cached:    d.cached,
		Took:      d.took,
	}
	if d.err != nil {
		err := *d.err // a copy: the caller's answer is made of the other
		told.Reason, told.Err = err.Reason, &err
	}
	if d.issuer != nil {
		told.Issuer = d.issuer.Name
	}
	if d.token != nil {
		told.Client = d.token.client
	}
	defer func() { _ = recover() }()
	v.cfg.Observe(ctx, told)
}

// visible makes the name of an operation fit for a log: as it is if it is of
// visible ASCII and spaces, else quoted.
func visible(name string) string {
	if printable(name) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

// quoted makes a text that somebody else could write as they liked fit for a
// log: as it is if it is short and of visible ASCII, else quoted and cut.
func quoted(text string) string {
	if len(text) <= maxQuoted && printable(text) {
		return text
	}
	return strconv.QuoteToASCII(text[:min(len(text), maxQuoted)])
}

// untrustedError is a cause that shows a value from a token or request. Making
// the text is put off, because most are never read.
type untrustedError struct{ what, value string }

func untrusted(what, value string) error {
	return untrustedError{what, value[:min(len(value), maxQuoted)]}
}

func (u untrustedError) Error() string { return u.what + " " + strconv.QuoteToASCII(u.value) }
