package verifier

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// The rules of this file are for [Issuer].Accept.

// refusedBy is the error of a rule: its Reason, and what the token has. A
// closure must not capture a whole Client: as large as it is, it would be moved
// to the heap for every token.
type refusedBy struct {
	reason Reason
	cause  cause
}

func notMachine(c cause) error { return refusedBy{NotMachine, c} }

func (r refusedBy) Error() string { return string(r.reason) + ": " + r.cause() }
func (r refusedBy) Unwrap() error { return r.reason }

// personMarks are claims of tokens that a person got (OpenID Connect Core §2,
// §5.1, and what authorities add to access tokens).
var personMarks = []string{"preferred_username", "email", "name", "given_name",
	"auth_time", "amr", "acr", "sid", "nonce", "at_hash"}

// SubjectIsClient accepts a token whose subject is the client itself: the mark
// of the client-credentials grant at most authorities (RFC 9068 §2.2). Without
// a subject it accepts a token that no claim marks as a person's, such as
// "email", "auth_time" or "nonce": some authorities leave the subject out of
// machines' tokens, and some out of people's. Any other token is NotMachine: a
// client got it on behalf of a person.
func SubjectIsClient(c Client) error {
	switch subject, id := c.Subject, c.ID; {
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

// SubjectHasPrefix accepts tokens whose subject begins with prefix, where that
// is how an authority names machines; others are NotMachine. An empty prefix
// accepts none.
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

// ClientIDIn accepts the clients with one of the IDs; others are NotAccepted.
// Without an ID it accepts none. It does not tell machines from people:
// combine it by [AcceptAll] with a rule that does.
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

// ClaimEquals accepts tokens in which the claim called name is the string
// value; others are NotMachine. An array is never equal, even if value is its
// only item: see [ClaimContains].
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

// ClaimContains accepts tokens in which the claim called name is an array of
// strings, and value is one of them; others are NotMachine. A string never
// contains it, even if it is equal: see [ClaimEquals].
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

// ClaimAbsent accepts tokens without a claim called name, whatever its value;
// others are NotMachine.
func ClaimAbsent(name string) func(Client) error {
	return func(c Client) error { return c.without(func(claim string) bool { return claim == name }) }
}

// ClaimPrefixAbsent accepts tokens without a claim whose name begins with
// prefix; others are NotMachine.
func ClaimPrefixAbsent(prefix string) func(Client) error {
	return func(c Client) error {
		return c.without(func(claim string) bool { return strings.HasPrefix(claim, prefix) })
	}
}

// without refuses a token with an unwanted claim, and a Client without a token:
// nothing is known of its claims.
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

// AcceptAll accepts what every one of the rules accepts. Without a rule it
// accepts nothing.
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
