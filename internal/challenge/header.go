package challenge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// reserved are header fields and metadata keys that hold something else than a token,
// or that servers keep for themselves.
var reserved = []string{"connection", "content-length", "content-type", "cookie", "dpop", "host", "proxy-authorization",
	"te", "trailer", "transfer-encoding", "upgrade"}

// CheckCredentialHeader returns an error that completes "Options.CredentialHeader …" if
// a token can't come alone in that header field or metadata key. The empty name stands
// for Authorization.
func CheckCredentialHeader(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return nil
	case !isToken(name):
		return fmt.Errorf("is %s: want the name of a header field (RFC 9110 §5.1)", redact.Quote(name))
	case lower == "authorization":
		return errors.New("is Authorization, which holds a scheme and a token: leave it empty")
	case slices.Contains(reserved, lower) || strings.HasPrefix(lower, "grpc-") || strings.HasSuffix(lower, "-bin"):
		return fmt.Errorf("is %s, which holds something else: want a header field that holds a token alone", redact.Quote(name))
	default:
		return nil
	}
}

// isToken reports whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') && (c >= 0x80 || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) < 0)
	})
}
