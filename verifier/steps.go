package verifier

import (
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// Step is one check of a decision, as [Verifier.Explain] returns it.
type Step struct {
	Check   string  // what is checked: "audience", "signature"
	Outcome Outcome // of the check
	Reason  Reason  // of the refusal, if the check failed

	// Detail says what was found and, after a failure, what was expected. Of a
	// check that does not apply it says why. It is empty if there is nothing to
	// say, and for the checks after the one that failed.
	Detail string
}

// Outcome is that of a Step.
type Outcome string

const (
	Passed Outcome = "passed"
	Failed Outcome = "failed"

	// Skipped is the outcome of a check that does not apply to the token or to the
	// configuration, or that comes after the one that failed.
	Skipped Outcome = "skipped"
)

// check is one check of a decision. The constants are in the order of the decision.
type check int

const (
	checkOpen check = iota // the Verifier is in use
	checkCredential
	checkSize
	checkForm
	checkIssuer
	checkAnswer // of the authority that is asked about the token
	checkAudience
	checkTimes
	checkExpiry
	checkLife
	checkType
	checkAlgorithm
	checkKey
	checkSignature
	checkClientID
	checkClaims
	checkScopeClaim
	checkMachine
	checkRevoked
	checkPeer
	checkPossession
	checkConfigured
	checkRequirement
	checksEnd
)

var checkNames = [checksEnd]string{
	"verifier", "credential", "size", "form", "issuer", "answer", "audience", "times", "lifetime", "longest life", "type", "algorithm",
	"key", "signature", "client ID", "claims", "scopes", "machine", "revocation", "certificate", "possession", "Config.Check", "requirement",
}

// trace records how far a decision came.
type trace struct {
	at       check
	size     int // of the token, in bytes
	asksPeer bool
	header   jose.Header
	claims   strictjson.Object
	token    *token // whose signature was verified, or that an answer describes; nil before
}

// reach records that a check begins. It costs one comparison in a decision without a
// trace.
func (d *decision) reach(c check) {
	if d.trace != nil {
		d.trace.at = c
	}
}

// read records what a token says of itself.
func (d *decision) read(header jose.Header, claims strictjson.Object) {
	if d.trace != nil {
		d.trace.header = header
		d.trace.claims = append(d.trace.claims[:0], claims...)
	}
}

// steps returns every check of a decision that has ended.
func (v *Verifier) steps(d *decision) []Step {
	steps := make([]Step, 0, checksEnd)
	for c := range checksEnd {
		s := Step{Check: checkNames[c], Outcome: Passed}
		switch {
		case d.err == nil || c < d.trace.at:
			if s.Detail = v.skips(d, c); s.Detail != "" {
				s.Outcome = Skipped
			} else {
				s.Detail = v.found(d, c)
			}
		case c == d.trace.at:
			s.Outcome, s.Reason = Failed, d.err.Reason
			if d.err.Err != nil && d.err.Err.Error() != string(s.Reason) {
				s.Detail = d.err.Err.Error()
			}
		default:
			s.Outcome = Skipped
		}
		steps = append(steps, s)
	}
	return steps
}

// skips says why a check before the end of the decision does not apply, or returns "".
func (v *Verifier) skips(d *decision, c check) string {
	switch asks := d.issuer != nil && d.issuer.Introspect != nil; {
	case c == checkAnswer && !asks:
		return "the issuer's tokens are verified with its keys"
	case c >= checkType && c <= checkSignature && asks:
		return "the authority is asked about the token instead"
	case c == checkLife && d.issuer.MaxTokenLife == 0:
		return "no MaxTokenLife is set"
	case c == checkRevoked && v.cfg.Revocations == nil:
		return "Config.Revocations is nil"
	case c == checkPeer && !d.trace.asksPeer:
		return "Request.PeerCertificatesFrom is nil"
	case c == checkPossession && d.token.bound.isNone():
		return "the token is bound to nothing"
	case c == checkConfigured && v.cfg.Check == nil:
		return "Config.Check is nil"
	case c == checkConfigured && d.withoutCheck:
		return "not called: ExplainOptions.CallCheck is false"
	}
	return ""
}

// found describes what a check that was passed has found.
func (v *Verifier) found(d *decision, c check) string {
	switch c {
	case checkCredential:
		return string(d.scheme)
	case checkSize:
		return fmt.Sprintf("%d bytes", d.trace.size)
	}
	t := d.trace.token
	switch {
	case c >= checkClientID:
		return t.found(c)
	case c >= checkType:
		return foundHeader(d.trace.header, c)
	case d.trace.claims != nil: // not of an answer that refuses the token
		return v.foundClaim(d, c)
	}
	return ""
}

// foundClaim describes the claim that a check has read.
func (v *Verifier) foundClaim(d *decision, c check) string {
	claim := func(name string) (strictjson.Value, bool) { return d.trace.claims.Get(name) }
	switch c {
	case checkIssuer:
		if iss, named := claim("iss"); named {
			return describe(iss)
		}
		if sub, named := claim("sub"); named && d.issuer.TrustDomain != "" { // which has selected the issuer
			return "sub " + describe(sub)
		}
		return excerpt(d.issuer.Name)
	case checkAnswer:
		return "active"
	case checkAudience:
		if name, value := (claims{d.trace.claims, d.issuer}).first(d.issuer.AudienceClaims); name != "" {
			return name + " " + describe(value)
		}
	case checkExpiry:
		if exp, ok := claim("exp"); ok {
			if t, err := date("exp", exp); err == nil {
				return "exp " + when(t, v.cfg.Now())
			}
		}
	}
	return ""
}

// foundHeader describes the member of the header that a check has read.
func foundHeader(h jose.Header, c check) string {
	switch {
	case c == checkType && !h.HasType:
		return "none"
	case c == checkType:
		return excerpt(h.Type)
	case c == checkAlgorithm:
		return h.Algorithm
	case c == checkKey:
		return excerpt(h.KeyID)
	}
	return ""
}

// found describes what a check of the client has found in its token, which may be nil.
func (t *token) found(c check) string {
	switch {
	case t == nil:
		return ""
	case c == checkClientID:
		return excerpt(t.client.ID)
	case c == checkScopeClaim:
		return grantedText(t.client.Scopes)
	case c == checkPossession:
		var bound []string
		if t.bound.certificate != nil {
			bound = append(bound, "a certificate")
		}
		if t.bound.key != "" {
			bound = append(bound, "a DPoP key")
		}
		return "the token is bound to " + strings.Join(bound, " and ")
	}
	return ""
}
