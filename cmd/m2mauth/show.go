package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// shown holds a token's header and claims for display only. It does not hold the
// signature.
type shown struct {
	header, claims map[string]json.RawMessage // nil if they can't be read
}

// show parses a token for display. It returns an empty result for other texts than
// a JWT.
func show(token string) shown {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return shown{}
	}
	s := shown{object(parts[0]), object(parts[1])}
	if s.header == nil {
		return shown{}
	}
	return s
}

func object(segment string) (members map[string]json.RawMessage) {
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil || json.Unmarshal(text, &members) != nil {
		return nil
	}
	return members
}

// text returns a claim that is a string, or "".
func (s shown) text(name string) (text string) {
	_ = json.Unmarshal(s.claims[name], &text)
	return text
}

// list returns a claim that is a string or a list of strings.
func (s shown) list(name string) (list []string) {
	if raw := s.claims[name]; json.Unmarshal(raw, &list) != nil {
		return []string{s.text(name)}
	}
	return list
}

// first returns the first of the names that is a claim, or "".
func (s shown) first(names []string) string {
	for _, name := range names {
		if _, present := s.claims[name]; present {
			return name
		}
	}
	return ""
}

// moment returns a claim that is a time, with its distance from now.
func (s shown) moment(name string, now time.Time) string {
	t, ok := s.time(name)
	if !ok {
		return name + " " + value(s.claims[name])
	}
	text := name + " " + stamp(t)
	switch d := t.Sub(now).Round(time.Second); {
	case d > 0:
		return text + ", in " + d.String()
	case d < 0:
		return text + ", " + (-d).String() + " ago"
	}
	return text + ", now"
}

const maxTime = 253402300799 // the end of the year 9999

func (s shown) time(name string) (time.Time, bool) {
	var f float64
	if raw, present := s.claims[name]; !present || json.Unmarshal(raw, &f) != nil || !(f >= 0 && f <= maxTime) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

const (
	maxShown = 96 // bytes of one value
	maxItems = 8  // of one list
)

// value returns a JSON value for display: in visible ASCII, and cut.
func value(raw json.RawMessage) string {
	var text string
	var list []string
	switch {
	case raw == nil:
		return "missing"
	case string(raw) == "null":
		return "null"
	case json.Unmarshal(raw, &text) == nil:
		return quote(text)
	case json.Unmarshal(raw, &list) == nil:
		return "[" + quoteList(list) + "]"
	default:
		if shown := redact.Tokens(string(raw)); shown != string(raw) {
			return plain(shown[:min(len(shown), maxShown)])
		}
		return plain(string(raw[:min(len(raw), maxShown)])) + ellipsis(len(raw) > maxShown)
	}
}

// quote returns a text of the token or the key set for display, without escape
// sequences for the terminal and without tokens.
func quote(text string) string {
	text = redact.Tokens(text)
	return strconv.QuoteToASCII(text[:min(len(text), maxShown)]) + ellipsis(len(text) > maxShown)
}

func quoteList(list []string) string {
	var quoted []string
	for i, text := range list {
		if i == maxItems {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		quoted = append(quoted, quote(text))
	}
	return strings.Join(quoted, ", ")
}

// configured returns a list of configured names for display, without secrets in
// URLs or in the wrong flag.
func configured(list []string) string {
	shown := make([]string, len(list))
	for i, text := range list {
		shown[i] = redact.Text(text)
	}
	return strings.ReplaceAll(quoteList(shown), ", ", " or ")
}

// requirement returns the text of a Requirement, in which each scope is quoted,
// without the secrets that configured hides.
func requirement(text string) string {
	quoted := regexp.MustCompile(`"[^"]*"`) // no scope contains a quotation mark
	return quoted.ReplaceAllStringFunc(text, func(scope string) string {
		return `"` + redact.Text(strings.Trim(scope, `"`)) + `"`
	})
}

func ellipsis(cut bool) string {
	if cut {
		return "..."
	}
	return ""
}

// plain returns text in visible ASCII, with escapes for everything else.
func plain(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c >= ' ' && c <= '~' {
			b.WriteRune(c)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(c)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func lines(text string) iter.Seq[string] { return strings.SplitSeq(text, "\n") }
