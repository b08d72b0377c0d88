package outbound

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Redacted replaces a secret in a text.
const Redacted = "[redacted]"

// Quote returns a server's text for an error or a log: quoted, and cut after 200
// bytes.
func Quote(text string) string {
	const limit = 200
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strconv.Quote(text)
}

// WithoutSecrets replaces the secrets in text that an authority wrote. It finds a
// secret in its plain, form-encoded, path-escaped and base64 forms. Empty secrets
// are skipped. (Package redact handles text whose secrets are not known.)
func WithoutSecrets(text string, secrets ...string) string {
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

// ErrorWithoutSecrets returns err unchanged if its text holds none of the secrets,
// and otherwise an error with the same text but without them. net/http quotes
// malformed responses, and a transport may quote anything.
func ErrorWithoutSecrets(err error, secrets ...string) error {
	text := err.Error()
	if shown := WithoutSecrets(text, secrets...); shown != text {
		return errors.New(shown)
	}
	return err
}

// leastShown is how many bytes of a token may be shown.
const leastShown = 16

// ErrorWithoutToken does what ErrorWithoutSecrets does for a token, of which a text may
// show the beginning alone: quotes are cut.
func ErrorWithoutToken(err error, token string) error {
	err = ErrorWithoutSecrets(err, token)
	if len(token) < leastShown {
		return err
	}
	text, cut := err.Error(), ""
	for {
		at := strings.Index(text, token[:leastShown])
		if at < 0 {
			break
		}
		end := at + leastShown
		for n := leastShown; n < len(token) && end < len(text) && text[end] == token[n]; n++ {
			end++
		}
		cut += text[:at] + Redacted
		text = text[end:]
	}
	if cut == "" {
		return err
	}
	return errors.New(cut + text)
}

// Code returns an authority's error code or request ID if it has the form of one:
// up to 128 letters, digits and "_-.:/ " that hold none of the secrets. It returns
// "" for every other text, because that may hold a secret.
func Code(text string, secrets ...string) string {
	if len(text) > 128 || WithoutSecrets(text, secrets...) != text {
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
