package urlpath

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// MaxDecodings limits how often Reduce decodes a path. A path that is still
// encoded then is refused: no known server decodes more often.
const MaxDecodings = 3

// Plain reports whether every server reads path the same way. Such a path is its
// own reduction.
func Plain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 1; i < len(path); i++ {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_~!$&'()*+,=:@", c) >= 0:
		case c == '/' && path[i-1] != '/':
		case c == '.' && i+1 < len(path) && path[i+1] != '/' && path[i-1] != '/':
		default:
			return false
		}
	}
	return true
}

// Normalize folds the case of a path in place. ok is false if servers disagree
// about such a path: it does not begin with a slash, holds a control character
// or invalid UTF-8, or has a "." or ".." segment, also with parameters after it.
//
// ASCII letters become lower case. So do the other characters that become ASCII
// letters when a server folds case, the Kelvin sign and the long s. Of what
// becomes ASCII by NFKC, the full-width forms and those that structure a path are
// folded: dots and the small backslash.
func Normalize(path []byte) (folded []byte, ok bool) {
	if len(path) == 0 || path[0] != '/' {
		return nil, false
	}
	folded = path[:0] // folding never makes a path longer
	for i := 0; i < len(path); {
		c := path[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return nil, false
			}
			folded = append(folded, lower(c))
			i++
			continue
		}
		r, size := utf8.DecodeRune(path[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < 0xa0: // invalid, or a C1 control
			return nil, false
		case r == '\u212a':
			folded = append(folded, 'k')
		case r == '\u017f':
			folded = append(folded, 's')
		case r == '\u2024' || r == '\ufe52':
			folded = append(folded, '.')
		case r == '\u2025':
			folded = append(folded, ".."...)
		case r == '\ufe68':
			folded = append(folded, '\\')
		case '\uff01' <= r && r <= '\uff5e':
			folded = append(folded, lower(byte(r-0xfee0)))
		default:
			folded = append(folded, path[i:i+size]...)
		}
		i += size
	}
	return folded, !hasHiddenDots(folded)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// hasHiddenDots reports whether a server could read a dot segment in path before
// a parameter, a query or spaces: "..;x", "..?", ".. ".
func hasHiddenDots(path []byte) bool {
	for len(path) > 0 {
		end := separator(path, true)
		segment := path[:end]
		if i := bytes.IndexAny(segment, ";?#"); i >= 0 {
			segment = segment[:i]
		}
		segment = bytes.TrimRight(segment, " ")
		if string(segment) == "." || string(segment) == ".." {
			return true
		}
		path = path[min(end+1, len(path)):]
	}
	return false
}

// Decode decodes each percent-encoded byte of path once, in place. It keeps a
// percent sign without hexadecimal digits. undecodable reports an encoding that
// is no byte, like "%u002f".
func Decode(path []byte) (decoded []byte, changed, undecodable bool) {
	decoded = path[:0]
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			switch {
			case hexDigits(path, i+1, 2):
				c = unhex(path[i+1])<<4 | unhex(path[i+2])
				i += 2
				changed = true
			case i+1 < len(path) && lower(path[i+1]) == 'u' && hexDigits(path, i+2, 4):
				return nil, false, true
			}
		}
		decoded = append(decoded, c)
	}
	return decoded, changed, false
}

// hexDigits reports whether path has n hexadecimal digits at from.
func hexDigits(path []byte, from, n int) bool {
	if from+n > len(path) {
		return false
	}
	for _, c := range path[from : from+n] {
		if unhex(c) == notHex {
			return false
		}
	}
	return true
}

const notHex = 0xff

func unhex(c byte) byte {
	switch c = lower(c); {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return notHex
}

// Whole returns path up to the first character that a server can read as the
// beginning of a query or a fragment.
func Whole(path []byte) []byte {
	if i := bytes.IndexAny(path, "?#\x00"); i >= 0 {
		return path[:i]
	}
	return path
}

// AppendWithoutParameters appends path to buf, and leaves out the parameters of
// its segments: from a semicolon to the next slash.
func AppendWithoutParameters(buf []byte, path string) []byte {
	inParameter := false
	for i := range len(path) {
		switch path[i] {
		case '/':
			inParameter = false
		case ';':
			inParameter = true
		}
		if !inParameter {
			buf = append(buf, path[i])
		}
	}
	return buf
}

// Next returns the first segment of a path and the rest. It skips empty
// segments. At the end seg is empty, and slash reports whether the path ends with
// a slash.
//
// If lax is set, it reads a backslash as a slash, and removes parameters,
// trailing dots and trailing spaces from each segment, as some servers do.
func Next(path []byte, lax bool) (seg, rest []byte, slash bool) {
	for len(path) > 0 {
		path = path[1:] // the slash
		end := separator(path, lax)
		seg, path = path[:end], path[end:]
		if lax {
			if i := bytes.IndexByte(seg, ';'); i >= 0 {
				seg = seg[:i]
			}
			seg = bytes.TrimRight(seg, ". ")
		}
		if len(seg) > 0 {
			return seg, path, false
		}
		slash = true
	}
	return nil, nil, slash
}

// separator returns the index of the first slash in path, or its length.
func separator(path []byte, lax bool) int {
	for i, c := range path {
		if c == '/' || lax && c == '\\' {
			return i
		}
	}
	return len(path)
}
