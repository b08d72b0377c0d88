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

// Secret holds a secret and keeps it out of logs. fmt, log/slog, encoding/json and
// other encoders show it as "[redacted]", also inside other values. Only
// [Secret.Reveal] returns the text.
//
// The zero Secret is empty and is shown in the same way. Compare secrets with
// [Secret.Equal], not with ==. A Secret is immutable and safe for concurrent use.
type Secret struct {
	// A pointer, because fmt prints unexported fields of other structs without
	// calling their methods. It then shows an address.
	value *string
}

// NewSecret returns a Secret with that text. NewSecret("") is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text of the secret, to send or to store it. It returns "" for
// the zero Secret.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether two secrets are equal, in a time that depends only on their
// lengths.
func (s Secret) Equal(o Secret) bool {
	x, y := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(o.Reveal()))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Format implements [fmt.Formatter]. Every verb prints "[redacted]".
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer]. It returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler] for encoding/json, encoding/xml,
// flag and others. It returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that configuration can hold
// secrets. It refuses "[redacted]", which MarshalText writes.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New(`stytch: the secret reads "[redacted]", because an encoder has hidden it: ` +
			`store the text that Reveal returns`)
	}
	*s = NewSecret(string(text))
	return nil
}
