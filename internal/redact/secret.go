package redact

import (
	"slices"
	"strings"
)

// isSecret reports whether text holds a token, a key, or a password outside a URL,
// in the form "user:password@host".
func isSecret(text string) bool {
	if isToken(text) {
		return true
	}
	return !strings.Contains(text, "://") && holdsUserInfo(text)
}

func holdsUserInfo(text string) bool {
	user, _, found := strings.Cut(text, "@")
	return found && strings.Contains(user, ":")
}

// schemes are authentication schemes (RFC 9110 §11.1), which may have been copied
// together with a credential.
var schemes = []string{"bearer ", "basic ", "dpop ", "authorization:"}

// prefixes are how well-known tokens and secrets begin.
var prefixes = []string{
	"secret-test-", "secret-live-", // Stytch
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
	"ya29.", "gocspx-", // Google
	"xoxb-", "xoxp-", "sk_live_", "sk_test_",
}

// isToken reports whether text holds a token or a key.
func isToken(text string) bool {
	lower := strings.ToLower(strings.TrimSpace(text))
	for _, scheme := range schemes {
		if strings.HasPrefix(lower, scheme) {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(lower, func(c rune) bool { return strings.ContainsRune(" \t\r\n\"',;:/?#&=@", c) }) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(word, prefix) && len(word) >= len(prefix)+8 {
				return true
			}
		}
	}
	return holdsPEM(text) || holdsJWT(text)
}

func holdsPEM(text string) bool { return strings.Contains(strings.ToLower(text), "-----begin") }

// holdsJWT reports whether text holds a segment of a JWT: base64url of a JSON object
// (RFC 7519 §3), which begins with "{" and a quote, a space or a line break. It also
// finds words of three or five segments whose last segment is random.
func holdsJWT(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !isBase64URL(c) && c != '.' }) {
		segments := strings.Split(word, ".")
		for _, segment := range segments {
			if len(segment) >= 16 && beginsObject(segment) {
				return true
			}
		}
		if n := len(segments); (n == 3 || n == 5) && len(segments[n-1]) >= 32 && isRandom(segments[n-1]) {
			return true
		}
	}
	return false
}

func beginsObject(segment string) bool {
	return slices.ContainsFunc([]string{"eyJ", "eyA", "ewo", "ew0", "ewk"}, func(p string) bool { return strings.HasPrefix(segment, p) })
}

// isRandom reports whether text holds a run of 20 or more letters and digits that
// changes between letters and digits at least twice. Words and most names do not,
// and the groups of a GUID are shorter.
func isRandom(text string) bool {
	for run := range strings.FieldsFuncSeq(text, func(c rune) bool { return !isAlphanumeric(c) }) {
		if len(run) < 20 {
			continue
		}
		changes := 0
		for i := 1; i < len(run); i++ {
			if isDigit(rune(run[i])) != isDigit(rune(run[i-1])) {
				changes++
			}
		}
		if changes >= 2 {
			return true
		}
	}
	return false
}

func isBase64URL(c rune) bool    { return isAlphanumeric(c) || c == '-' || c == '_' }
func isAlphanumeric(c rune) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c rune) bool        { return c >= '0' && c <= '9' }
