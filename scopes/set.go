// Package scopes says what a client may do: the [Set] of scopes it was granted
// (RFC 6749 §3.3) and the [Requirement] that a route or method places on it.
//
// Most programs only write requirements:
//
//	scopes.All("reports:read")            // this one scope
//	scopes.All("reports:read", "audit")   // both
//	scopes.Any("admin", "reports:read")   // either
//	scopes.Authenticated()                // any verified client
//	scopes.Public()                       // everyone, no token is read
//
// Every value is immutable and safe for concurrent use.
package scopes

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// maxItems bounds what one claim can make a service sort and keep. Real
// authorities stay below a few dozen.
const maxItems = 256

// ErrTooMany is what [Parse] and [ParseList] return for a claim of more than
// 256 items.
var ErrTooMany = errors.New("scopes: more than 256 items")

// Set is the set of scopes that a client was granted. The zero Set is empty.
//
// Membership is exact and case-sensitive unless the Set comes from
// [Set.Wildcards].
type Set struct {
	names     []string // sorted, without duplicates, never written after construction
	wildcards bool
}

// Parse reads a scope claim: names delimited by spaces (RFC 6749 §3.3).
//
// Empty items are ignored, and an item outside the RFC's character set is left
// out, for it can name no scope. More than 256 items are [ErrTooMany].
func Parse(claim string) (Set, error) {
	var names []string
	if n := strings.Count(claim, " ") + 1; claim != "" {
		names = make([]string, 0, min(n, maxItems))
	}
	items := 0
	// Split on SP alone: strings.Fields would let a TAB or a Unicode space
	// turn one item into two.
	for item := range strings.SplitSeq(claim, " ") {
		if item == "" {
			continue
		}
		if items++; items > maxItems {
			return Set{}, ErrTooMany
		}
		if valid(item) {
			names = append(names, item)
		}
	}
	return newSet(names), nil
}

// ParseList reads scopes that come as a list: the "scp" array of some
// authorities, or roles. Items are never split, so "a admin" is not "admin":
// an item outside RFC 6749's character set grants nothing and is left out.
// More than 256 items are [ErrTooMany].
func ParseList(items []string) (Set, error) {
	if len(items) > maxItems {
		return Set{}, ErrTooMany
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		if valid(item) {
			names = append(names, item)
		}
	}
	return newSet(names), nil
}

// Of is the Set of the given names, for constants and tests. It panics on a
// malformed name, as regexp.MustCompile does; read what comes from outside
// with [Parse] or [ParseList].
func Of(names ...string) Set {
	if err := checkNames(names); err != nil {
		panic("scopes.Of: " + err.Error())
	}
	return newSet(slices.Clone(names))
}

// newSet takes ownership of names.
func newSet(names []string) Set {
	slices.Sort(names)
	distinct := slices.Compact(names)
	if len(distinct) < cap(distinct)/2 {
		distinct = slices.Clone(distinct) // a Set is kept for long
	}
	return Set{names: distinct}
}

// Wildcards is the same Set under Stytch's matching rule: a granted "read:*"
// covers "read:users", and the bare "read". The action ends at the first
// colon; a "*" anywhere else is an ordinary character, so "*", "*:users" and
// "read:a:*" cover nothing but themselves.
func (s Set) Wildcards() Set {
	s.wildcards = true
	return s
}

// Has reports whether scope itself is in the Set. It does not allocate.
func (s Set) Has(scope string) bool {
	_, found := slices.BinarySearch(s.names, scope)
	return found
}

// Grants reports whether the Set covers scope: exactly or, in a Set from
// [Set.Wildcards], by a wildcard. A string that is no scope name is granted
// by no Set. It does not allocate.
func (s Set) Grants(scope string) bool {
	return s.Has(scope) || s.wildcards && valid(scope) && s.hasWildcard(scope)
}

// hasWildcard reports whether the Set holds "action:*" for the action of scope.
func (s Set) hasWildcard(scope string) bool {
	action, _, _ := strings.Cut(scope, ":")
	_, found := slices.BinarySearchFunc(s.names, action, compareWildcard)
	return found
}

// compareWildcard compares name with action+":*" without building it.
func compareWildcard(name, action string) int {
	if len(name) < len(action) {
		if c := strings.Compare(name, action[:len(name)]); c != 0 {
			return c
		}
		return -1
	}
	if c := strings.Compare(name[:len(action)], action); c != 0 {
		return c
	}
	return strings.Compare(name[len(action):], ":*")
}

// All yields the scopes in ascending order.
func (s Set) All() iter.Seq[string] { return slices.Values(s.names) }

// Len is the number of scopes.
func (s Set) Len() int { return len(s.names) }

// Equal reports whether both Sets hold the same scopes under the same matching
// rule.
func (s Set) Equal(o Set) bool {
	return s.wildcards == o.wildcards && slices.Equal(s.names, o.names)
}

// String returns the Set as a scope claim, in ascending order: "read:users
// write:users".
func (s Set) String() string { return strings.Join(s.names, " ") }

// MarshalText returns what String does, for JSON.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String does, for slog.
func (s Set) LogValue() slog.Value { return slog.StringValue(s.String()) }

// valid reports whether name is a scope-token: 1*( %x21 / %x23-5B / %x5D-7E )
// (RFC 6749 §3.3).
func valid(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return name != ""
}

func checkNames(names []string) error {
	var errs []error
	for _, name := range names {
		if !valid(name) {
			errs = append(errs, fmt.Errorf("%s is not a scope name: want one or more printable ASCII "+
				"characters other than space, %q and %q (RFC 6749 §3.3)", redact.Quote(name), `"`, `\`))
		}
	}
	return errors.Join(errs...)
}
