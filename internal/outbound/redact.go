package outbound

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Redacted stands in texts where a secret was.
const Redacted = "[redacted]"

// Quote returns text from outside as an error or a log may show it: quoted, and
// cut after 200 bytes.
func Quote(text string) string {
	const limit = 200
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strconv.Quote(text)
}

// Redact replaces the secrets in text that an authority wrote. It knows a secret
// as it is, form-encoded, path-escaped, and as base64. Empty secrets are
// skipped.
func Redact(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, spelling := range []string{
			secret,
			url.QueryEscape(secret),
			url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte(secret)),
			base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			text = strings.ReplaceAll(text, spelling, Redacted)
		}
	}
	return text
}

// RedactError returns err, or an error with the secrets replaced if its text
// holds one. net/http quotes malformed answers, and transports quote what they
// like.
func RedactError(err error, secrets ...string) error {
	text := err.Error()
	if redacted := Redact(text, secrets...); redacted != text {
		return errors.New(redacted)
	}
	return err
}

// Code returns an authority's error code or request ID if it reads like one:
// up to 128 letters, digits and "_-.:/ " that hold none of the secrets. It
// returns "" for every other text, which could be anything, a secret included.
func Code(text string, secrets ...string) string {
	if len(text) > 128 || Redact(text, secrets...) != text {
		return ""
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.:/ ", rune(c)) {
			return ""
		}
	}
	return text
}
