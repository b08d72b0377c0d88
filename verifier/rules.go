package verifier

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// This file holds the rules for [Issuer].Accept.

// refusedBy is the error of a rule: its Reason, and what was found. A closure
// must not capture a whole Client: that would move the Client to the heap for
// every token.
type refusedBy struct {
	reason Reason
	cause  cause
}

func notMachine(c cause) error { return refusedBy{NotMachine, c} }

func (r refusedBy) Error() string { return string(r.reason) + ": " + r.cause() }
func (r refusedBy) Unwrap() error { return r.reason }

// personMarks holds claims that only people's tokens have (OpenID Connect Core
// §2, §5.1, and what authorities add to access tokens).
var personMarks = []string{"preferred_username", "email", "name", "given_name",
	"auth_time", "amr", "acr", "sid", "nonce", "at_hash"}

// SubjectIsClient accepts a token whose subject is the client ID, as most
// authorities issue it for the client-credentials grant (RFC 9068 §2.2). Without
// a subject it accepts a token unless a claim marks it as a person's, such as
// "email", "auth_time" or "nonce": some authorities omit the subject in machines'
// tokens, and some in people's. It refuses any other token as NotMachine: a
// client obtained it on behalf of a person.
//
// The answer about an opaque token may hold a "username" (RFC 7662 §2.2): it marks a
// person's token, whatever the subject, unless it is the client ID.
func SubjectIsClient(c Client) error {
	switch subject, id := c.Subject, c.ID; {
	case c.isOnBehalfOf():
		return notMachine(func() string { return `"username" marks a person's token` })
	case subject != "" && subject == id:
		return nil
	case subject != "":
		return notMachine(func() string {
			return `"sub" is ` + excerpt(subject) + ", want the client ID " + excerpt(id)
		})
	case c.token == nil:
		return nil
	}
	i := slices.IndexFunc(c.token.members, func(m strictjson.Member) bool {
		return slices.Contains(personMarks, m.Name) && !m.Value.IsNull()
	})
	if i < 0 {
		return nil
	}
	mark := c.token.members[i].Name
	return notMachine(func() string { return `"sub" is missing, and "` + mark + `" marks a person's token` })
}

// isOnBehalfOf reports whether an answer names a user who authorized the token.
func (c Client) isOnBehalfOf() bool {
	if c.token == nil || c.token.asked == nil {
		return false
	}
	user := orAbsent(c.claim("username"))
	name, _ := user.Text()
	return !user.IsAbsent() && name != c.ID
}

// SubjectHasPrefix accepts tokens whose subject begins with prefix, for an
// authority that names its machines so. It refuses others as NotMachine. An empty
// prefix accepts none.
func SubjectHasPrefix(prefix string) func(Client) error {
	return func(c Client) error {
		subject := c.Subject
		if prefix != "" && strings.HasPrefix(subject, prefix) {
			return nil
		}
		return notMachine(func() string {
			return `"sub" is ` + excerpt(subject) + ", want the prefix " + strconv.Quote(prefix)
		})
	}
}

// ClientIDIn accepts the clients with one of the IDs, and refuses others as
// NotAccepted. Without an ID it accepts none. It does not distinguish machines
// from people: combine it by [AcceptAll] with a rule that does.
func ClientIDIn(ids ...string) func(Client) error {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return func(c Client) error {
		id := c.ID
		if _, found := slices.BinarySearch(ids, id); found && id != "" {
			return nil
		}
		return refusedBy{NotAccepted, func() string {
			if len(ids) == 0 {
				return "ClientIDIn has no ID"
			}
			return "the client ID is " + excerpt(id) + ", want " + oneOf(ids)
		}}
	}
}

// ClaimEquals accepts tokens whose claim name is the string value, and refuses
// others as NotMachine. An array is never equal, even if value is its only item:
// see [ClaimContains].
func ClaimEquals(name, value string) func(Client) error {
	return func(c Client) error {
		v := c.claim(name)
		if text, isText := v.Text(); isText && text == value {
			return nil
		}
		return notMachine(func() string {
			text := strconv.Quote(name) + " is " + describe(v) + ", want " + strconv.Quote(value)
			if _, isArray := v.Array(); isArray {
				text += ": ClaimContains reads arrays, ClaimEquals strings"
			}
			return text
		})
	}
}

// ClaimContains accepts tokens whose claim name is an array of strings that
// contains value, and refuses others as NotMachine. A string never contains
// value, even if it is equal: see [ClaimEquals].
func ClaimContains(name, value string) func(Client) error {
	return func(c Client) error {
		v := c.claim(name)
		if texts, ok := v.Texts(math.MaxInt); ok && slices.Contains(texts, value) {
			return nil
		}
		return notMachine(func() string {
			text := strconv.Quote(name) + " is " + describe(v) + ", want an array with " + strconv.Quote(value)
			if _, isText := v.Text(); isText {
				text += ": ClaimEquals reads strings, ClaimContains arrays"
			}
			return text
		})
	}
}

// ClaimAbsent accepts tokens without the claim name, and refuses others as
// NotMachine, whatever its value.
func ClaimAbsent(name string) func(Client) error {
	return func(c Client) error { return c.without(func(claim string) bool { return claim == name }) }
}

// ClaimPrefixAbsent accepts tokens without a claim whose name begins with prefix,
// and refuses others as NotMachine.
func ClaimPrefixAbsent(prefix string) func(Client) error {
	return func(c Client) error {
		return c.without(func(claim string) bool { return strings.HasPrefix(claim, prefix) })
	}
}

// without refuses a token with an unwanted claim, and a Client without a token,
// because its claims are unknown.
func (c Client) without(unwanted func(claim string) bool) error {
	if c.token == nil {
		return ErrNoClaims
	}
	i := slices.IndexFunc(c.token.members, func(m strictjson.Member) bool { return unwanted(m.Name) })
	if i < 0 {
		return nil
	}
	m := c.token.members[i]
	return notMachine(func() string { return excerpt(m.Name) + " is " + describe(m.Value) + ", want it missing" })
}

var errNoRule = errors.New("AcceptAll has no rule")

// AcceptAll accepts a token that every rule accepts. Without a rule it accepts
// none.
func AcceptAll(rules ...func(Client) error) func(Client) error {
	return func(c Client) error {
		if len(rules) == 0 {
			return errNoRule
		}
		for _, rule := range rules {
			if err := rule(c); err != nil {
				return err
			}
		}
		return nil
	}
}
