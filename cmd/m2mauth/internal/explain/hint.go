package explain

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hints"
	"github.com/m2mauth/m2mauth/verifier"
)

// hint returns how such a refusal is usually fixed, or "": what only the whole token
// or the key set tells, and otherwise what a service would log.
func (s *subject) hint() string {
	e := s.refusal()
	if e == nil {
		return ""
	}
	if own := s.ownHint(e.Reason); own != "" {
		return tidy(own)
	}
	return tidy(hints.Of(verifier.Decision{Issuer: s.Issuer, Client: s.Client, Need: s.Need, Reason: e.Reason, Err: s.Err}))
}

// ownHint returns the hint that a service could not give, or "".
func (s *subject) ownHint(reason verifier.Reason) string {
	switch reason {
	case verifier.Malformed:
		return s.hintForm()
	case verifier.Audience, verifier.TokenType, verifier.NotMachine:
		return personMark(s.claims())
	case verifier.ClientIDMissing:
		return clientIDElsewhere(s.claims())
	case verifier.KeyUnusable, verifier.KeysUnavailable:
		return s.hintKey()
	}
	return ""
}

// hintForm tells other texts than signed tokens apart, by the number of their segments.
func (s *subject) hintForm() string {
	switch strings.Count(s.token, ".") {
	case 0:
		return "an opaque token, which only the authority can verify, or no token at all: request a JWT access token"
	case 4:
		return "a token with five segments is encrypted (JWE), and only its addressee can read it: request a signed one"
	}
	return "a signed token has three segments, and this one was cut or altered: copy it again, as one line"
}

// hintKey names the problem of the key that the token names, or of all keys.
func (s *subject) hintKey() string {
	var header struct{ Kid string }
	_ = json.Unmarshal(s.segment(0), &header)
	i := slices.IndexFunc(s.problems, func(p verifier.KeyProblem) bool { return p.KeyID == header.Kid })
	switch {
	case header.Kid != "" && i >= 0:
	case !s.hasKeys && len(s.problems) > 0:
		return "the key set was fetched, and none of its keys can be used: " + s.problems[0].Text
	default:
		return ""
	}
	return "the key is published and can't be used: " + s.problems[i].Text
}

// segment returns the decoded segment of a token, or nil.
func (s *subject) segment(i int) []byte {
	parts := strings.Split(s.token, ".")
	if len(parts) != 3 {
		return nil
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[i])
	return text
}

// claims returns the claims of the token, for hints alone: they may be unverified.
func (s *subject) claims() (claims map[string]json.RawMessage) {
	_ = json.Unmarshal(s.segment(1), &claims)
	return claims
}

// personMark returns a hint if a claim marks the token as a person's, or "".
func personMark(claims map[string]json.RawMessage) string {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "auth_time"} {
		if _, present := claims[name]; present {
			return "it looks like an ID token, because it has the claim " + name + ": send the access token"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if strings.HasPrefix(name, "https://stytch.com/") {
			return "it is a person's session token: a machine requests its own with the client-credentials grant"
		}
	}
	var audience string
	if json.Unmarshal(claims["aud"], &audience) != nil {
		var list []string
		if json.Unmarshal(claims["aud"], &list) != nil || len(list) != 1 {
			return ""
		}
		audience = list[0]
	}
	for _, name := range []string{"azp", "client_id", "cid", "sub"} {
		if id, err := textOf(claims[name]); err == nil && id == audience {
			return "its audience is the client itself, as in ID tokens: send the access token"
		}
	}
	return ""
}

// clientIDElsewhere names a common claim for client IDs that the token has.
func clientIDElsewhere(claims map[string]json.RawMessage) string {
	for _, name := range []string{"client_id", "azp", "cid", "appid", "sub"} {
		if id, err := textOf(claims[name]); err == nil && id != "" {
			return name + " may hold it at this authority: see Issuer.ClientIDClaims (-client-id-claims)"
		}
	}
	return ""
}

var errNoText = errors.New("no text")

func textOf(raw json.RawMessage) (text string, err error) {
	if raw == nil {
		return "", errNoText
	}
	err = json.Unmarshal(raw, &text)
	return text, err
}
