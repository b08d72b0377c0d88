package strictjson

import (
	"math"
	"strings"
	"unicode/utf8"
)

// checked are the limits for a part of a document that was checked whole.
var checked = Limits{Depth: math.MaxInt, Members: math.MaxInt}

// scanner walks a document of valid UTF-8.
type scanner struct {
	doc     string
	plain   bool // every byte of doc is visible ASCII or a space, and none a backslash
	pos     int
	limits  Limits
	members int

	// open holds where the member names of every object that is open stand in
	// doc, innermost last; each object knows where its own begin. Those of an
	// ordinary token fit into the array: positions and not strings, so that
	// the compiler can tell that it need not be on the heap.
	open  [24]span
	more  []span // from the 25th on
	count int    // in open and more

	// index holds the names of those objects that have many, or an escape in
	// one. It is one for the whole document: a map for each of many small
	// objects would be a hundred times the size of the document.
	index   map[indexed]struct{}
	objects int // so far
}

// indexed is a name, unescaped, in the nth object.
type indexed struct {
	object int
	name   string
}

// span is where a name stands in a document, without its quotes.
type span struct{ start, end int }

func (s *scanner) push(name span) {
	if s.count < len(s.open) {
		s.open[s.count] = name
	} else {
		s.more = append(s.more, name)
	}
	s.count++
}

// closeTo forgets the names from the n-th on.
func (s *scanner) closeTo(n int) {
	s.count = n
	s.more = s.more[:max(0, n-len(s.open))]
}

// name is the n-th open name as it stands in the document.
func (s *scanner) name(n int) string {
	at := span{}
	if n < len(s.open) {
		at = s.open[n]
	} else {
		at = s.more[n-len(s.open)]
	}
	return s.doc[at.start:at.end]
}

// manyNames is how many members an object may have before looking through
// them one by one costs more than a map, and would become quadratic.
const manyNames = 32

// isPlain reports whether every byte of doc is from ' ' to DEL, and none a
// backslash: then a string in it ends at the next quote. Most tokens are
// plain, and are looked at eight bytes at a time.
func isPlain(doc string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(doc) >= 8; doc = doc[8:] {
		x := uint64(doc[0]) | uint64(doc[1])<<8 | uint64(doc[2])<<16 | uint64(doc[3])<<24 |
			uint64(doc[4])<<32 | uint64(doc[5])<<40 | uint64(doc[6])<<48 | uint64(doc[7])<<56
		slash := x ^ '\\'*ones
		// A byte below n borrows from its high bit when n is taken from it.
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

// peek returns the next byte, or 0 at the end, which begins no JSON value.
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

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// object reads an object at the given depth. If it is the outermost, its
// members are appended to out, which is returned; otherwise nothing is.
func (s *scanner) object(depth int, out Object) (Object, error) {
	if depth > s.limits.Depth {
		return nil, ErrDepth
	}
	s.objects++
	object, first := s.objects, s.count
	var marks uint64 // of the names from first on
	inIndex := false // are they in the index

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
			// Many names, or one that is not what stands in the document, which
			// would have to be unescaped for each comparison.
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

// markOf is one bit for a name. Names of different marks are different, so that
// most need not be compared with those before.
func markOf(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(name[0])*5 + uint(name[len(name)-1])*3 + uint(len(name))) % 64)
}

// addToIndex reports whether name is new there.
func (s *scanner) addToIndex(object int, name string) (isNew bool) {
	if s.index == nil {
		const member = 8 // bytes, such as `"12":0,` has with a bracket
		s.index = make(map[indexed]struct{}, min(s.limits.Members, len(s.doc)/member))
	}
	before := len(s.index)
	s.index[indexed{object, name}] = struct{}{}
	return len(s.index) > before
}

// isOpen reports whether name is among the open names from the given one on.
func (s *scanner) isOpen(name string, from int) bool {
	for n := from; n < s.count; n++ {
		if s.name(n) == name {
			return true
		}
	}
	return false
}

// array reads an array at the given depth. If it is the outermost, its items
// are appended to out, which is returned; otherwise nothing is.
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

// value reads the value of a member or item of what is at the given depth.
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

// number reads a number by the grammar of RFC 8259 §6: no leading zero, no
// plus sign, digits on both sides of the point.
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
