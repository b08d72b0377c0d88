package hostile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// structure are tokens that are no JWS in compact form (RFC 7515 §7.1), or not
// in the one form that base64url has (RFC 4648 §3.5).
func (m *maker) structure() []Credential {
	token := m.token(nil)
	parts := strings.Split(token, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	encrypted := func(name, header string) Credential {
		return bearer(name, encode([]byte(header))+".AA.AA.AA.AA")
	}
	return slices.Concat(
		invalid(verifier.Malformed,
			bearer("one segment", parts[0]),
			bearer("two segments", join(parts[:2]...)),
			bearer("four segments", token+".AA"),
			bearer("five segments, as in JWE", token+".AA.AA"),
			bearer("only dots", ".."),
			bearer("header empty", join("", parts[1], parts[2])),
			bearer("payload empty", join(parts[0], "", parts[2])),
			bearer("signature stripped", join(parts[0], parts[1], "")),
			bearer("padding in the header", join(parts[0]+"=", parts[1], parts[2])),
			bearer("padding in the payload", join(parts[0], parts[1]+"==", parts[2])),
			bearer("padding", token+"="),
			bearer("+ for a letter", strings.Replace(token, "ey", "+y", 1)),
			bearer("/ for a letter", strings.Replace(token, "ey", "/y", 1)),
			bearer("+ and / of the other alphabet", m.otherAlphabet()),
			bearer("percent-encoded dots", strings.ReplaceAll(token, ".", "%2e")),
			bearer("non-zero trailing bits in the header", m.looseBits(0)),
			bearer("non-zero trailing bits in the payload", m.looseBits(1)),
			encrypted("a JWE", `{"alg":"RSA-OAEP","enc":"A256GCM"}`),
			encrypted("a JWE, compressed", `{"alg":"dir","enc":"A256GCM","zip":"DEF"}`),
			encrypted("a JWE with two thousand million rounds", `{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2000000000,"p2s":"AA"}`),
			bearer("a JWE with an empty key", encode([]byte(`{"alg":"A128KW","enc":"A256GCM"}`))+"..AA.AA.AA"),
		),
		invalid(verifier.Malformed, m.looseSignature()...),
		refused(verifier.InvalidRequest, verifier.CredentialsMalformed,
			bearer("JSON serialization", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])),
			bearer("line feed inside", token[:len(token)-8]+"\n"+token[len(token)-8:]),
			bearer("carriage return inside", token[:8]+"\r"+token[8:]),
		),
	)
}

// documents are tokens whose header or payload is ambiguous or no JSON object
// (RFC 7515 §4, RFC 8725 §2.4), with a good signature over it.
func (m *maker) documents() []Credential {
	payload := func(name, text string) Credential {
		return m.changed(name, func(s *spec) { s.RawPayload = text })
	}
	header := func(name, text string) Credential {
		return m.changed(name, func(s *spec) { s.RawHeader = text })
	}
	// renamed writes a claim's name in other letters: encoding/json would read it.
	renamed := func(claim, as string) Credential {
		return payload(as+" for "+claim, strings.Replace(m.payload, `"`+claim+`":`, `"`+as+`":`, 1))
	}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	var many strings.Builder
	for i := range 5000 { // exceeds one per 16 bytes of the largest MaxTokenBytes
		fmt.Fprintf(&many, `"x%d":0,`, i)
	}
	claims, members := m.payload[1:], m.header[1:] // without the brace
	return slices.Concat(
		invalid(verifier.Malformed,
			payload("payload no object", "["+m.payload+"]"),
			payload("payload no JSON", "hello"),
			payload("payload null", "null"),
			payload("payload with trailing bytes", m.payload+"x"),
			payload("two payloads", m.payload+m.payload),
			payload("byte order mark", "\ufeff"+m.payload),
			payload("invalid UTF-8", "{\"x\":\"\xff\","+claims),
			payload("lone surrogate", `{"x":"\ud800",`+claims),
			payload("duplicate claim", `{"aud":"other",`+claims),
			payload("duplicate claim, escaped", `{"\u0061ud":"other",`+claims),
			payload("duplicate claim, nested", `{"x":[{"a":1,"a":2}],`+claims),
			payload("payload nested 17 deep", `{"x":`+nested(16)+","+claims),
			payload("payload nested 40 deep", `{"x":`+nested(39)+","+claims),
			header("header no object", "["+m.header+"]"),
			header("header null", "null"),
			header("header with trailing bytes", m.header+"x"),
			header("two headers", m.header+`{"alg":"none"}`),
			header("byte order mark in the header", "\ufeff"+m.header),
			header("invalid UTF-8 in the header", "{\"x\":\"\xff\","+members),
			header("lone surrogate in the header", `{"x":"\udc00",`+members),
			header("duplicate header member", `{"alg":"none",`+members),
			header("duplicate header member, escaped", `{"\u0061lg":"none",`+members),
			header("header nested 5 deep", `{"x":`+nested(4)+","+members),
		),
		invalid(verifier.TooLarge,
			payload("5,000 claims", "{"+many.String()+claims),
			header("5,000 header members", "{"+many.String()+members),
		),
		invalid(verifier.Algorithm,
			header("ALG for alg", strings.Replace(m.header, `"alg":`, `"ALG":`, 1)),
		),
		invalid(verifier.UnknownIssuer, renamed("iss", "ISS")),
		invalid(verifier.Audience, renamed("aud", "Aud")),
		invalid(verifier.ClaimMalformed, renamed("exp", "EXP")),
		invalid(verifier.ClientIDMissing, renamed("sub", "Sub")),
	)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// looseBits returns a token with a segment whose last character has bits that
// do not count. A lax decoder reads it as the signed segment.
func (m *maker) looseBits(segment int) string {
	for fill := ""; ; fill += "x" {
		parts := strings.Split(m.token(func(s *spec) { s.Header["fill"], s.Claims["fill"] = fill, fill }), ".")
		if len(parts[segment])%4 != 0 {
			parts[segment] = loosened(parts[segment])
			return strings.Join(parts, ".")
		}
	}
}

// looseSignature returns the same for the signature. Those of some algorithms
// have no such bits.
func (m *maker) looseSignature() []Credential {
	parts := strings.Split(m.token(nil), ".")
	if len(parts[2])%4 == 0 {
		return nil
	}
	parts[2] = loosened(parts[2])
	return []Credential{bearer("non-zero trailing bits", strings.Join(parts, "."))}
}

func loosened(segment string) string {
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	return segment[:len(segment)-1] + string(alphabet[last|1])
}

// otherAlphabet returns a token in base64's standard alphabet.
func (m *maker) otherAlphabet() string {
	for fill := ""; ; fill += "x" {
		token := m.token(func(s *spec) { s.Claims["fill"], s.Claims["tilde"] = fill, "~~~???" })
		if other := strings.NewReplacer("-", "+", "_", "/").Replace(token); other != token {
			return other
		}
	}
}
