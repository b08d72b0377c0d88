package main

import (
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// facts returns the token's value that a check reads, and the value that the
// configuration wants.
func (s *subject) facts(c check) (found, want string) {
	iss, t := &s.issuer, s.shown
	switch c {
	case checkSize:
		found, want = fmt.Sprintf("%d bytes", s.length), fmt.Sprintf("at most %d bytes", maxToken)
		if s.length >= maxInput {
			found += " or more"
		}
		return found, want
	case checkCredential:
		if s.refusal != nil && s.refusal.Code == verifier.InvalidRequest {
			return "other characters", "printable ASCII without spaces and commas"
		}
		return "one word", "printable ASCII without spaces and commas"
	case checkForm:
		return segments(s.dots + 1), "three segments of base64url, two of them JSON objects"
	case checkHeader:
		return "alg " + value(t.header["alg"]) + ", kid " + value(t.header["kid"]) + s.extensions(),
			"alg an asymmetric signature, kid a string, none of crit, b64, zip, enc"
	case checkIssuer:
		return value(t.claims["iss"]), configured(append([]string{iss.Name}, iss.Aliases...))
	case checkAudience:
		name := t.first(iss.AudienceClaims)
		if name == "" {
			return "no " + strings.Join(iss.AudienceClaims, " or "), configured(iss.Audiences)
		}
		return name + " " + value(t.claims[name]), configured(iss.Audiences)
	case checkTimes:
		return "exp " + value(t.claims["exp"]) + ", nbf " + value(t.claims["nbf"]) + ", iat " + value(t.claims["iat"]),
			"exp a number of seconds since 1970; so are nbf and iat, where present"
	case checkExpiry:
		want := "after " + s.clock()
		if iss.MaxTokenAge > 0 {
			want += fmt.Sprintf("; iat at most %v before it", iss.MaxTokenAge)
		}
		return t.moment("exp", s.now), want
	case checkNotBefore:
		return t.moment("nbf", s.now), "missing, or not after " + s.clock()
	case checkIssuedAt:
		return t.moment("iat", s.now), "missing, or not after " + s.clock()
	case checkType:
		return "typ " + value(t.header["typ"]), strings.ReplaceAll(configured(iss.TokenTypes), `""`, "missing")
	case checkAlgorithm:
		return "alg " + value(t.header["alg"]), configured(iss.Algorithms) + ", and the key's own"
	case checkKey:
		return "kid " + value(t.header["kid"]), s.published()
	case checkSignature:
		if s.refusal != nil && s.refusal.Reason == verifier.BadSignature {
			return "it does not match", "made with the key"
		}
		return "it matches", "made with the key"
	case checkClientID:
		name := t.first(iss.ClientIDClaims)
		if name == "" {
			return "no " + strings.Join(iss.ClientIDClaims, " or "), "a string"
		}
		return name + " " + value(t.claims[name]), "a string"
	default:
		return s.clientFacts(c)
	}
}

// clientFacts returns the facts of the checks after the signature.
func (s *subject) clientFacts(c check) (found, want string) {
	iss, t := &s.issuer, s.shown
	switch c {
	case checkClaims:
		found = "sub " + value(t.claims["sub"]) + ", jti " + value(t.claims["jti"])
		if name := t.first(iss.ScopeClaims); name != "" {
			found += ", " + name + " " + value(t.claims[name])
		}
		if cnf, present := t.claims["cnf"]; present {
			found += ", cnf " + value(cnf)
		}
		return found, "where present: sub and jti strings, scopes a string or a list of strings, cnf a certificate"
	case checkMachine:
		want := "missing, or the client ID"
		if iss.Accept != nil {
			want = "a value that the issuer accepts for machines"
		}
		return "sub " + value(t.claims["sub"]), want
	case checkBinding:
		return "cnf " + value(t.claims["cnf"]), "missing, because the command has no certificate to compare"
	default: // checkScopes
		granted := s.decision.Client.Scopes
		found = "none"
		if granted.Len() > 0 {
			var names []string
			for name := range granted.All() {
				names = append(names, name)
			}
			found = quoteList(names)
		}
		return found, requirement(s.need.String())
	}
}

func (s *subject) clock() string {
	return stamp(s.now) + ", give or take " + s.leeway.String()
}

// extensions returns the members of the header that are refused, for found.
func (s *subject) extensions() (found string) {
	for _, name := range []string{"crit", "b64", "zip", "enc", "cty"} {
		if raw, present := s.shown.header[name]; present {
			found += ", " + name + " " + value(raw)
		}
	}
	return found
}

func (s *subject) published() string {
	if len(s.keys) == 0 {
		return "a published key; there are none"
	}
	var ids []string
	for _, k := range s.keys {
		ids = append(ids, k.ID)
	}
	return "one of the published keys: " + quoteList(ids)
}

func segments(n int) string {
	if n == 1 {
		return "1 segment"
	}
	return fmt.Sprintf("%d segments", n)
}
