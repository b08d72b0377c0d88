// Package jose parses compact JWS tokens (RFC 7515) and JSON Web Key Sets
// (RFC 7517), and verifies signatures. It imports jwx for the keys, and no jwx
// type leaves it.
//
// No error quotes a token.
package jose

import (
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

// tokenError is one of the kinds above, with a detail, and with the value of the
// header member that is wrong, if it is one.
type tokenError struct {
	kind  error
	text  string
	found strictjson.Value
}

func (e *tokenError) Error() string { return e.kind.Error() + ": " + e.text }
func (e *tokenError) Unwrap() error { return e.kind }

// Found returns the value of the header member that err, an error of ParseToken,
// refuses. It is the zero Value if err is about something else. The sender wrote
// the value: quote and cut it before it is shown.
func Found(err error) strictjson.Value {
	if e, ok := errors.AsType[*tokenError](err); ok {
		return e.found
	}
	return strictjson.Value{}
}

const maxKeyID = 256 // bytes

const (
	headerDepth  = 4
	payloadDepth = 16
)

// Header holds the members of a token's header that matter. jwk, jku, x5u and x5c
// are never read, because keys come from the issuer's key set alone.
type Header struct {
	Algorithm string // the canonical name
	KeyID     string // "" without "kid"; an empty "kid" is refused
	Type      string
	HasType   bool
}

// Token holds the texts of a compact JWS that was parsed, but not verified.
type Token struct {
	Header  Header
	Payload string // the JSON that was signed

	header string // the segment
	known  bool   // the Headers of ParseToken hold it
	signed string // the text that the signature covers (RFC 7515 §5.2)
}

// Parts holds the decoded claims and signature of a Token. It is valid until the
// Buffers of ParseToken are reused.
type Parts struct {
	Claims    strictjson.Object // the members of the payload
	signature []byte
}

// Buffers provides memory for the Parts of an ordinary token. Callers keep it on
// their stack, so that a refused token costs little garbage. Do not add
// longer-lived fields to Parts: escape analysis would move the Buffers to the
// heap.
type Buffers struct {
	claims    [16]strictjson.Member
	signature [512]byte // of a 4096-bit RSA key
}

// ParseToken parses a compact JWS, without verifying it. It refuses a header or
// payload with more than the given number of members, including those of nested
// objects. If headers is not nil, a header that it holds is not decoded again. If
// buf is nil, ParseToken allocates Buffers. The cost is linear in the token's
// length, which the caller bounds. The error is of kind [ErrMalformed],
// [ErrAlgorithm], [ErrKeyID] or [ErrExtension].
func ParseToken(compact string, members int, headers *Headers, buf *Buffers) (t Token, parts Parts, err error) {
	if buf == nil {
		buf = new(Buffers)
	}
	header, rest, ok := strings.Cut(compact, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.IndexByte(signature, '.') >= 0 {
		return Token{}, Parts{}, errSegments
	}
	if header == "" || payload == "" || signature == "" {
		return Token{}, Parts{}, errEmpty
	}
	t.header, t.signed = header, compact[:len(header)+1+len(payload)]
	if t.Header, t.known = headers.get(header); !t.known {
		if t.Header, err = parseHeader(header, members); err != nil {
			return Token{}, Parts{}, err
		}
	}
	if t.Payload, err = decodeText(payload); err != nil {
		return Token{}, Parts{}, err
	}
	if parts.Claims, err = strictjson.Parse(t.Payload, strictjson.Limits{Depth: payloadDepth, Members: members}, buf.claims[:]); err != nil {
		return Token{}, Parts{}, &tokenError{kind: ErrMalformed, text: "payload: " + err.Error()}
	}
	if parts.signature, err = DecodeBase64URL(buf.signature[:0], signature); err != nil {
		return Token{}, Parts{}, err
	}
	return t, parts, nil
}

func parseHeader(segment string, most int) (Header, error) {
	text, err := decodeText(segment)
	if err != nil {
		return Header{}, err
	}
	var buf [8]strictjson.Member
	members, err := strictjson.Parse(text, strictjson.Limits{Depth: headerDepth, Members: most}, buf[:])
	if err != nil {
		return Header{}, &tokenError{kind: ErrMalformed, text: "header: " + err.Error()}
	}
	return readHeader(members)
}

func readHeader(members strictjson.Object) (Header, error) {
	var h Header
	hasAlgorithm := false
	for _, m := range members {
		text, isText := m.Value.Text()
		switch m.Name {
		case "alg":
			if h.Algorithm, hasAlgorithm = CanonicalAlgorithm(text); !hasAlgorithm {
				return Header{}, &tokenError{ErrAlgorithm, `"alg" is not an asymmetric signature algorithm`, m.Value}
			}
		case "kid":
			if !isText || text == "" || len(text) > maxKeyID {
				return Header{}, &tokenError{ErrKeyID, `"kid" is not a string of 1 to 256 bytes`, m.Value}
			}
			h.KeyID = text
		case "typ":
			if !isText {
				return Header{}, &tokenError{ErrMalformed, `"typ" is not a string`, m.Value}
			}
			h.Type, h.HasType = text, true
		case "cty":
			// A nested JWT (RFC 7519 §5.2): the payload is no claims set.
			if !isText || strings.EqualFold(text, "JWT") || strings.EqualFold(text, "application/jwt") {
				return Header{}, &tokenError{kind: ErrExtension, text: `"cty"`}
			}
		case "crit", "b64", "zip", "enc":
			return Header{}, &tokenError{kind: ErrExtension, text: `"` + m.Name + `"`}
		}
	}
	if !hasAlgorithm {
		return Header{}, &tokenError{kind: ErrAlgorithm, text: `"alg" is missing`}
	}
	return h, nil
}

var (
	errSegments  = &tokenError{kind: ErrMalformed, text: "not three segments"}
	errEmpty     = &tokenError{kind: ErrMalformed, text: "a segment is empty"}
	errNotStrict = &tokenError{kind: ErrMalformed, text: "a segment is not strict base64url"}
)

// decodeText decodes a segment into a new string.
func decodeText(segment string) (string, error) {
	var buf [1024]byte // an ordinary segment is copied once, into the string
	b, err := DecodeBase64URL(buf[:0], segment)
	if err != nil {
		return "", err
	}
	return string(b), nil
}
