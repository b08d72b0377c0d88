package hints

import (
	"slices"
	"strconv"
	"strings"
)

// Near returns a hint if a configured name differs from the token's in a way that
// is easily overlooked, and "" otherwise. Verifiers compare names exactly. what is
// "issuer" or "audience".
func Near(what, got string, configured []string) string {
	if got == "" {
		return ""
	}
	for _, want := range configured {
		switch {
		case got == want+"/":
			return "the token's " + what + " ends with a slash and the configured one does not: write it exactly as in the token"
		case got+"/" == want:
			return "the configured " + what + " ends with a slash and the token's does not: write it exactly as in the token"
		case strings.EqualFold(got, want):
			return "the names differ in upper and lower case: write it exactly as in the token"
		case bare(got) == bare(want):
			return "the names differ in http, https or the final slash: write it exactly as in the token"
		}
	}
	const project = "stytch.com/project-"
	ofProject := func(name string) bool { return strings.HasPrefix(name, project) }
	if what == "issuer" && ofProject(got) && len(configured) > 0 && !slices.ContainsFunc(configured, ofProject) {
		return "the token names its Stytch project, and not the domain of a token endpoint in front of Stytch: " +
			"trust the project with stytch.Issuer"
	}
	return ""
}

func bare(url string) string {
	url = strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
	return strings.TrimSuffix(url, "/")
}

// nearest does the same as Near for the two halves of a cause.
func nearest(what, found, want string) string {
	values := quotedTexts(found)
	if len(values) == 0 {
		return ""
	}
	for _, got := range values[1:] { // the first is the name of the claim
		if hint := Near(what, got, quotedTexts(want)); hint != "" {
			return hint
		}
	}
	return ""
}

const wanted = ", want "

// Split returns what a cause says was found and what was expected. If it does not
// say both, the whole text is found. A ", want " inside quotes does not count: it
// is the caller's.
func Split(cause string) (found, expected string) {
	at := -1
	for i := 0; i < len(cause); {
		switch {
		case cause[i] == '"':
			quoted, err := strconv.QuotedPrefix(cause[i:])
			if err != nil {
				i++
				continue
			}
			i += len(quoted)
		case strings.HasPrefix(cause[i:], wanted):
			at = i
			i += len(wanted)
		default:
			i++
		}
	}
	if at < 0 {
		return cause, ""
	}
	return cause[:at], cause[at+len(wanted):]
}

// quotedTexts returns the quoted parts of a cause, unquoted.
func quotedTexts(cause string) (texts []string) {
	for {
		at := strings.IndexByte(cause, '"')
		if at < 0 {
			return texts
		}
		cause = cause[at:]
		quoted, err := strconv.QuotedPrefix(cause)
		if err != nil {
			return texts
		}
		if text, err := strconv.Unquote(quoted); err == nil {
			texts = append(texts, text)
		}
		cause = cause[len(quoted):]
	}
}
