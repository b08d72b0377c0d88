// Package scopes describes what a client may do: the [Set] of scopes that it was
// granted (RFC 6749 §3.3), and the [Requirement] of an operation.
//
// Most programs only write requirements:
//
//	scopes.All("reports:read")            // this one scope
//	scopes.All("reports:read", "audit")   // both
//	scopes.Any("admin", "reports:read")   // either
//	scopes.Authenticated()                // any verified client
//	scopes.Public()                       // every caller; no token is read
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

// maxItems bounds the scopes of one token. Real authorities stay below a few
// dozen.
const maxItems = 256

var errTooMany = errors.New("scopes: more than 256 items")

// Set holds the scopes that a client was granted. The zero Set is empty. Names are
// matched exactly and with their case, unless the Set comes from
// [Set.Wildcards].
type Set struct {
	names     []string // sorted, without duplicates, never changed
	wildcards bool
}

// Parse parses a scope claim: names delimited by spaces (RFC 6749 §3.3). It skips
// empty items, and items outside the RFC's character set, since they name no
// scope. It returns an error for more than 256 items.
func Parse(claim string) (Set, error) {
	var names []string
	if n := strings.Count(claim, " ") + 1; claim != "" {
		names = make([]string, 0, min(n, maxItems))
	}
	items := 0
	// Split at SP only. strings.Fields would split at a TAB or a Unicode space
	// as well.
	for item := range strings.SplitSeq(claim, " ") {
		if item == "" {
			continue
		}
		if items++; items > maxItems {
			return Set{}, errTooMany
		}
		if valid(item) {
			names = append(names, item)
		}
	}
	return newSet(names), nil
}

// ParseList returns the Set of a list of scopes, such as the "scp" array of some
// authorities, or roles. It never splits an item: "a admin" is outside RFC 6749's
// character set, and is skipped. It returns an error for more than 256 items.
func ParseList(items []string) (Set, error) {
	if len(items) > maxItems {
		return Set{}, errTooMany
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		if valid(item) {
			names = append(names, item)
		}
	}
	return newSet(names), nil
}

// Of returns the Set of the given names, for constants and tests. It panics if a
// name is malformed. Use [Parse] or [ParseList] for names from outside.
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
		distinct = slices.Clone(distinct) // a remembered Set must not keep unused memory
	}
	return Set{names: distinct}
}

// Wildcards returns s with Stytch's matching rule: a granted "read:*" covers
// "read:users" and "read". The action ends at the first colon. Anywhere else "*"
// is an ordinary character, so that "*", "*:users" and "read:a:*" cover only
// themselves.
func (s Set) Wildcards() Set {
	s.wildcards = true
	return s
}

// Has reports whether s contains scope itself, regardless of wildcards. It does
// not allocate.
func (s Set) Has(scope string) bool {
	_, found := slices.BinarySearch(s.names, scope)
	return found
}

// Grants reports whether s covers scope: exactly or, in a Set from
// [Set.Wildcards], by a wildcard. No Set grants a malformed name. Grants does not
// allocate.
func (s Set) Grants(scope string) bool {
	return s.Has(scope) || s.wildcards && valid(scope) && s.hasWildcard(scope)
}

// hasWildcard reports whether s contains "action:*" for the action of scope.
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

// Intersect returns the Set that grants exactly the scopes that both s and o
// grant, each by its own matching rule: "read:*" with wildcards and "read:users"
// have "read:users" in common.
func (s Set) Intersect(o Set) Set {
	// A Set with wildcards grants "read:*" only if it holds that name. A wildcard
	// is therefore kept only if both have it.
	both := newSet(appendGranted(appendGranted(nil, s.names, o), o.names, s))
	both.wildcards = s.wildcards && o.wildcards
	return both
}

// appendGranted appends those of names that by grants.
func appendGranted(to, names []string, by Set) []string {
	for _, name := range names {
		if by.Grants(name) {
			to = append(to, name)
		}
	}
	return to
}

// All returns an iterator over the scopes, in ascending order.
func (s Set) All() iter.Seq[string] { return slices.Values(s.names) }

// Len returns the number of scopes.
func (s Set) Len() int { return len(s.names) }

// Equal reports whether s and o contain the same scopes and have the same matching
// rule.
func (s Set) Equal(o Set) bool {
	return s.wildcards == o.wildcards && slices.Equal(s.names, o.names)
}

// String returns s as a scope claim, in ascending order: "read:users write:users".
func (s Set) String() string { return strings.Join(s.names, " ") }

// MarshalText returns String(), for JSON.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns String(), for slog.
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
