package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string and returns the text between its quotes.
func (s *scanner) str() (literal string, err error) {
	if !s.take('"') {
		return "", ErrSyntax
	}
	start := s.pos
	if s.plain {
		n := strings.IndexByte(s.doc[start:], '"')
		if n < 0 {
			return "", ErrSyntax
		}
		s.pos += n + 1
		return s.doc[start : start+n], nil
	}
	for s.pos < len(s.doc) {
		switch c := s.doc[s.pos]; {
		case c == '"':
			s.pos++
			return s.doc[start : s.pos-1], nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", ErrSyntax
		default:
			s.pos++
		}
	}
	return "", ErrSyntax
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (s *scanner) escape() error {
	rest := s.doc[s.pos:]
	if len(rest) < 2 {
		return ErrSyntax
	}
	if rest[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, rest[1]) < 0 {
			return ErrSyntax
		}
		s.pos += 2
		return nil
	}
	r, ok := hex4(rest)
	if !ok {
		return ErrSyntax
	}
	s.pos += 6
	if !utf16.IsSurrogate(r) {
		return nil
	}
	low, ok := hex4(s.doc[s.pos:])
	if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return ErrSurrogate
	}
	s.pos += 6
	return nil
}

// hex4 returns the code unit of the \uXXXX at the beginning of text.
func hex4(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// unescape decodes the text between the quotes of a checked string. Without an
// escape it returns literal itself.
func unescape(literal string) string {
	i := strings.IndexByte(literal, '\\')
	if i < 0 {
		return literal
	}
	var b strings.Builder
	b.Grow(len(literal))
	for ; i >= 0; i = strings.IndexByte(literal, '\\') {
		b.WriteString(literal[:i])
		literal = literal[i:]
		if literal[1] != 'u' {
			b.WriteByte(escaped(literal[1]))
			literal = literal[2:]
			continue
		}
		r, _ := hex4(literal)
		literal = literal[6:]
		if utf16.IsSurrogate(r) {
			low, _ := hex4(literal)
			r = utf16.DecodeRune(r, low)
			literal = literal[6:]
		}
		b.WriteRune(r)
	}
	b.WriteString(literal)
	return b.String()
}

func escaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default: // '"', '\\' and '/' stand for themselves
		return c
	}
}
