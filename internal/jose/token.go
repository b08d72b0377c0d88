// Package jose reads compact JWS tokens (RFC 7515) and JSON Web Key Sets
// (RFC 7517), and checks signatures. It is the only package that imports jwx,
// and no jwx type leaves it.
//
// Errors quote nothing of a token.
package jose

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// The kinds of error that [ParseToken] and [Token.Verify] return.
var (
	ErrMalformed = errors.New("malformed token")
	ErrAlgorithm = errors.New("algorithm not accepted")
	ErrKeyID     = errors.New("malformed key ID")
	ErrExtension = errors.New("header extension not supported")
	ErrSignature = errors.New("signature does not match")
)

// tokenError is one of the kinds above, with what exactly is wrong.
type tokenError struct {
	kind error
	text string
}

func (e *tokenError) Error() string { return e.kind.Error() + ": " + e.text }
func (e *tokenError) Unwrap() error { return e.kind }

const maxKeyID = 256 // bytes

var (
	headerLimits  = strictjson.Limits{Depth: 4, Members: 256}
	payloadLimits = strictjson.Limits{Depth: 16, Members: 256}
)

// Header is what the header of a token says, as far as it matters here. The
// members jwk, jku, x5u and x5c are never read: a key comes from the issuer's
// key set or not at all.
type Header struct {
	Algorithm string // by its canonical name
	KeyID     string // "" if there is none: an empty one is refused
	Type      string
	HasType   bool
}

// Token is a compact JWS, taken apart but not verified.
type Token struct {
	Header  Header
	Payload string            // the JSON that was signed
	Claims  strictjson.Object // its members

	signed    string // what the signature covers (RFC 7515 §5.2)
	signature string // base64url
}

// ParseToken takes a compact JWS apart. Its cost is linear in the token's
// length, which the caller bounds.
func ParseToken(compact string) (Token, error) {
	header, rest, ok := strings.Cut(compact, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.IndexByte(signature, '.') >= 0 {
		return Token{}, &tokenError{ErrMalformed, "not three segments"}
	}
	t := Token{
		signed:    compact[:len(header)+1+len(payload)],
		signature: signature,
	}
	if !isBase64URL(header) || !isBase64URL(payload) || !isBase64URL(signature) {
		return Token{}, &tokenError{ErrMalformed, "a segment is empty or not base64url"}
	}
	head, err := decodeSegment(header)
	if err != nil {
		return Token{}, err
	}
	members, err := strictjson.Parse(head, headerLimits, make([]strictjson.Member, 0, 4))
	if err != nil {
		return Token{}, &tokenError{ErrMalformed, "header: " + err.Error()}
	}
	if t.Header, err = readHeader(members); err != nil {
		return Token{}, err
	}
	if t.Payload, err = decodeSegment(payload); err != nil {
		return Token{}, err
	}
	if t.Claims, err = strictjson.Parse(t.Payload, payloadLimits, make([]strictjson.Member, 0, 16)); err != nil {
		return Token{}, &tokenError{ErrMalformed, "payload: " + err.Error()}
	}
	// The signature's last character, too, has one spelling only.
	if _, err := decodeSegment(signature); err != nil {
		return Token{}, err
	}
	return t, nil
}

func readHeader(members strictjson.Object) (Header, error) {
	var h Header
	hasAlgorithm := false
	for _, m := range members {
		text, isText := m.Value.Text()
		switch m.Name {
		case "alg":
			if h.Algorithm, hasAlgorithm = CanonicalAlgorithm(text); !hasAlgorithm {
				return Header{}, &tokenError{ErrAlgorithm, "not an asymmetric signature algorithm"}
			}
		case "kid":
			if !isText || text == "" || len(text) > maxKeyID {
				return Header{}, &tokenError{ErrKeyID, `"kid" is not a string of 1 to 256 bytes`}
			}
			h.KeyID = text
		case "typ":
			if !isText {
				return Header{}, &tokenError{ErrMalformed, `"typ" is not a string`}
			}
			h.Type, h.HasType = text, true
		case "cty":
			// A nested JWT (RFC 7519 §5.2): what was signed is no claims set.
			if !isText || strings.EqualFold(text, "JWT") || strings.EqualFold(text, "application/jwt") {
				return Header{}, &tokenError{ErrExtension, `"cty"`}
			}
		case "crit", "b64", "zip", "enc":
			return Header{}, &tokenError{ErrExtension, `"` + m.Name + `"`}
		}
	}
	if !hasAlgorithm {
		return Header{}, &tokenError{ErrAlgorithm, `"alg" is missing`}
	}
	return h, nil
}

// isBase64URL looks at the alphabet alone. It comes before decoding, because
// encoding/base64 skips CR and LF, even in its Strict mode.
func isBase64URL(segment string) bool {
	for i := range len(segment) {
		if c := segment[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return segment != ""
}

// strictBase64 refuses padding, and bits behind the last byte that are not
// zero: each octet sequence has exactly one encoding.
var strictBase64 = base64.RawURLEncoding.Strict()

func decodeSegment(segment string) (string, error) {
	b, err := strictBase64.DecodeString(segment)
	if err != nil {
		return "", &tokenError{ErrMalformed, "a segment is not strict base64url"}
	}
	return string(b), nil
}
