package verifier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// bearerSlack is how much longer a credential may be than its token: room for the
// scheme and some spaces.
const bearerSlack = 64

// bearerToken returns the token in the values of the Authorization header or
// metadata key (RFC 6750 §2.1). It is the only source of tokens: a query, a body
// and a cookie are never read.
func bearerToken(values []string, maxToken int) (string, *Error) {
	if len(values) == 0 {
		return "", refuse(NoCredentials, CredentialsMissing)
	}
	if len(values) > 1 {
		// A server before this one may have read the other value.
		n := len(values)
		return "", refuseWith(InvalidRequest, CredentialsMultiple, cause(func() string { return fmt.Sprintf("found %d Authorization values, want 1", n) }))
	}
	value := values[0]
	// Read only as much as a credential may have: gRPC accepts up to 16 MiB.
	start := value[:min(len(value), maxToken+bearerSlack)]
	scheme := start[:schemeLen(start)]
	isBearer := strings.EqualFold(scheme, "Bearer") // ASCII only, by schemeLen
	if len(start) < len(value) {
		if isBearer {
			return "", refuseWith(InvalidToken, TooLarge, tooLong(len(value)-len(scheme)-1, maxToken))
		}
		return "", refuseWith(NoCredentials, SchemeUnsupported, errScheme(scheme))
	}
	rest := value[len(scheme):]
	switch {
	case value == "":
		return "", refuseWith(InvalidRequest, CredentialsMalformed, errEmptyCredential)
	case !printable(value):
		return "", refuseWith(InvalidRequest, CredentialsMalformed, errUnprintable)
	case scheme == "" || rest != "" && rest[0] != ' ':
		return "", refuseWith(InvalidRequest, CredentialsMalformed, errNoScheme)
	case !isBearer:
		return "", refuseWith(NoCredentials, SchemeUnsupported, errScheme(scheme))
	}
	token := strings.TrimLeft(rest, " ")
	switch {
	case token == "":
		return "", refuseWith(InvalidRequest, CredentialsMalformed, errNoToken)
	case strings.IndexByte(token, ' ') >= 0 || strings.IndexByte(token, ',') >= 0:
		return "", refuseWith(InvalidRequest, CredentialsMalformed, errSeveral)
	}
	return token, nil
}

// The causes of CredentialsMalformed.
var (
	errEmptyCredential = errors.New(`the Authorization value is empty, want "Bearer" and a token`)
	errUnprintable     = errors.New("the Authorization value holds a tab, a control or a non-ASCII character, want printable ASCII")
	errNoScheme        = errors.New(`the Authorization value does not begin with a scheme, want "Bearer", a space and a token`)
	errNoToken         = errors.New(`nothing follows the scheme, want "Bearer", a space and a token`)
	errSeveral         = errors.New("the token holds a space or a comma, want one token")
)

// knownSchemes holds the schemes of IANA's registry, and some that are in wide
// use. Any other text is not repeated in an error: a client that forgets the
// scheme has its token or password there.
var knownSchemes = []string{"Basic", "Concealed", "Digest", "DPoP", "GNAP", "HOBA", "Mutual", "Negotiate", "OAuth", "PrivateToken",
	"SCRAM-SHA-1", "SCRAM-SHA-256", "vapid", "NTLM", "AWS4-HMAC-SHA256", "ApiKey", "Hawk", "JWT", "Token"}

// errScheme is the cause of SchemeUnsupported.
func errScheme(scheme string) error {
	i := slices.IndexFunc(knownSchemes, func(known string) bool { return strings.EqualFold(known, scheme) })
	if i < 0 {
		return errOtherScheme
	}
	return cause(func() string { return `the scheme is "` + knownSchemes[i] + `", want "Bearer"` })
}

var errOtherScheme = errors.New(`the Authorization value does not begin with "Bearer" and a space`)

// schemeLen returns the length of the auth-scheme at the start of value
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

// plainBearer returns the text after "Bearer ", unchecked, if there is exactly
// one value with that prefix, and otherwise "". Nearly all clients write the
// credential in this form.
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

// printable reports whether value consists of visible ASCII characters and
// spaces. It examines eight bytes at a time.
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
