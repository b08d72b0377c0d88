// Package redact shows text that somebody typed, such as an argument or a flag,
// without the secret that it may hold. It imports the standard library alone.
//
// A secret gets into an error message in two ways: inside a URL, and by mistake,
// when a token is pasted into the wrong flag. Both are recognized by their form. For
// secrets that are known, see outbound.WithoutSecrets.
package redact

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxQuoted is how many bytes of a text Quote shows at most.
const maxQuoted = 128

// Quote returns a refused argument for an error message: quoted in ASCII, and cut
// after 128 bytes. A URL is shown as [URL] shows it. Text that looks like a secret is
// replaced by a note in parentheses. So is a long random word, because a refused
// argument is rarely an identifier.
func Quote(text string) string {
	if !strings.Contains(text, "://") && isRandom(text) {
		return note(text, secret)
	}
	shown, state := show(text)
	if state == replaced {
		return shown
	}
	if len(shown) > maxQuoted {
		shown, state = shown[:maxQuoted], shortened
	}
	if state == shortened {
		return strconv.QuoteToASCII(shown) + "…"
	}
	return strconv.QuoteToASCII(shown)
}

// Text returns a configured value, such as an issuer or an audience, for a report.
// It neither quotes nor cuts. A URL is shown as [URL] shows it, and other text up to
// the first "?", "#" or "=". Text that looks like a token, a key or a user name with
// a password is replaced by a note. Random identifiers are shown, because client IDs
// look like that.
func Text(text string) string {
	shown, state := show(text)
	if state == shortened {
		return shown + "…"
	}
	return shown
}

// Tokens replaces each word of text that holds a token or a key by a note. Use it
// for text that is not configuration: claims, and errors of other packages.
func Tokens(text string) string {
	if !isToken(text) {
		return text
	}
	if holdsPEM(text) {
		return note(text, secret)
	}
	words := strings.Split(text, " ")
	for i, word := range words {
		if isToken(word) {
			words[i] = note(word, secret)
		}
	}
	if shown := strings.Join(words, " "); !isToken(shown) {
		return shown
	}
	return note(text, secret) // the token spans several words
}

// URL returns raw without user info, query and fragment, which may hold secrets. A
// malformed URL is replaced by a note, because any part of it may be the password.
// Errors of url.Parse quote such a URL: don't show them.
func URL(raw string) string {
	shown, _ := showURL(raw)
	return shown
}

// state says how much of a text is shown.
type state int

const (
	whole     state = iota // or a URL without its secrets
	shortened              // the rest may be a secret
	replaced               // by a note
)

func show(text string) (string, state) {
	switch {
	case isSecret(text):
		return note(text, secret), replaced
	case strings.Contains(text, "://"):
		return showURL(text)
	default:
		// "=" at the end is base64's padding, and followed by nothing.
		if end := strings.IndexAny(strings.TrimRight(text, "="), "?#="); end >= 0 {
			return text[:end], shortened
		}
		return text, whole
	}
}

func showURL(raw string) (string, state) {
	if isToken(raw) {
		return note(raw, secret), replaced
	}
	u, err := url.Parse(raw)
	if err == nil && holdsUserInfo(u.Path) { // a URL after a URL
		return note(raw, secret), replaced
	}
	if err != nil || strings.ContainsAny(strings.TrimSpace(raw), " \t\r\n") || u.Scheme == "" || u.Host == "" {
		return note(raw, "are no valid URL"), replaced
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(), whole
}

const secret = "look like a secret"

func note(text, why string) string {
	return fmt.Sprintf("(not shown: %d bytes that %s)", len(text), why)
}
