package stytch

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

const redacted = outbound.Redacted

// Secret is a secret that doesn't get into logs by accident: fmt, log/slog,
// encoding/json and whatever else marshals text show it as "[redacted]", also
// inside other values. Only [Secret.Reveal] gives it away.
//
// The zero Secret is no secret, and is shown the same. Compare with
// [Secret.Equal], not with ==. A Secret is immutable and safe for concurrent
// use.
type Secret struct {
	// Behind a pointer: fmt prints unexported fields of other structs by
	// reflection, without asking for methods, and then shows an address.
	value *string
}

// NewSecret makes a Secret of its text. The empty text makes the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal is the secret itself: to send it or to store it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares two secrets in constant time, their lengths included.
func (s Secret) Equal(o Secret) bool {
	x, y := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(o.Reveal()))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Format implements [fmt.Formatter]: every verb prints "[redacted]".
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// String is "[redacted]".
func (s Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], by which encoding/json,
// encoding/xml, flag and most others write "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that configuration
// can hold secrets. "[redacted]" is refused: it was a secret once.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New(`stytch: the secret reads "[redacted]": it was written by something that hides secrets, ` +
			`store what Reveal returns instead`)
	}
	*s = NewSecret(string(text))
	return nil
}
