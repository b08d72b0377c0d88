// Package redact shows text that somebody typed, such as an argument or a flag,
// without the secret that it may hold. It needs the standard library alone.
//
// A secret gets into an error message in two ways: in a URL, and by mistake, as
// when a token is put into the flag beside the right one.
package redact

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxQuoted is how many bytes of a text Quote shows at most.
const maxQuoted = 128

// Quote returns text for an error message that refuses it: quoted in ASCII, and
// cut after 128 bytes. A URL loses what [URL] drops. A text that looks like a
// secret is replaced by a note in parentheses; so is a long random word, because
// a refused argument is rarely an identifier.
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

// Text returns text for a report that repeats a configured value, such as an
// issuer or an audience. It neither quotes nor cuts. A URL loses what [URL]
// drops, and other text what follows "?", "#" or "=". A text that looks like a
// token, a key or a pair of user name and password is replaced by a note.
// Random identifiers are shown: client IDs look like that.
func Text(text string) string {
	shown, state := show(text)
	if state == shortened {
		return shown + "…"
	}
	return shown
}

// Tokens returns text, in which each word that holds a token or a key is replaced
// by a note. It is for text that is mostly not configuration: claims, and errors
// of other packages.
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
	return note(text, secret) // which spans words
}

// URL returns raw without user info, query and fragment, where secrets stand. A
// URL that does not parse is replaced by a note, because nobody can say which
// part of it is the password. (The errors of url.Parse quote it: don't pass them
// on.)
func URL(raw string) string {
	shown, _ := showURL(raw)
	return shown
}

// state says what became of a text.
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
