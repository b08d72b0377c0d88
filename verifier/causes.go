package verifier

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
)

// cause is an error that names what was found and what was expected. Its text is
// made when it is read: most refusals are never logged, and many of them must
// stay cheap. Values from the caller are quoted, and cut at 64 bytes. Values from
// the configuration are not cut.
type cause func() string

func (c cause) Error() string { return c() }

// maxQuoted bounds a text that the caller wrote.
const maxQuoted = 64

// maxListed bounds how many items of a list are named.
const maxListed = 8

// excerpt quotes at most 64 bytes of a text that the caller wrote.
func excerpt(text string) string {
	if len(text) > maxQuoted {
		return strconv.QuoteToASCII(text[:maxQuoted]) + "..."
	}
	return strconv.QuoteToASCII(text)
}

// oneOf lists configured names, one of which was expected.
func oneOf(names []string) string { return listed(names, " or ", strconv.QuoteToASCII) }

// listed joins the first names, and adds how many more there are.
func listed(names []string, separator string, quote func(string) string) string {
	var b strings.Builder
	for i, name := range names {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(quote(name))
	}
	return b.String()
}

// describe returns the value of a claim for an error. It shows short values
// whole, and of an object only the names.
func describe(v strictjson.Value) string {
	if text, ok := v.Text(); ok {
		return excerpt(text)
	}
	if texts, ok := v.Texts(len(v.JSON())); ok {
		return "[" + listed(texts, ", ", excerpt) + "]"
	}
	if members, ok := v.Object(); ok {
		names := make([]string, len(members))
		for i, m := range members {
			names[i] = m.Name
		}
		return "an object {" + listed(names, ", ", excerpt) + "}"
	}
	switch raw := v.JSON(); {
	case raw == "":
		return "missing"
	case raw[0] == '[':
		return "an array with other things than strings"
	case len(raw) > maxQuoted:
		return "a number of " + strconv.Itoa(len(raw)) + " characters"
	default:
		return raw // a number, true, false or null
	}
}

// claimIs returns the cause of a refusal for the value of one claim or header
// member.
func claimIs(name string, v strictjson.Value, want string) error {
	return cause(func() string { return strconv.Quote(name) + " is " + describe(v) + ", want " + want })
}

// noClaim returns the cause of a refusal because all of the claims are absent.
func noClaim(names []string, want string) error {
	return cause(func() string {
		is := " is missing, want "
		if len(names) > 1 {
			is = " are missing, want "
		}
		return listed(names, " and ", strconv.Quote) + is + want
	})
}

// headerIs returns the cause of a refusal for a member of the header, which is a
// string if it is present.
func headerIs(name, value string, present bool, want []string) error {
	return cause(func() string {
		found := "missing"
		if present {
			found = excerpt(value)
		}
		// An empty TokenType accepts a header without "typ".
		return strconv.Quote(name) + " is " + found + ", want " + strings.ReplaceAll(oneOf(want), `""`, "none")
	})
}

// unknownIssuer returns the cause of UnknownIssuer.
func (v *Verifier) unknownIssuer(iss, sub strictjson.Value) error {
	return cause(func() string {
		text := claimIs("iss", iss, oneOf(v.Issuers())).Error()
		if iss.IsAbsent() && v.domains != nil {
			text += ", or " + claimIs("sub", sub, "a SPIFFE ID of "+oneOf(slices.Sorted(maps.Keys(v.domains)))).Error()
		}
		return text
	})
}

// scopesMissing returns the cause of ScopeMissing.
func scopesMissing(granted scopes.Set, need scopes.Requirement) error {
	return cause(func() string {
		return "granted " + grantedText(granted) + ", want " + need.String()
	})
}

func grantedText(granted scopes.Set) string {
	if granted.Len() == 0 {
		return "no scopes"
	}
	return listed(slices.Collect(granted.All()), ", ", excerpt)
}

// tooLong returns the cause of a refusal for size.
func tooLong(length, most int) error {
	return cause(func() string { return fmt.Sprintf("the token has %d bytes, want at most %d", length, most) })
}

// otherCertificate returns the cause of a refusal for a token that is bound to a
// certificate which the caller did not prove. It shows thumbprints as "x5t#S256"
// does; they are no secrets.
func otherCertificate(bound [sha256.Size]byte, proved []byte) error {
	return cause(func() string {
		text := "the token is bound to the certificate " + base64.RawURLEncoding.EncodeToString(bound[:]) + ", the caller proved "
		if proved == nil {
			return text + "none"
		}
		return text + base64.RawURLEncoding.EncodeToString(proved)
	})
}

// when returns a time and its distance from now.
func when(t, now time.Time) string {
	d, text := now.Sub(t), " ago"
	is := "was "
	if d < 0 {
		d, is = -d, "is "
		text = " from now"
	}
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	return is + t.UTC().Format(time.RFC3339) + ", " + d.String() + text
}

// wrapped is the cause of a refusal that a callback returned inside another
// error. Its text leaves out that of inner: Error already shows Code and Reason.
type wrapped struct {
	error       // what the callback returned
	inner error // the *Error or Reason in it
	err   error // the cause of an *Error, or nil
}

func (w wrapped) Unwrap() error { return w.error }

func (w wrapped) Error() string {
	text, said := w.error.Error(), w.inner.Error()
	before, isEnd := strings.CutSuffix(text, said)
	after, isStart := strings.CutPrefix(text, said)
	switch {
	case isEnd:
		text = strings.TrimSuffix(before, ": ")
	case isStart:
		text = strings.TrimPrefix(after, ": ")
	default:
		return text
	}
	switch {
	case w.err == nil:
		return text
	case text == "":
		return w.err.Error()
	default:
		return text + ": " + w.err.Error()
	}
}
