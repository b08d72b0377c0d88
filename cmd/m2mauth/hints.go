package main

import (
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// hint says which of the usual mistakes it looks like, if any.
func (s *subject) hint(c check) string {
	switch c {
	case checkSize:
		return "access tokens have a few hundred bytes: is this something else?"
	case checkCredential:
		return "only one token, without quotes or a line break in it"
	case checkForm:
		return s.hintForm()
	case checkHeader:
		return s.hintHeader()
	case checkIssuer:
		return hintNear("issuer", s.shown.text("iss"), append([]string{s.issuer.Name}, s.issuer.Aliases...))
	case checkAudience:
		return s.hintAudience()
	case checkTimes:
		return s.hintTimes()
	case checkExpiry:
		return s.hintExpiry()
	case checkNotBefore, checkIssuedAt:
		return "the clocks of the authority and of this machine differ: mend the clock, or forgive more with -leeway"
	case checkType:
		return s.hintType()
	case checkAlgorithm:
		return "the authority signs with another algorithm than is expected of it: see Issuer.Algorithms and the key's alg"
	case checkKey:
		return s.hintKey()
	case checkSignature:
		return "the token was altered or cut, or another authority has a key of this ID: is it the right key set?"
	case checkClientID:
		return s.hintClientID()
	case checkMachine:
		return s.hintMachine()
	case checkClaims, checkBinding:
		if _, bound := s.shown.claims["cnf"]; bound && s.refusal.Reason == verifier.Bound {
			return "the token is bound to a certificate or key (RFC 8705, RFC 9449), which only the call itself proves"
		}
		return ""
	case checkScopes:
		return s.hintScopes()
	}
	return ""
}

func (s *subject) hintForm() string {
	switch s.dots {
	case 0:
		return "an opaque token, which only the authority can judge, or no token at all: ask for a JWT access token"
	case 2:
		return "the token was cut or altered: copy it again, as one line"
	case 4:
		return "five segments are an encrypted token (JWE), which only its addressee can read: ask for a signed one"
	}
	return "a signed token has three segments: copy it again, as one line"
}

func (s *subject) hintHeader() string {
	switch {
	case s.refusal.Reason == verifier.HeaderExtension:
		return "extensions change what a token means, so none is accepted"
	case s.refusal.Reason == verifier.KeyID:
		return ""
	case strings.HasPrefix(string(s.shown.header["alg"]), `"HS`):
		return "it is signed with a shared secret, with which every service could make tokens: let the authority sign with RS256"
	}
	return "a token without a proper signature could be anybody's"
}

func (s *subject) hintAudience() string {
	list := s.shown.list(s.shown.first(s.issuer.AudienceClaims))
	if mark := s.personMark(); mark != "" {
		return mark
	}
	for _, claim := range []string{"azp", "client_id", "cid", "sub"} {
		if id := s.shown.text(claim); id != "" && slices.Contains(list, id) {
			return "it is meant for the client itself, as ID tokens are: send the access token"
		}
	}
	for _, audience := range list {
		if near := hintNear("audience", audience, s.issuer.Audiences); near != "" {
			return near
		}
	}
	return "the client asked for a token for another service, or for none: name this one when asking for it"
}

// hintNear finds a configured name that differs from the token's in what is
// often overlooked. Names are compared exactly.
func hintNear(what, got string, configured []string) string {
	if got == "" {
		return ""
	}
	for _, want := range configured {
		switch {
		case got == want+"/":
			return "the token's " + what + " ends with a slash and the configured one does not: write it exactly as in the token"
		case got+"/" == want:
			return "the configured " + what + " ends with a slash and the token's does not: write it exactly as in the token"
		case strings.EqualFold(got, want):
			return "the names differ in upper and lower case: write it exactly as in the token"
		case bare(got) == bare(want):
			return "the names differ in http, https or the slash at the end: write it exactly as in the token"
		}
	}
	if what == "issuer" {
		return "another authority, tenant or environment issued it, or the configured name is wrong"
	}
	return ""
}

func bare(url string) string {
	url = strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
	return strings.TrimSuffix(url, "/")
}

func (s *subject) hintTimes() string {
	if _, present := s.shown.claims["exp"]; !present {
		return "a token that never expires is accepted by nobody: let the authority set exp"
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if raw := string(s.shown.claims[name]); len(raw) == 13 && strings.Trim(raw, "0123456789") == "" {
			return name + " is in milliseconds: it has to be in seconds"
		}
	}
	return ""
}

func (s *subject) hintExpiry() string {
	const skewed = 5 * time.Minute
	if s.refusal.Reason == verifier.TooOld {
		return "the token is older than this service admits: get a new one"
	}
	if exp, ok := s.shown.time("exp"); ok && s.now.Sub(exp) < skewed {
		return "get a new token, some time before the old one expires; if it was new, the clocks differ: mend them, or forgive more with -leeway"
	}
	return "get a new token, some time before the old one expires"
}

func (s *subject) hintType() string {
	if _, present := s.shown.header["typ"]; !present {
		return `the authority writes no typ: admit that with Issuer.TokenTypes {"", …}, if an ID token is told apart otherwise`
	}
	if mark := s.personMark(); mark != "" {
		return mark
	}
	return "another kind of token than an access token"
}

func (s *subject) hintKey() string {
	switch s.refusal.Reason {
	case verifier.KeyUnknown:
		return "another authority, tenant or environment issued it, its keys are published elsewhere, or this key was rotated out"
	case verifier.KeyUnusable:
		if p, ok := s.problem(); ok {
			return "the key is published and can't be used: " + p.Text
		}
		return "the key is published and can't be used"
	case verifier.KeysUnavailable:
		if len(s.keys) > 0 {
			return "the key is not among the published ones, and the token so new that it might still be to come: try again in a minute"
		}
		if p, ok := s.problem(); ok {
			return "the key set was fetched, and the token's key can't be used: " + p.Text
		}
		if len(s.problems) > 0 {
			return "the key set was fetched, and none of its keys can be used: see why"
		}
		return "the keys can't be had: look at the address and the network; a service would answer 503, and not refuse the token"
	case verifier.KeyID:
		return "without a kid there must be exactly one key that fits: let the authority write it"
	}
	return ""
}

// problem returns what is wrong with the key that the token names.
func (s *subject) problem() (verifier.KeyProblem, bool) {
	i := slices.IndexFunc(s.problems, func(p verifier.KeyProblem) bool { return p.KeyID == s.keyID() })
	if i < 0 {
		return verifier.KeyProblem{}, false
	}
	return s.problems[i], true
}

func (s *subject) hintClientID() string {
	for _, name := range []string{"client_id", "azp", "cid", "appid", "sub"} {
		if s.shown.text(name) != "" && !slices.Contains(s.issuer.ClientIDClaims, name) {
			return name + " may be what holds it at this authority: see Issuer.ClientIDClaims"
		}
	}
	return ""
}
