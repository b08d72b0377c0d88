package httpmw

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// pattern is a parsed pattern of http.ServeMux.
type pattern struct {
	method, host, path string
	segments           []segment
}

// segment is a part of a pattern's path. A path that ends with a slash ends
// with a multi segment.
type segment struct {
	kind segmentKind
	text string // of a literal, decoded
}

type segmentKind uint8

const (
	literal segmentKind = iota
	wild                // {name}
	multi               // {name...}, or a trailing slash
	end                 // {$}
)

// cutPattern splits a pattern into method, host and path. ok is false if
// http.ServeMux will refuse it.
func cutPattern(s string) (method, host, path string, ok bool) {
	rest := s
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		method, rest = s[:i], strings.TrimLeft(s[i+1:], " \t")
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "", "", "", false
	}
	return method, rest[:slash], rest[slash:], true
}

// withPlainHost returns a pattern with its host as Mux.ServeHTTP compares it:
// hosts have no letter case (RFC 9110 §4.2.3). It keeps a port, which ServeMux
// never matches.
func withPlainHost(s string) string {
	_, host, path, ok := cutPattern(s)
	if !ok || host == "" {
		return s
	}
	name, ok := urlpath.Host(host)
	if hasPort := strings.Contains(host, ":") && !strings.HasSuffix(host, "]"); !ok || hasPort {
		return s
	}
	return strings.TrimSuffix(s, host+path) + name + path
}

// parsePattern parses a pattern that http.ServeMux has accepted.
func parsePattern(s string) pattern {
	method, host, path, _ := cutPattern(s)
	p := pattern{method: method, host: host, path: path}
	for text := range strings.SplitSeq(path[1:], "/") {
		switch {
		case text == "": // the last one: ServeMux refuses others, or never matches them
			p.segments = append(p.segments, segment{kind: multi})
		case text == "{$}":
			p.segments = append(p.segments, segment{kind: end})
		case strings.HasSuffix(text, "...}"):
			p.segments = append(p.segments, segment{kind: multi})
		case text[0] == '{':
			p.segments = append(p.segments, segment{kind: wild})
		default:
			if decoded, err := url.PathUnescape(text); err == nil {
				text = decoded
			}
			p.segments = append(p.segments, segment{kind: literal, text: text})
		}
	}
	return p
}

// names reports whether the pattern matches exactly one path.
func (p pattern) names() bool {
	for _, s := range p.segments {
		if s.kind == wild || s.kind == multi {
			return false
		}
	}
	return true
}

// isSubtree reports whether the pattern matches every path below its own.
func (p pattern) isSubtree() bool { return p.segments[len(p.segments)-1].kind == multi }

// sample returns a path that p matches, with word for its wildcards.
func (p pattern) sample(word string) string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		switch s.kind {
		case literal:
			b.WriteString(s.text)
		case wild:
			b.WriteString(word)
		}
	}
	return b.String()
}

// coversPath reports whether p matches every path that o matches.
func (p pattern) coversPath(o pattern) bool {
	for i, s := range p.segments {
		if i == len(o.segments) {
			return false
		}
		switch other := o.segments[i]; {
		case s.kind == multi:
			return true
		case s.kind == wild && (other.kind == wild || other.kind == literal):
		case s.kind == literal && other.kind == literal && s.text == other.text:
		case s.kind == end && other.kind == end:
		default:
			return false
		}
	}
	return len(p.segments) == len(o.segments)
}

// coversMethod reports whether p matches every method that o matches.
func (p pattern) coversMethod(o pattern) bool {
	return p.method == "" || p.method == o.method || p.method == http.MethodGet && o.method == http.MethodHead
}

// meets reports whether a request can have the method and the host of both.
func (p pattern) meets(o pattern) bool {
	return (p.host == "" || o.host == "" || p.host == o.host) &&
		(p.coversMethod(o) || o.coversMethod(p))
}

// precedes reports whether http.ServeMux prefers p where both match.
func (p pattern) precedes(o pattern) bool {
	if p.host != o.host {
		return p.host != ""
	}
	return o.coversPath(p) && o.coversMethod(p)
}

// folded returns p with its literals in lower case.
func (p pattern) folded() pattern {
	p.segments = slices.Clone(p.segments)
	for i := range p.segments {
		p.segments[i].text = strings.ToLower(p.segments[i].text)
	}
	return p
}
