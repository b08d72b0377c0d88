package main

import (
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/verifier"
)

// hint returns the common mistake that the refusal looks like, or "".
func (s *subject) hint(c check) string {
	switch c {
	case checkSize:
		return "access tokens have a few hundred bytes: is this a different text?"
	case checkCredential:
		return "write one token, without quotes and line breaks"
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
		return "the clocks of the authority and of this machine differ: correct them, or allow more with -leeway"
	case checkType:
		return s.hintType()
	case checkAlgorithm:
		return "the authority signs with another algorithm than the configured ones: see Issuer.Algorithms and the key's alg"
	case checkKey:
		return s.hintKey()
	case checkSignature:
		return "the token was altered or cut, or another authority has a key with this ID: is it the right key set?"
	case checkClientID:
		return s.hintClientID()
	case checkMachine:
		return s.hintMachine()
	case checkClaims, checkBinding:
		if _, bound := s.shown.claims["cnf"]; bound && s.refusal.Reason == verifier.Bound {
			return "the token is bound to a certificate or key (RFC 8705, RFC 9449), which this command can't present"
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
		return "an opaque token, which only the authority can verify, or no token at all: request a JWT access token"
	case 2:
		return "the token was cut or altered: copy it again, as one line"
	case 4:
		return "a token with five segments is encrypted (JWE), and only its addressee can read it: request a signed one"
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
		return "it is signed with a shared secret, so every service that knows it could issue tokens: have the authority sign with RS256"
	}
	return "anyone can make a token without a proper signature"
}

func (s *subject) hintAudience() string {
	list := s.shown.list(s.shown.first(s.issuer.AudienceClaims))
	if mark := s.personMark(); mark != "" {
		return mark
	}
	for _, claim := range []string{"azp", "client_id", "cid", "sub"} {
		if id := s.shown.text(claim); id != "" && slices.Contains(list, id) {
			return "its audience is the client itself, as in ID tokens: send the access token"
		}
	}
	for _, audience := range list {
		if near := hintNear("audience", audience, s.issuer.Audiences); near != "" {
			return near
		}
	}
	return "the client requested a token for another service, or for none: request one for this service"
}

// hintNear returns a hint if a configured name differs from the token's in a way
// that is easily overlooked.
func hintNear(what, got string, configured []string) string {
	if hint := hints.Near(what, got, configured); hint != "" || what != "issuer" {
		return hint
	}
	return "another authority, tenant or environment issued it, or the configured name is wrong"
}

func (s *subject) hintTimes() string {
	if _, present := s.shown.claims["exp"]; !present {
		return "tokens without exp are never accepted: have the authority set it"
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if raw := string(s.shown.claims[name]); len(raw) == 13 && strings.Trim(raw, "0123456789") == "" {
			return name + " is in milliseconds, and must be in seconds"
		}
	}
	return ""
}

func (s *subject) hintExpiry() string {
	const skewed = 5 * time.Minute
	if s.refusal.Reason == verifier.TooOld {
		return "the token is older than MaxTokenAge: request a new one"
	}
	if exp, ok := s.shown.time("exp"); ok && s.now.Sub(exp) < skewed {
		return "request a new token before the old one expires; if it was new, the clocks differ: correct them, or allow more with -leeway"
	}
	return "request a new token before the old one expires"
}

func (s *subject) hintType() string {
	if _, present := s.shown.header["typ"]; !present {
		return `the authority sets no typ: if its ID tokens differ in another way, add "" to Issuer.TokenTypes`
	}
	if mark := s.personMark(); mark != "" {
		return mark
	}
	return "it is not an access token"
}

func (s *subject) hintKey() string {
	switch s.refusal.Reason {
	case verifier.KeyUnknown:
		return "another authority, tenant or environment issued it, its keys are published elsewhere, or the key was removed"
	case verifier.KeyUnusable:
		if p, ok := s.problem(); ok {
			return "the key is published and can't be used: " + p.Text
		}
		return "the key is published and can't be used"
	case verifier.KeysUnavailable:
		if len(s.keys) > 0 {
			return "the key is not published, but the token is so new that the key may follow: try again in a minute"
		}
		if p, ok := s.problem(); ok {
			return "the key set was fetched, and the token's key can't be used: " + p.Text
		}
		if len(s.problems) > 0 {
			return "the key set was fetched, and none of its keys can be used: see above"
		}
		return "the keys can't be fetched: check the address and the network; a service would answer 503, and not refuse the token"
	case verifier.KeyID:
		return "without a kid exactly one key must fit: have the authority set it"
	}
	return ""
}

// problem returns the problem of the key that the token names.
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
			return name + " may hold it at this authority: see Issuer.ClientIDClaims"
		}
	}
	return ""
}
