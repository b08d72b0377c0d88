// Package challenge checks the parts of a guard's configuration that
// WWW-Authenticate values contain, and parses such values. It also checks the name of
// the header that a guard reads tokens from. The verifier, the guards and tokensource
// share it.
package challenge

import (
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// DefaultRealm is the realm of a guard that sets none.
const DefaultRealm = "api"

// maxRealm bounds what a realm adds to a response: clients and proxies limit
// the size of all header fields together.
const maxRealm = 256

// CheckRealm returns an error that completes "Options.Realm …" if a challenge
// can't hold realm. The empty realm stands for [DefaultRealm].
func CheckRealm(realm string) error {
	switch {
	case len(realm) > maxRealm:
		return fmt.Errorf("has %d bytes: want at most %d", len(realm), maxRealm)
	case !Quotable(realm):
		return fmt.Errorf("is %s: want printable ASCII without %q and %q", redact.Quote(realm), `"`, `\`)
	}
	return nil
}

// Realm returns realm, or [DefaultRealm] if realm is empty or CheckRealm refuses
// it.
func Realm(realm string) string {
	if realm == "" || CheckRealm(realm) != nil {
		return DefaultRealm
	}
	return realm
}

// Quotable reports whether a quoted string (RFC 9110 §5.6.4) can hold text
// without escapes: text is printable ASCII without '"' and '\'.
func Quotable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' })
}
