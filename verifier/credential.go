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

// scheme is the authentication scheme of a credential.
type scheme string

const (
	bearer    scheme = "Bearer" // RFC 6750
	dpopBound scheme = "DPoP"   // RFC 9449
)

// credential returns the token in a Request's credential, of which there must be
// exactly one, and its scheme. These fields are the only source of tokens: a query,
// a body and a cookie are never read.
func (v *Verifier) credential(r *Request) (token string, used scheme, err *Error) {
	withScheme, bare := len(r.Authorization), len(r.BareToken)
	switch {
	case withScheme+bare == 0:
		return "", "", refuse(NoCredentials, CredentialsMissing)
	case withScheme+bare > 1:
		// A server before this one may have read another value.
		return "", "", refuseWith(InvalidRequest, CredentialsMultiple, cause(func() string {
			if bare == 0 {
				return fmt.Sprintf("found %d Authorization values, want 1", withScheme)
			}
			return fmt.Sprintf("found %d tokens without a scheme and %d Authorization values, want 1 in all", bare, withScheme)
		}))
	case bare == 1:
		return r.BareToken[0], bearer, v.checkBare(r.BareToken[0])
	default:
		return v.authorization(r.Authorization[0])
	}
}

// checkBare checks the form of a token without a scheme.
func (v *Verifier) checkBare(value string) *Error {
	switch {
	case len(value) > v.cfg.MaxTokenBytes:
		return refuseWith(InvalidToken, TooLarge, tooLong(len(value), v.cfg.MaxTokenBytes))
	case value == "":
		return refuseWith(InvalidRequest, CredentialsMalformed, errEmptyToken)
	case !printable(value):
		return refuseWith(InvalidRequest, CredentialsMalformed, errUnprintableToken)
	case isSeveral(value):
		return refuseWith(InvalidRequest, CredentialsMalformed, errSeveral)
	default:
		return nil
	}
}

// isSeveral reports whether text has what separates a token from another, or from a
// scheme.
func isSeveral(text string) bool {
	return strings.IndexByte(text, ' ') >= 0 || strings.IndexByte(text, ',') >= 0
}

// authorization returns the token in a value of the Authorization header or metadata
// key (RFC 6750 §2.1, RFC 9449 §7.1), and its scheme.
func (v *Verifier) authorization(value string) (token string, used scheme, err *Error) {
	maxToken := v.cfg.MaxTokenBytes
	// Read only as much as a credential may have: gRPC accepts up to 16 MiB.
	start := value[:min(len(value), maxToken+bearerSlack)]
	name := start[:schemeLen(start)]
	switch { // ASCII only, by schemeLen
	case strings.EqualFold(name, string(bearer)):
		used = bearer
	case v.cfg.DPoP != nil && strings.EqualFold(name, string(dpopBound)):
		used = dpopBound
	}
	if len(start) < len(value) {
		if used != "" {
			return "", used, refuseWith(InvalidToken, TooLarge, tooLong(len(value)-len(name)-1, maxToken))
		}
		return "", "", refuseWith(NoCredentials, SchemeUnsupported, errScheme(name))
	}
	rest := value[len(name):]
	switch {
	case value == "":
		return "", used, refuseWith(InvalidRequest, CredentialsMalformed, errEmptyCredential)
	case !printable(value):
		return "", used, refuseWith(InvalidRequest, CredentialsMalformed, errUnprintable)
	case name == "" || rest != "" && rest[0] != ' ':
		return "", "", refuseWith(InvalidRequest, CredentialsMalformed, errNoScheme)
	case used == "":
		return "", "", refuseWith(NoCredentials, SchemeUnsupported, errScheme(name))
	}
	token = strings.TrimLeft(rest, " ")
	switch {
	case token == "":
		return "", used, refuseWith(InvalidRequest, CredentialsMalformed, errNoToken)
	case isSeveral(token):
		return "", used, refuseWith(InvalidRequest, CredentialsMalformed, errSeveral)
	}
	return token, used, nil
}

// The causes of CredentialsMalformed.
var (
	errEmptyToken       = errors.New("the value is empty, want a token")
	errUnprintableToken = errors.New("the value holds a tab, a control or a non-ASCII character, want a token of printable ASCII")
	errEmptyCredential  = errors.New(`the Authorization value is empty, want "Bearer" and a token`)
	errUnprintable      = errors.New("the Authorization value holds a tab, a control or a non-ASCII character, want printable ASCII")
	errNoScheme         = errors.New(`the Authorization value does not begin with a scheme, want "Bearer", a space and a token`)
	errNoToken          = errors.New(`nothing follows the scheme, want "Bearer", a space and a token`)
	errSeveral          = errors.New("the token holds a space or a comma, want one token")
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

// plain returns the text after "Bearer " or "DPoP ", or the bare token, unchecked, if
// there is exactly one value, and otherwise "". Nearly all clients write the credential
// in this form.
func (v *Verifier) plain(r *Request) (string, scheme) {
	if len(r.Authorization)+len(r.BareToken) != 1 {
		return "", ""
	}
	if len(r.BareToken) == 1 {
		return r.BareToken[0], bearer
	}
	value := r.Authorization[0]
	if token, ok := strings.CutPrefix(value, "Bearer "); ok {
		return token, bearer
	}
	if token, ok := strings.CutPrefix(value, "DPoP "); ok && v.cfg.DPoP != nil {
		return token, dpopBound
	}
	return "", ""
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
