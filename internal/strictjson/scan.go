package strictjson

import (
	"math"
	"strings"
	"unicode/utf8"
)

// checked are the limits for a part of a document that was already checked.
var checked = Limits{Depth: math.MaxInt, Members: math.MaxInt}

// scanner reads a document of valid UTF-8 from start to end.
type scanner struct {
	doc     string
	plain   bool // every byte of doc is visible ASCII or a space, and none a backslash
	pos     int
	limits  Limits
	members int // so far
	objects int // so far

	names
}

// isPlain reports whether every byte of doc is from ' ' to DEL, and none is a
// backslash. Each string in such a document ends at the next quote. Most tokens
// are plain, so isPlain reads eight bytes at a time.
func isPlain(doc string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(doc) >= 8; doc = doc[8:] {
		x := uint64(doc[0]) | uint64(doc[1])<<8 | uint64(doc[2])<<16 | uint64(doc[3])<<24 |
			uint64(doc[4])<<32 | uint64(doc[5])<<40 | uint64(doc[6])<<48 | uint64(doc[7])<<56
		slash := x ^ '\\'*ones
		// Subtracting n sets the high bit of a byte below n.
		if (x|(x-' '*ones)|(slash-ones)&^slash)&highs != 0 {
			return false
		}
	}
	for i := range len(doc) {
		if c := doc[i]; c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// peek returns the next byte, or 0 at the end. No JSON value begins with 0.
func (s *scanner) peek() byte {
	if s.pos < len(s.doc) {
		return s.doc[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.doc) {
		switch s.doc[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// take consumes c if it is the next byte, and reports whether it was.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// object reads an object at the given depth. It appends the members of the
// outermost object to out, and returns out.
func (s *scanner) object(depth int, out Object) (Object, error) {
	if depth > s.limits.Depth {
		return nil, ErrDepth
	}
	s.objects++
	object, first := s.objects, s.count
	var marks uint64 // of the names from first on
	inIndex := false // whether they are in the index

	s.pos++ // '{'
	if s.space(); s.take('}') {
		return out, nil
	}
	for {
		if s.members++; s.members > s.limits.Members {
			return nil, ErrMembers
		}
		s.space()
		start := s.pos + 1
		literal, err := s.str()
		if err != nil {
			return nil, err
		}
		name := literal
		if !s.plain {
			name = unescape(literal)
		}
		if !inIndex && (s.count-first == manyNames || len(name) != len(literal)) {
			// There are many names, or one would have to be unescaped for each
			// comparison.
			inIndex = true
			for n := first; n < s.count; n++ {
				s.addToIndex(object, s.name(n))
			}
		}
		if inIndex {
			if !s.addToIndex(object, name) {
				return nil, ErrDuplicate
			}
		} else {
			if mark := markOf(name); marks&mark == 0 {
				marks |= mark
			} else if s.isOpen(name, first) {
				return nil, ErrDuplicate
			}
		}
		s.push(span{start, start + len(literal)})

		if s.space(); !s.take(':') {
			return nil, ErrSyntax
		}
		value, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		if depth == 1 {
			out = append(out, Member{name, value})
		}
		if s.space(); s.take(',') {
			continue
		}
		if s.take('}') {
			s.closeTo(first)
			return out, nil
		}
		return nil, ErrSyntax
	}
}

// array reads an array at the given depth. It appends the items of the outermost
// array to out, and returns out.
func (s *scanner) array(depth int, out []Value) ([]Value, error) {
	if depth > s.limits.Depth {
		return nil, ErrDepth
	}
	s.pos++ // '['
	if s.space(); s.take(']') {
		return out, nil
	}
	for {
		value, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		if depth == 1 {
			out = append(out, value)
		}
		if s.space(); s.take(',') {
			continue
		}
		if s.take(']') {
			return out, nil
		}
		return nil, ErrSyntax
	}
}

// value reads the value of a member or item. depth is that of its object or array.
func (s *scanner) value(depth int) (Value, error) {
	s.space()
	start := s.pos
	var err error
	switch c := s.peek(); {
	case c == '"':
		_, err = s.str()
	case c == '{':
		_, err = s.object(depth+1, nil)
	case c == '[':
		_, err = s.array(depth+1, nil)
	case c == '-' || c >= '0' && c <= '9':
		err = s.number()
	case c == 't':
		err = s.word("true")
	case c == 'f':
		err = s.word("false")
	case c == 'n':
		err = s.word("null")
	default:
		err = ErrSyntax
	}
	return Value{s.doc[start:s.pos]}, err
}

func (s *scanner) word(w string) error {
	if !strings.HasPrefix(s.doc[s.pos:], w) {
		return ErrSyntax
	}
	s.pos += len(w)
	return nil
}

// number reads a number by the grammar of RFC 8259 §6: no leading zero, no plus
// sign, and digits on both sides of the point.
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		return ErrSyntax
	}
	if s.take('.') && s.digits() == 0 {
		return ErrSyntax
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if s.digits() == 0 {
			return ErrSyntax
		}
	}
	return nil
}

func (s *scanner) digits() (n int) {
	for ; s.pos < len(s.doc) && s.doc[s.pos] >= '0' && s.doc[s.pos] <= '9'; n++ {
		s.pos++
	}
	return n
}
