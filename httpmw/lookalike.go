package httpmw

import (
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// lookalikes finds requests that http.ServeMux matches to one route and that a
// handler, or a server after it, could read as requests for another. It is
// immutable once compiled.
type lookalikes struct {
	root  node
	plain bool // every literal in it is its own reduction
}

// node is a node in the tree of all patterns. Their literals are reduced like
// request paths.
type node struct {
	literals map[string]*node
	wild     *node
	here     []*route // patterns that end here
	slash    []*route // with a slash and nothing after it: {$}
	below    []*route // with a slash and any rest, also an empty one
}

// rivalry describes, for one route, another route that is stricter and for which
// its requests could be mistaken.
type rivalry struct {
	exists   bool // else the other route is no such rival
	precedes bool // http.ServeMux prefers this route where both match
}

// compile sets the rivals of each route. A route that matches exactly one path
// has none: its requirement was written for that path.
func compile(routes []*route) *lookalikes {
	l := &lookalikes{plain: true}
	found := false
	for i, r := range routes {
		r.index, r.rivals, r.lookalikes = i, nil, nil
	}
	for _, r := range routes {
		if r.parsed.names() {
			continue
		}
		rivals := make([]rivalry, len(routes))
		any := false
		for i, other := range routes {
			if r.weakerThan(other) && r.parsed.meets(other.parsed) {
				rivals[i] = rivalry{exists: true, precedes: r.parsed.folded().precedes(other.parsed.folded())}
				any = true
			}
		}
		if any {
			r.rivals, r.lookalikes, found = rivals, l, true
		}
	}
	if found {
		for _, r := range routes {
			l.add(r)
		}
	}
	return l
}

// weakerThan reports whether a call can meet the requirement of r and not that of
// other.
func (r *route) weakerThan(other *route) bool {
	return r != other && !other.need.IsPublic() && (r.guard != other.guard || !r.need.Implies(other.need))
}

// add inserts r into the tree twice: as it is written, and as lax servers read
// it.
func (l *lookalikes) add(r *route) {
	l.insert(r, false)
	l.insert(r, true)
}

func (l *lookalikes) insert(r *route, lax bool) {
	n := &l.root
	for _, s := range r.parsed.segments {
		switch s.kind {
		case literal:
			l.plain = l.plain && urlpath.Plain("/"+s.text) && !strings.Contains(s.text, "/")
			for _, text := range readings(s.text, lax) {
				n = n.child(text)
			}
		case wild:
			if n.wild == nil {
				n.wild = &node{}
			}
			n = n.wild
		case end:
			n.slash = appendOnce(n.slash, r)
			return
		case multi:
			n.below = appendOnce(n.below, r)
			return
		}
	}
	n.here = appendOnce(n.here, r)
}

// readings returns the segments that a server reads in a literal segment.
func readings(text string, lax bool) []string {
	if lax {
		if reduced, ok := urlpath.Reduce("/" + text); ok {
			text = reduced[1:]
		}
	}
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return c == '/' })
}

func (n *node) child(text string) *node {
	if n.literals == nil {
		n.literals = make(map[string]*node)
	}
	if n.literals[text] == nil {
		n.literals[text] = &node{}
	}
	return n.literals[text]
}

func appendOnce(list []*route, r *route) []*route {
	if slices.Contains(list, r) {
		return list
	}
	return append(list, r)
}

// mistakable reports whether a request that http.ServeMux matched to r could be
// taken for one of r's rivals. It does not allocate for paths of up to 256
// bytes.
func (r *route) mistakable(req *http.Request) bool {
	path := req.URL.Path
	if r.lookalikes.plain && req.URL.RawPath == "" && urlpath.Plain(path) && !hasLower(req.Method) {
		return false // every server reads it as http.ServeMux did
	}
	host := ""
	if req.Host != "" {
		host, _ = urlpath.Host(req.Host)
	}
	var room [256]byte
	if r.resembles(append(room[:0], path...), req.Method, host) {
		return true
	}
	// Some servers remove parameters before they decode: there, an encoded slash
	// in one does not end it.
	raw, decoded := req.URL.RawPath, false
	if raw == "" {
		raw, decoded = path, true // each slash in it was one in the request
	}
	if strings.IndexByte(raw, ';') < 0 {
		return false
	}
	buf, undecodable := urlpath.AppendWithoutParameters(room[:0], raw), false
	if !decoded {
		buf, _, undecodable = urlpath.Decode(buf)
	}
	return undecodable || r.resembles(buf, req.Method, host)
}

// resembles reports whether a rival of r matches a path that was decoded once,
// or one of its further decodings. It writes into the path.
func (r *route) resembles(path []byte, method, host string) bool {
	for decodings := 1; ; decodings++ {
		var ok bool
		if path, ok = urlpath.Normalize(path); !ok {
			return true
		}
		// A "?" in a parameter does not end the path where parameters are removed
		// first.
		whole := urlpath.Whole(path)
		if r.readAs(path, false, method, host) || r.readAs(whole, true, method, host) ||
			len(whole) < len(path) && r.readAs(path, true, method, host) {
			return true
		}
		decoded, changed, undecodable := urlpath.Decode(path)
		if !changed {
			return undecodable
		}
		if decodings == urlpath.MaxDecodings {
			return true
		}
		path = decoded
	}
}

// hasLower reports whether a method has a lower-case letter. Some servers treat
// it like the method in upper case.
func hasLower(method string) bool {
	for i := range len(method) {
		if 'a' <= method[i] && method[i] <= 'z' {
			return true
		}
	}
	return false
}

// readAs reports whether a rival of r matches path, and http.ServeMux would not
// prefer r.
func (r *route) readAs(path []byte, lax bool, method, host string) bool {
	s := search{of: r, lax: lax, method: method, host: host}
	s.walk(&r.lookalikes.root, path)
	return s.rival || s.inferior && !s.self
}

// search is one walk through the tree.
type search struct {
	of           *route
	lax          bool
	method, host string

	self     bool // the route itself matches
	rival    bool // a rival matches
	inferior bool // a rival that the route precedes matches
}

func (s *search) walk(n *node, path []byte) {
	if n == nil || s.rival {
		return
	}
	seg, rest, slash := urlpath.Next(path, s.lax)
	// "/admin" counts as well: http.ServeMux redirects it to "/admin/".
	s.note(n.below)
	switch {
	case len(seg) > 0:
		s.walk(n.literals[string(seg)], rest)
		s.walk(n.wild, rest)
	case slash:
		s.note(n.slash)
	default:
		s.note(n.here)
	}
}

func (s *search) note(matched []*route) {
	for _, m := range matched {
		switch rivalry := s.of.rivals[m.index]; {
		case m == s.of:
			s.self = true
		case !rivalry.exists || !m.parsed.takes(s.method, s.host):
		case rivalry.precedes:
			s.inferior = true
		default:
			s.rival = true
		}
	}
}

// takes reports whether the pattern matches the host and the method, in any
// letter case.
func (p pattern) takes(method, host string) bool {
	return (p.host == "" || p.host == host) &&
		(p.method == "" || strings.EqualFold(p.method, method) ||
			p.method == http.MethodGet && strings.EqualFold(method, http.MethodHead))
}
