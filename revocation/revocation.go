// Package revocation shuts out access tokens before they expire: those of a client
// whose secret leaked, one token, those of a signing key, or all of an issuer. A
// JWT is verified without its authority, so that it serves a thief until it expires.
// A cut-off ends that.
//
// A service makes a [List] and sets it in verifier.Config.Revocations. Without a
// [Source] the list is in this process alone, and [List.Add] fills it. With one, such
// as redisfleet.Revocations, all replicas follow the same cut-offs:
//
//	list, err := revocation.New(revocation.Config{Source: source})
//	v, err := verifier.New(verifier.Config{Issuers: issuers, Revocations: list})
//
// A cut-off is never undone: until it ends, a list that has seen it refuses the
// tokens that it selects, whatever becomes of the source. A cut-off of a key never
// ends: the list does not know when the last verifier has dropped the key. It ends if
// Until is set, or with the process and the source. docs/operating.md has the order
// of an incident.
//
// The package imports the standard library alone.
package revocation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Kind says by what a [Selector] selects tokens.
type Kind string

// The Kinds.
const (
	ClientKind     Kind = "client"     // the client's ID
	TokenKind      Kind = "token"      // the token's "jti"
	KeyKind        Kind = "key"        // the RFC 7638 thumbprint of the key that signed it
	EverythingKind Kind = "everything" // all of the issuer
)

// Selector selects tokens of an issuer. Make one with [Client], [Token], [Key] or
// [Everything]: the zero Selector is a mistake. Selectors can be compared with ==.
type Selector struct {
	kind Kind
	name string
}

// Client selects the tokens of the client with this ID.
func Client(id string) Selector { return Selector{ClientKind, id} }

// Token selects the tokens with this "jti", whenever they were issued.
func Token(jti string) Selector { return Selector{TokenKind, jti} }

// Key selects the tokens that were signed by a key, whenever they claim to be
// issued: a thief of the key chooses "iat". The thumbprint is that of RFC 7638 with
// SHA-256, in base64url.
func Key(thumbprint string) Selector { return Selector{KeyKind, thumbprint} }

// Everything selects all tokens of the issuer.
func Everything() Selector { return Selector{EverythingKind, ""} }

// Kind returns the kind of s, or "" for the zero Selector.
func (s Selector) Kind() Kind { return s.kind }

// Name returns the ID, "jti" or thumbprint, or "" for Everything.
func (s Selector) Name() string { return s.name }

// String returns s for a log, with the name quoted and cut after 128 bytes.
func (s Selector) String() string {
	switch {
	case s.kind == "":
		return "nothing"
	case s.kind == EverythingKind:
		return string(s.kind)
	case len(s.name) > 128:
		return string(s.kind) + " " + strconv.QuoteToASCII(s.name[:128]) + "..."
	}
	return string(s.kind) + " " + strconv.QuoteToASCII(s.name)
}

// Cutoff refuses the selected tokens of an issuer that were issued at or before
// IssuedUpTo, and those without "iat".
type Cutoff struct {
	// Issuer is the Name of the verifier.Issuer, or one of its aliases. Required.
	Issuer string

	// Select selects the tokens. Required.
	Select Selector

	// IssuedUpTo is the last moment at which a refused token was issued, rounded up
	// to the second. Required for Client and Everything, not used for Token and Key.
	IssuedUpTo time.Time

	// Until ends the cut-off: every token that it refuses has expired by then. It is
	// rounded up to the second. The zero Time derives it from the longest life of a
	// token, except that a cut-off of a Key never ends.
	Until time.Time

	// Note says why, and by whom, for logs. At most 512 bytes.
	Note string
}

// String describes c for a log.
func (c Cutoff) String() string {
	text := "issuer " + strconv.QuoteToASCII(c.Issuer) + ", " + c.Select.String()
	if c.hasBound() {
		text += ", issued up to " + c.IssuedUpTo.UTC().Format(time.RFC3339)
	}
	return text
}

func (c Cutoff) hasBound() bool {
	return c.Select.kind == ClientKind || c.Select.kind == EverythingKind
}

const (
	maxName = 4096
	maxNote = 512
	lastDay = 253402300799 // the last second of the year 9999, in Unix time
)

// Check returns every mistake in c, or nil.
func (c Cutoff) Check() error {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("revocation: Cutoff."+format, args...))
	}
	text := func(field, text string, most int) {
		if len(text) > most || !utf8.ValidString(text) {
			mistake("%s has %d bytes: want at most %d of UTF-8", field, len(text), most)
		}
	}
	if c.Issuer == "" {
		mistake("Issuer is empty")
	}
	text("Issuer", c.Issuer, maxName)
	text("Note", c.Note, maxNote)
	switch c.Select.kind {
	case ClientKind, TokenKind:
		if c.Select.name == "" {
			mistake("Select is a %s without a name: an empty one selects nothing", c.Select.kind)
		}
		text("Select", c.Select.name, maxName)
	case KeyKind:
		if _, ok := thumbprint(c.Select.name); !ok {
			mistake("Select is a key without its thumbprint: want a SHA-256 in base64url, of 43 characters")
		}
	case EverythingKind:
	default:
		mistake("Select is empty: want one of Client, Token, Key and Everything")
	}
	if c.hasBound() && c.IssuedUpTo.IsZero() {
		mistake("IssuedUpTo is zero: no token would be refused")
	}
	for field, t := range map[string]time.Time{"IssuedUpTo": c.IssuedUpTo, "Until": c.Until} {
		if !t.IsZero() && (t.Unix() < 0 || t.After(time.Unix(lastDay, 0))) {
			mistake("%s is %v: want a time from 1970 to 9999", field, t)
		}
	}
	if !c.Until.IsZero() && c.hasBound() && c.Until.Before(c.IssuedUpTo) {
		mistake("Until is before IssuedUpTo")
	}
	return errors.Join(errs...)
}

// slack is twice the largest leeway of a Verifier.
const slack = 10 * time.Minute

// Complete returns c with IssuedUpTo and Until rounded up to the second. If Until was
// zero, it becomes life, which is the longest life of a token, after IssuedUpTo, and a
// few minutes for clocks. For Token, the life begins now.
func (c Cutoff) Complete(now time.Time, life time.Duration) Cutoff {
	// Both are rounded, so that Until does not get before IssuedUpTo.
	c.IssuedUpTo, c.Until = roundUp(c.IssuedUpTo), roundUp(c.Until)
	if !c.hasBound() {
		c.IssuedUpTo = time.Time{}
	}
	if c.Until.IsZero() && c.Select.kind != KeyKind {
		from := now
		if c.hasBound() {
			from = c.IssuedUpTo
		}
		c.Until = from.Add(life + slack).Truncate(time.Second)
	}
	return c
}

// roundUp returns the first whole second that is not before t.
func roundUp(t time.Time) time.Time {
	rounded := t.Truncate(time.Second)
	if rounded.Before(t) {
		rounded = rounded.Add(time.Second)
	}
	return rounded
}

// thumbprint decodes the name of a Key.
func thumbprint(name string) (digest [32]byte, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(name)
	if err != nil || len(b) != len(digest) || len(name) != 43 {
		return digest, false
	}
	return [32]byte(b), true
}

// Issued describes a token that was verified, for [List.Find].
type Issued struct {
	Issuer        string   // the Name of its issuer
	Aliases       []string // the other names of its issuer
	ClientID      string
	TokenID       string    // "jti", or ""
	KeyThumbprint [32]byte  // of the key that signed it (RFC 7638)
	IssuedAt      time.Time // "iat"; zero without one
}
