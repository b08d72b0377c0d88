// Package jose reads compact JWS tokens (RFC 7515) and JSON Web Key Sets
// (RFC 7517), and checks signatures. It is the only package that imports jwx,
// and no jwx type leaves it.
//
// Errors quote nothing of a token.
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

// tokenError is one of the kinds above, with what exactly is wrong, and the
// value that is, if it is a header member's.
type tokenError struct {
	kind  error
	text  string
	found strictjson.Value
}

func (e *tokenError) Error() string { return e.kind.Error() + ": " + e.text }
func (e *tokenError) Unwrap() error { return e.kind }

// Found returns the value of the header member that an error of ParseToken is
// about. It is the zero Value if there is none. The sender wrote it: quote it,
// and cut it.
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

// Header is what the header of a token says, as far as it matters here. The
// members jwk, jku, x5u and x5c are never read: a key comes from the issuer's
// key set or not at all.
type Header struct {
	Algorithm string // by its canonical name
	KeyID     string // "" if there is none: an empty one is refused
	Type      string
	HasType   bool
}

// Token is a compact JWS, taken apart but not verified: what is text of it.
type Token struct {
	Header  Header
	Payload string // the JSON that was signed

	header string // the segment
	known  bool   // to the Headers that ParseToken was given
	signed string // what the signature covers (RFC 7515 §5.2)
}

// Parts is what of a Token is no text. It is in the Buffers that ParseToken was
// given, and good for as long as they are not used again.
type Parts struct {
	Claims    strictjson.Object // the members of the payload
	signature []byte
}

// Buffers is memory for the Parts of an ordinary token. A caller has it on its
// stack, so that junk leaves nothing behind but texts. For that, nothing that
// outlives the call may be in the same struct as Parts: to the compiler the
// one would be where the other is.
type Buffers struct {
	claims    [16]strictjson.Member
	signature [512]byte // of a 4096-bit RSA key
}

// ParseToken takes a compact JWS apart. The cost is linear in the token's
// length, which the caller bounds. It refuses a header or payload of more than
// members members, those of nested objects included. headers, which may be nil,
// saves the work for a header text that is known to it, and buf may be nil as
// well.
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
			// A nested JWT (RFC 7519 §5.2): what was signed is no claims set.
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

// decodeText decodes a segment into a string of its own.
func decodeText(segment string) (string, error) {
	var buf [1024]byte // of an ordinary segment there is one copy, the string
	b, err := DecodeBase64URL(buf[:0], segment)
	if err != nil {
		return "", err
	}
	return string(b), nil
}
