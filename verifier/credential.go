package verifier

import "strings"

// bearerSlack is what a credential may be longer than its token: the scheme
// and some spaces.
const bearerSlack = 64

// bearerToken finds the token in the values of the Authorization header or
// metadata key (RFC 6750 §2.1). Nothing else is ever looked at: no query, no
// body, no cookie.
func bearerToken(values []string, maxToken int) (string, *Error) {
	if len(values) == 0 {
		return "", refuse(NoCredentials, CredentialsMissing)
	}
	if len(values) > 1 {
		// Whichever of the two was taken, somebody on the path may have taken
		// the other.
		return "", refuse(InvalidRequest, CredentialsMultiple)
	}
	value := values[0]
	// A bounded part of it comes first: gRPC admits 16 MiB.
	start := value[:min(len(value), maxToken+bearerSlack)]
	scheme := start[:schemeLen(start)]
	isBearer := strings.EqualFold(scheme, "Bearer") // ASCII only, by schemeLen
	if len(start) < len(value) {
		if isBearer {
			return "", refuse(InvalidToken, TooLarge)
		}
		return "", refuse(NoCredentials, SchemeUnsupported)
	}
	rest := value[len(scheme):]
	if scheme == "" || !printable(value) || rest != "" && rest[0] != ' ' {
		return "", refuse(InvalidRequest, CredentialsMalformed)
	}
	if !isBearer {
		return "", refuse(NoCredentials, SchemeUnsupported)
	}
	token := strings.TrimLeft(rest, " ")
	if token == "" || strings.IndexByte(token, ' ') >= 0 || strings.IndexByte(token, ',') >= 0 {
		return "", refuse(InvalidRequest, CredentialsMalformed)
	}
	return token, nil
}

// schemeLen is the length of the auth-scheme that value begins with
// (RFC 9110 §11.1: a token).
func schemeLen(value string) int {
	for i := range len(value) {
		c := value[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return i
		}
	}
	return len(value)
}

// plainBearer is the token of a credential as nearly everybody writes it, not
// yet looked at, and "" for any other.
func plainBearer(values []string) string {
	if len(values) != 1 {
		return ""
	}
	token, _ := strings.CutPrefix(values[0], "Bearer ")
	if len(token) == len(values[0]) {
		return ""
	}
	return token
}

// printable reports whether value is of visible ASCII characters and spaces.
// It looks at eight bytes at a time.
func printable(value string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(value) >= 8; value = value[8:] {
		x := uint64(value[0]) | uint64(value[1])<<8 | uint64(value[2])<<16 | uint64(value[3])<<24 |
			uint64(value[4])<<32 | uint64(value[5])<<40 | uint64(value[6])<<48 | uint64(value[7])<<56
		// The high bit of a byte is set in x itself above 0x7f, in the
		// difference below ' ', and in the sum at 0x7f.
		if (x|(x-' '*ones)|(x+ones))&highs != 0 {
			return false
		}
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}
