package jose

import (
	"strings"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// EmbeddedKey returns the public key in the "jwk" member of t's header (RFC 7515
// §4.1.3). Nothing vouches for that key: only a proof of possession (RFC 9449) may
// be verified under it. The error is of kind [ErrMalformed]. A symmetric key, and
// one with its private part, is refused.
func (t Token) EmbeddedKey() (*Key, error) {
	text, err := decodeText(t.header)
	if err != nil {
		return nil, err
	}
	members, err := strictjson.Parse(text, strictjson.Limits{Depth: headerDepth, Members: maxEmbedded}, nil)
	if err != nil {
		return nil, &tokenError{kind: ErrMalformed, text: "header: " + err.Error()}
	}
	v, ok := members.Get("jwk")
	if !ok {
		return nil, &tokenError{kind: ErrMalformed, text: `"jwk" is missing`}
	}
	jwk, ok := v.Object()
	if !ok {
		return nil, &tokenError{kind: ErrMalformed, text: `"jwk" is not an object`}
	}
	symmetric := isSymmetric(jwk)
	if jwk = withoutEmpty(jwk); symmetric || isSecret(jwk) {
		return nil, &tokenError{kind: ErrMalformed, text: `"jwk" holds a secret, so it is compromised`}
	}
	key, bad := parseKey(jwk, Options{})
	if bad != nil {
		return nil, &tokenError{kind: ErrMalformed, text: `"jwk": ` + bad.reason}
	}
	return key, nil
}

const maxEmbedded = 64 // members of the header, those of the key included

// HeaderText returns a copy of the first segment of t, as it was sent. It does not
// keep the token in memory.
func (t Token) HeaderText() string { return strings.Clone(t.header) }
