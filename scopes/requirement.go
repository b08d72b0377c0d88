package scopes

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// Requirement is what an operation demands of its caller.
//
// The zero Requirement is met by nobody, and guards refuse to be built with
// it, so a forgotten requirement is never an open door. Build one with [All],
// [Any], [Authenticated] or [Public], or from configuration with [AllOf] or
// [AnyOf].
//
// Requirements are ordered by strictness: zero, scopes, Authenticated, Public.
// [Requirement.And] keeps the stricter of two, [Requirement.Or] the laxer.
type Requirement struct {
	level level
	expr  *expr // set at levelScopes only

	_ [0]func() // not comparable with ==: use Equal
}

// level orders requirements from the strictest to the laxest.
type level uint8

const (
	levelNobody level = iota
	levelScopes
	levelAuthenticated
	levelPublic
)

// expr is a monotone formula over scope names: the conjunction or disjunction
// of its names and of its subs. It is immutable, its names and subs are sorted
// and without duplicates, no sub has its parent's operator, and it has at
// least one name or two subs; so equal formulas are written equally.
type expr struct {
	any   bool
	names []string
	subs  []*expr
}

// All is met by a client that holds every one of the scopes. It panics on a
// malformed name, as regexp.MustCompile does; read configuration with [AllOf].
//
// The first scope is a parameter of its own so that All(list...) does not
// compile: with an empty list it would let everyone in.
func All(scope string, more ...string) Requirement {
	return must("scopes.All", AllOf, scope, more)
}

// Any is met by a client that holds at least one of the scopes. It panics on
// a malformed name, as regexp.MustCompile does; read configuration with
// [AnyOf].
func Any(scope string, more ...string) Requirement {
	return must("scopes.Any", AnyOf, scope, more)
}

func must(caller string, of func([]string) (Requirement, error), scope string, more []string) Requirement {
	r, err := of(append([]string{scope}, more...))
	if err != nil {
		panic(caller + ": " + err.Error())
	}
	return r
}

// AllOf is [All] for a list that comes from configuration. An empty list or a
// malformed name is an error.
func AllOf(list []string) (Requirement, error) { return ofList(list, false) }

// AnyOf is [Any] for a list that comes from configuration. An empty list or a
// malformed name is an error.
func AnyOf(list []string) (Requirement, error) { return ofList(list, true) }

var errEmptyList = errors.New("empty list of scopes: name at least one, " +
	"or say Authenticated() or Public() if no scope is required")

func ofList(list []string, any bool) (Requirement, error) {
	if len(list) == 0 {
		return Requirement{}, errEmptyList
	}
	if err := checkNames(list); err != nil {
		return Requirement{}, err
	}
	return ofExpr(&expr{any: any, names: sortedNames(list)}), nil
}

// Authenticated is met by every verified client, whatever its scopes.
func Authenticated() Requirement { return Requirement{level: levelAuthenticated} }

// Public is met by everyone: no token is read, not even a broken one, and the
// handler sees no client.
func Public() Requirement { return Requirement{level: levelPublic} }

func ofExpr(e *expr) Requirement { return Requirement{level: levelScopes, expr: e} }

// And is met where both are: the stricter of the two. So Public().And(r) is r,
// and the zero Requirement And anything stays zero.
func (r Requirement) And(o Requirement) Requirement {
	if r.level == levelScopes && o.level == levelScopes {
		return ofExpr(join(false, r.expr, o.expr))
	}
	if o.level < r.level {
		return o
	}
	return r
}

// Or is met where either is: the laxer of the two. So Public().Or(r) is
// Public(), and the zero Requirement Or r is r.
func (r Requirement) Or(o Requirement) Requirement {
	if r.level == levelScopes && o.level == levelScopes {
		return ofExpr(join(true, r.expr, o.expr))
	}
	if o.level > r.level {
		return o
	}
	return r
}

// join combines formulas and brings the result into the form that expr promises.
func join(any bool, parts ...*expr) *expr {
	e := &expr{any: any}
	var add func(*expr)
	add = func(p *expr) {
		single := len(p.names) == 1 && len(p.subs) == 0 // All("a") and Any("a") are the same
		if p.any != any && !single {
			e.subs = append(e.subs, p)
			return
		}
		e.names = append(e.names, p.names...)
		for _, sub := range p.subs {
			add(sub)
		}
	}
	for _, p := range parts {
		add(p)
	}
	e.names = sortedNames(e.names)
	slices.SortFunc(e.subs, func(a, b *expr) int { return strings.Compare(a.String(), b.String()) })
	e.subs = slices.CompactFunc(e.subs, func(a, b *expr) bool { return a.String() == b.String() })
	if len(e.names) == 0 && len(e.subs) == 1 {
		return e.subs[0]
	}
	return e
}

func sortedNames(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// MetBy reports whether a verified client with the scopes s meets r. It
// presupposes that the client was verified: with Authenticated it is always
// true. It does not allocate.
func (r Requirement) MetBy(s Set) bool {
	if r.level == levelScopes {
		return r.expr.metBy(s)
	}
	return r.level >= levelAuthenticated
}

func (e *expr) metBy(s Set) bool {
	// A conjunction is decided by its first part that is not met, a
	// disjunction by its first that is.
	for _, name := range e.names {
		if s.Grants(name) == e.any {
			return e.any
		}
	}
	for _, sub := range e.subs {
		if sub.metBy(s) == e.any {
			return e.any
		}
	}
	return !e.any
}

// IsZero reports whether r is the zero Requirement, met by nobody.
func (r Requirement) IsZero() bool { return r.level == levelNobody }

// IsPublic reports whether r is met without a token.
func (r Requirement) IsPublic() bool { return r.level == levelPublic }

// Equal reports whether r and o are the same requirement: the same names under
// the same operators, in whatever order they were written.
func (r Requirement) Equal(o Requirement) bool {
	return r.level == o.level && (r.level != levelScopes || r.expr.String() == o.expr.String())
}

// Scopes lists every scope that r names, in ascending order: what a challenge
// tells the caller (RFC 6750 §3, "scope"). It is empty if r names none.
func (r Requirement) Scopes() []string {
	if r.level != levelScopes {
		return nil
	}
	var names []string
	var collect func(*expr)
	collect = func(e *expr) {
		names = append(names, e.names...)
		for _, sub := range e.subs {
			collect(sub)
		}
	}
	collect(r.expr)
	return sortedNames(names)
}

// String returns r as one would write it: `all("a", "b")`, `any("a", "b")`,
// `authenticated`, `public`; the zero Requirement is `nobody`. Requirements
// print alike only if they are equal.
func (r Requirement) String() string {
	switch r.level {
	case levelScopes:
		return r.expr.String()
	case levelAuthenticated:
		return "authenticated"
	case levelPublic:
		return "public"
	default:
		return "nobody"
	}
}

// MarshalText returns what String does, for JSON.
func (r Requirement) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue returns what String does, for slog.
func (r Requirement) LogValue() slog.Value { return slog.StringValue(r.String()) }

func (e *expr) String() string {
	// Names are quoted: a scope may be called "public" or "all(x)", and '"' is
	// the one mark that no scope name can hold.
	parts := make([]string, 0, len(e.names)+len(e.subs))
	for _, name := range e.names {
		parts = append(parts, strconv.Quote(name))
	}
	for _, sub := range e.subs {
		parts = append(parts, sub.String())
	}
	op := "all"
	if e.any && len(parts) > 1 {
		op = "any"
	}
	return op + "(" + strings.Join(parts, ", ") + ")"
}
