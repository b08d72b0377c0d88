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
	Detail  string  // what was found and, after a failure, what was expected; may be empty
}

// Outcome is that of a Step.
type Outcome string

const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	NotReached Outcome = "not reached" // an earlier check failed
)

// check is one check of a decision. The constants are in the order of the decision.
type check int

const (
	checkOpen check = iota // the Verifier is in use
	checkCredential
	checkSize
	checkForm
	checkIssuer
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
	"verifier", "credential", "size", "form", "issuer", "audience", "times", "lifetime", "longest life", "type", "algorithm",
	"key", "signature", "client ID", "claims", "scopes", "machine", "revocation", "certificate", "possession", "Config.Check", "requirement",
}

// trace records how far a decision came. Only Explain has one.
type trace struct {
	at     check
	size   int // of the token, in bytes
	header jose.Header
	claims strictjson.Object
	token  *token // whose signature was verified; nil before
}

// reach records that a check begins. It costs one comparison in a decision without a
// trace.
func (d *decision) reach(c check) {
	if d.trace != nil {
		d.trace.at = c
	}
}

// read records what a token says of itself.
func (d *decision) read(raw string, parsed jose.Token, claims strictjson.Object) {
	if d.trace != nil {
		d.trace.size, d.trace.header = len(raw), parsed.Header
		d.trace.claims = append(d.trace.claims, claims...)
	}
}

// steps returns every check of a decision that has ended.
func (v *Verifier) steps(d *decision) []Step {
	steps := make([]Step, 0, checksEnd)
	for c := range checksEnd {
		if c == checkRevoked && v.revocations() == nil || c == checkConfigured && (v.isUnmade() || v.cfg.Check == nil) ||
			c == checkLife && d.issuer != nil && d.issuer.MaxTokenLife == 0 ||
			c >= checkAlgorithm && c <= checkSignature && d.issuer != nil && d.issuer.Introspect != nil {
			continue
		}
		s := Step{Check: checkNames[c], Outcome: Passed}
		switch {
		case d.err == nil || c < d.trace.at:
			s.Detail = v.found(d, c)
		case c == d.trace.at:
			s.Outcome, s.Reason = Failed, d.err.Reason
			if d.err.Err != nil && d.err.Err.Error() != string(s.Reason) {
				s.Detail = d.err.Err.Error()
			}
		default:
			s.Outcome = NotReached
		}
		steps = append(steps, s)
	}
	return steps
}

// found describes what a check that was passed has found.
func (v *Verifier) found(d *decision, c check) string {
	claim := func(name string) string {
		v, _ := d.trace.claims.Get(name)
		return describe(v)
	}
	switch c {
	case checkCredential:
		return string(d.scheme)
	case checkSize:
		return fmt.Sprintf("%d bytes", d.trace.size)
	case checkIssuer:
		if _, named := d.trace.claims.Get("iss"); !named { // chosen by its trust domain
			return "sub " + claim("sub")
		}
		return claim("iss")
	case checkAudience:
		name, value := claims{d.trace.claims, d.issuer}.first(d.issuer.AudienceClaims)
		return name + " " + describe(value)
	case checkExpiry:
		if exp, ok := d.trace.claims.Get("exp"); ok {
			if t, err := date("exp", exp); err == nil {
				return "exp " + when(t, v.cfg.Now())
			}
		}
	case checkType:
		if !d.trace.header.HasType {
			return "none"
		}
		return excerpt(d.trace.header.Type)
	case checkAlgorithm:
		return d.trace.header.Algorithm
	case checkKey:
		return excerpt(d.trace.header.KeyID)
	}
	t := d.trace.token
	if t == nil {
		return ""
	}
	switch c {
	case checkClientID:
		return excerpt(t.client.ID)
	case checkScopeClaim:
		return grantedText(t.client.Scopes)
	case checkPossession:
		var bound []string
		if t.bound.certificate != nil {
			bound = append(bound, "a certificate")
		}
		if t.bound.key != "" {
			bound = append(bound, "a DPoP key")
		}
		if bound == nil {
			return "the token is bound to nothing"
		}
		return "the token is bound to " + strings.Join(bound, " and ")
	}
	return ""
}
