package scopes

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// Requirement says which callers may use an operation. Build one with [All],
// [Any], [Authenticated] or [Public], or from configuration with [AllOf] or
// [AnyOf].
//
// No caller meets the zero Requirement, and guards return an error for it, so that
// a forgotten requirement never opens an operation.
//
// From the strictest to the laxest, Requirements are: zero, scopes, Authenticated,
// Public. [Requirement.And] returns the stricter of two, [Requirement.Or] the
// laxer.
type Requirement struct {
	level level
	expr  *expr // set at levelScopes only

	_ [0]func() // forbids ==, which would be wrong: use Equal
}

// level orders requirements from the strictest to the laxest.
type level uint8

const (
	levelNobody level = iota
	levelScopes
	levelAuthenticated
	levelPublic
)

// expr is a monotone formula over scope names: the conjunction or disjunction of
// its names and its subs. It is immutable and normalized, so that equal formulas
// have equal texts: names and subs are sorted and without duplicates, no sub has
// its parent's operator, and there is at least one name, or two subs.
type expr struct {
	any   bool
	names []string
	subs  []*expr
}

// All returns a Requirement for clients that hold every one of the scopes. It
// panics if a name is malformed. Use [AllOf] for names from configuration.
//
// All(list...) does not compile: an empty list would admit every client.
func All(scope string, more ...string) Requirement {
	return must("scopes.All", AllOf, scope, more)
}

// Any returns a Requirement for clients that hold at least one of the scopes. It
// panics if a name is malformed. Use [AnyOf] for names from configuration.
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

// AllOf is [All] for names from configuration. It returns an error for an empty
// list, and for malformed names.
func AllOf(list []string) (Requirement, error) { return ofList(list, false) }

// AnyOf is [Any] for names from configuration. It returns an error for an empty
// list, and for malformed names.
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

// Authenticated returns a Requirement for every verified client, whatever its
// scopes.
func Authenticated() Requirement { return Requirement{level: levelAuthenticated} }

// Public returns a Requirement that every caller meets, without a token. Guards do
// not read a token that the caller sends, and the handler gets no client.
func Public() Requirement { return Requirement{level: levelPublic} }

func ofExpr(e *expr) Requirement { return Requirement{level: levelScopes, expr: e} }

// And returns a Requirement for callers that meet both r and o. Public().And(r) is
// r, and the zero Requirement stays zero.
func (r Requirement) And(o Requirement) Requirement {
	if r.level == levelScopes && o.level == levelScopes {
		return ofExpr(join(false, r.expr, o.expr))
	}
	if o.level < r.level {
		return o
	}
	return r
}

// Or returns a Requirement for callers that meet r or o. Public().Or(r) is
// Public(), and with the zero Requirement r stays r.
func (r Requirement) Or(o Requirement) Requirement {
	if r.level == levelScopes && o.level == levelScopes {
		return ofExpr(join(true, r.expr, o.expr))
	}
	if o.level > r.level {
		return o
	}
	return r
}

// join combines formulas and normalizes the result as expr describes.
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

// MetBy reports whether a verified client with the scopes s meets r. It does not
// verify the client: for Authenticated and Public it is always true. MetBy does
// not allocate.
func (r Requirement) MetBy(s Set) bool {
	if r.level == levelScopes {
		return r.expr.metBy(s)
	}
	return r.level >= levelAuthenticated
}

func (e *expr) metBy(s Set) bool {
	// The first part that is not met decides a conjunction, and the first part
	// that is met decides a disjunction.
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

// IsZero reports whether r is the zero Requirement, which no caller meets.
func (r Requirement) IsZero() bool { return r.level == levelNobody }

// IsPublic reports whether callers meet r without a token.
func (r Requirement) IsPublic() bool { return r.level == levelPublic }

// Equal reports whether r and o are the same requirement: the same names under the
// same operators, in any order.
func (r Requirement) Equal(o Requirement) bool {
	return r.level == o.level && (r.level != levelScopes || r.expr.String() == o.expr.String())
}

// Scopes returns every scope that r names, in ascending order, for the "scope" of
// a challenge (RFC 6750 §3). It is empty if r names none.
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

// String returns r as in code: `all("a", "b")`, `any("a", "b")`, `authenticated` or
// `public`. For the zero Requirement it returns `nobody`. Only equal Requirements
// have the same text.
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

// MarshalText returns String(), for JSON.
func (r Requirement) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue returns String(), for slog.
func (r Requirement) LogValue() slog.Value { return slog.StringValue(r.String()) }

func (e *expr) String() string {
	// Quote the names: a scope may be called "public" or "all(x)", but no scope
	// name contains '"'.
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
