package mcpmw

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
)

// Policy maps operations to their requirements. Keys are:
//
//   - "tool/NAME" and "prompt/NAME", the names as they are registered;
//   - "tool/*" and "prompt/*" for those that have no key of their own;
//   - "resource/URI", the exact URI that clients read, or "resource/*" for every URI.
//     The two can't be combined: a template's handler may take several spellings of a
//     URI for the same resource, and "resource/*" would permit each of them;
//   - "method/NAME" for another method, such as "method/completion/complete",
//     "method/logging/setLevel", "method/resources/templates/list", or a custom one.
//     Subscriptions and completions need the requirement of the resource or prompt that
//     they name, too.
//
// Everything else is refused, except initialize, ping, server/discover, the client's
// notifications, and the lists of tools, prompts and resources: they need a verified
// client and no more. Lists contain what the caller may call. Without a verified client
// there is no session, so scopes.Public() is a mistake. The zero Policy, nil, names
// nothing.
type Policy map[string]scopes.Requirement

// policy is a compiled Policy. It is immutable. The zero policy names nothing.
type policy struct {
	needs map[string]scopes.Requirement // by key, those with "*" included
}

// The prefixes of keys.
const (
	ofTool     = "tool/"
	ofPrompt   = "prompt/"
	ofResource = "resource/"
	ofMethod   = "method/"
)

// compile returns a copy of p for look-ups, or every mistake in p at once.
func (p Policy) compile() (policy, error) {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if err := checkKey(key); err != nil {
			errs = append(errs, fmt.Errorf("mcpmw: Policy: %q %w", key, err))
		}
		switch need := p[key]; {
		case need.IsZero():
			errs = append(errs, fmt.Errorf("mcpmw: Policy: %q has the zero Requirement, which nobody meets: "+
				"write scopes.All(…), scopes.Any(…) or scopes.Authenticated()", key))
		case need.IsPublic():
			errs = append(errs, fmt.Errorf("mcpmw: Policy: %q is Public, but a session needs a verified client: "+
				"write scopes.Authenticated()", key))
		}
	}
	if _, all := p[ofResource+"*"]; all {
		for _, key := range slices.Sorted(maps.Keys(p)) {
			if strings.HasPrefix(key, ofResource) && key != ofResource+"*" {
				errs = append(errs, fmt.Errorf(`mcpmw: Policy: %q and "resource/*" can't be combined: `+
					`another spelling of the URI would need the requirement of "resource/*" alone`, key))
			}
		}
	}
	return policy{needs: maps.Clone(p)}, errors.Join(errs...)
}

// checkKey returns what is wrong with a key of a Policy.
func checkKey(key string) error {
	kind, name, _ := strings.Cut(key, "/")
	if len(name) > maxName {
		return fmt.Errorf("is longer than %d bytes", maxName)
	}
	if name == "" {
		return errors.New(`names nothing: want "tool/NAME", "prompt/NAME", "resource/URI" or "method/NAME"`)
	}
	switch kind + "/" {
	case ofTool, ofPrompt:
		if name != "*" && strings.Contains(name, "*") {
			return fmt.Errorf(`is no pattern: want the exact name, or %q`, kind+"/*")
		}
	case ofResource:
		if name == "*" {
			return nil
		}
		if u, err := url.Parse(name); err != nil || !u.IsAbs() {
			return errors.New(`has no absolute URI: want one such as "resource/file:///logs/today"`)
		}
		if strings.ContainsAny(name, "{}*") {
			return errors.New(`is no exact URI: name each URI, or "resource/*" for all`)
		}
	case ofMethod:
		if free[name] || lists[name] || named[name] {
			return errors.New("is decided without a key of its own: see Policy")
		}
		if strings.Contains(name, "*") {
			return errors.New("is no pattern: name each method")
		}
	default:
		return fmt.Errorf(`begins with %q: want "tool/", "prompt/", "resource/" or "method/"`, kind+"/")
	}
	return nil
}

// need returns the requirement of an operation, by its exact key or by that with "*". It
// returns the zero Requirement, which nobody meets, for an unknown operation.
func (p policy) need(operation string) scopes.Requirement {
	if need, ok := p.needs[operation]; ok {
		return need
	}
	kind, _, _ := strings.Cut(operation, "/")
	return p.needs[kind+"/*"]
}

// all returns every key with its requirement, in order.
func (p policy) all() iter.Seq2[string, scopes.Requirement] {
	return func(yield func(string, scopes.Requirement) bool) {
		for _, key := range slices.Sorted(maps.Keys(p.needs)) {
			if !yield(key, p.needs[key]) {
				return
			}
		}
	}
}
