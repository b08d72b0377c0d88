package verifier

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/jose"
)

// binding holds what a token is bound to, by its claim "cnf" (RFC 7800 §3.1). With
// both members, the caller must prove both.
type binding struct {
	certificate *[sha256.Size]byte // "x5t#S256" (RFC 8705 §3.1); nil for none
	key         string             // "jkt" (RFC 9449 §6.1); "" for none
}

func (b binding) isNone() bool { return b.certificate == nil && b.key == "" }

// binding reads the claim "cnf". A confirmation with any member that is not
// understood refuses the token: accepted as a bearer token, it would serve a thief
// (RFC 9449 §7.2). "jkt" is understood if the service takes proofs.
func (r *registered) binding(proofs bool) (b binding, err *Error) {
	if r.cnf.IsAbsent() {
		return b, nil
	}
	cnf, _ := r.cnf.Object()
	for _, m := range cnf {
		text, _ := m.Value.Text()
		digest, decodeErr := jose.DecodeBase64URL(nil, text)
		isDigest := decodeErr == nil && len(digest) == sha256.Size
		switch {
		case m.Name == "x5t#S256" && isDigest:
			b.certificate = (*[sha256.Size]byte)(digest)
		case m.Name == "jkt" && proofs && isDigest:
			b.key = text
		case m.Name == "x5t#S256":
			return b, refuseWith(InvalidToken, Bound, claimIs(m.Name, m.Value, "the SHA-256 of the certificate in base64url"))
		case m.Name == "jkt" && proofs:
			return b, refuseWith(InvalidToken, Bound, claimIs(m.Name, m.Value, "the SHA-256 thumbprint of the key in base64url"))
		default:
			return b, refuseWith(InvalidToken, Bound, claimIs("cnf", r.cnf, understood(proofs)))
		}
	}
	if b.isNone() {
		return b, refuseWith(InvalidToken, Bound, claimIs("cnf", r.cnf, understood(proofs)))
	}
	return b, nil
}

// understood describes the confirmations that are accepted.
func understood(proofs bool) string {
	if proofs {
		return `an object of "x5t#S256", "jkt" or both`
	}
	return `an object of "x5t#S256" alone: Config.DPoP is not set`
}

// checkBinding refuses a token whose caller does not prove possession of what it is
// bound to: the certificate first, and then the key, because that check is dear and
// uses up the proof.
func (v *Verifier) checkBinding(ctx context.Context, raw string, r *Request, d *decision) *Error {
	b := d.token.bound
	if d.scheme == dpopBound && b.key == "" {
		// RFC 9449 §7.1: the scheme is for tokens that are bound to a key.
		return refuseWith(InvalidToken, Unbound, errNoKey)
	}
	if err := b.checkCertificate(d.peers); err != nil || b.key == "" {
		return err
	}
	if d.scheme != dpopBound {
		// Never as a bearer token (RFC 9449 §7.2), with a proof beside it or not.
		return refuseWith(InvalidToken, Bound, errBearer)
	}
	call := dpop.Call{
		Proofs:     r.DPoP,
		Method:     r.Method,
		Origin:     r.Origin,
		Path:       r.Path,
		Token:      raw,
		Thumbprint: b.key,
		Issuer:     d.issuer.Name,
		Client:     d.token.client.ID,
		Now:        d.now,
	}
	if d.dry || v.hasUsed(ctx, r.DPoP) {
		return proofError(ctx, v.cfg.DPoP.Inspect(call))
	}
	return proofError(ctx, v.cfg.DPoP.Check(ctx, call))
}

// hasUsed reports whether the call in ctx has used up this proof, at a guard of v that
// this one is inside of. Everything but replay is checked once more, so that the proof
// is good for this very token, method and path alone.
func (v *Verifier) hasUsed(ctx context.Context, proofs []string) bool {
	c := callFrom(ctx)
	return c != nil && c.proof != "" && len(proofs) == 1 && proofs[0] == c.proof && v.tokenOf(c) != nil
}

var (
	errUnbound = errors.New(`"cnf" is missing, want the token bound to a client certificate or a DPoP key`)
	errNoKey   = errors.New(`the scheme is "DPoP" and "cnf" has no "jkt": want "Bearer" for a token that is bound to no key`)
	errBearer  = errors.New(`the token is bound to a DPoP key, want the scheme "DPoP" and a proof`)
)

// checkCertificate refuses a token that is bound to another client certificate than
// the one that the caller proved (RFC 8705 §3).
func (b binding) checkCertificate(chain []*x509.Certificate) *Error {
	if b.certificate == nil {
		return nil
	}
	if len(chain) == 0 || chain[0] == nil {
		return refuseWith(InvalidToken, Bound, otherCertificate(*b.certificate, nil))
	}
	// Thumbprints are no secrets: the comparison need not take constant time.
	if proved := sha256.Sum256(chain[0].Raw); proved != *b.certificate {
		return refuseWith(InvalidToken, Bound, otherCertificate(*b.certificate, slices.Clone(proved[:])))
	}
	return nil
}

// proofError returns the refusal for an error of dpop.Checker.
func proofError(ctx context.Context, err error) *Error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return refuseWith(Unavailable, Canceled, err)
	}
	for _, m := range []struct {
		kind   error
		reason Reason
	}{
		{dpop.ErrMissing, ProofMissing},
		{dpop.ErrMalformed, ProofMalformed},
		{dpop.ErrMismatch, ProofMismatch},
		{dpop.ErrReplayed, ProofReplayed},
	} {
		if errors.Is(err, m.kind) {
			return refuseWith(InvalidToken, m.reason, err)
		}
	}
	e := refuseWith(Unavailable, ReplayUnavailable, err)
	e.RetryAfter = minRetryAfter
	return e
}

// ProofAlgorithms returns the algorithms that proofs of possession may have (RFC
// 9449), or nil if v takes no proofs: Config.DPoP is nil.
func (v *Verifier) ProofAlgorithms() []string {
	if v == nil || v.cfg.DPoP == nil {
		return nil
	}
	return v.cfg.DPoP.Algorithms()
}

// proofScheme describes the scheme DPoP in a refusal, for its challenge.
type proofScheme struct {
	algorithms []string
	used       bool // by the caller
}

// proofScheme returns what the challenge of a refusal shows of the scheme DPoP, or
// nil if v takes no proofs.
func (v *Verifier) proofScheme(used scheme) *proofScheme {
	switch {
	case v.isUnmade():
		return nil
	case used == dpopBound:
		return v.proofs[1]
	}
	return v.proofs[0]
}
