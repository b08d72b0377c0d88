package verifier

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// isB64Token reports whether raw has the syntax of a token (RFC 6750 §2.1).
func isB64Token(raw string) bool {
	text := strings.TrimRight(raw, "=")
	for i := range len(text) {
		c := text[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return text != ""
}

// hasJOSEForm reports whether raw begins like a JWS or JWE: a JSON object in base64,
// and a dot. Such a text is never sent to an authority, unless it is a JWT of its own.
// It may be malformed, or come from elsewhere.
func hasJOSEForm(raw string) bool {
	header, _, found := strings.Cut(raw, ".")
	if !found {
		return false
	}
	header = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(header, "="))
	text, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil || !utf8.Valid(text) {
		return false
	}
	trimmed := strings.TrimSpace(string(text))
	return strings.HasPrefix(trimmed, "{") && strings.HasSuffix(trimmed, "}")
}
