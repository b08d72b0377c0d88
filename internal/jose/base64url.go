package jose

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// DecodeBase64URL appends the bytes that segment encodes to buf. It accepts
// base64url as JWS defines it (RFC 7515 §2): no padding, no line breaks, and no
// set bits after the last byte. Each sequence of bytes has exactly one encoding.
//
// It accepts the same as encoding/base64 in its Strict mode with a check for
// skipped line breaks, in half the time. The module "benchmarks" measures both.
func DecodeBase64URL(buf []byte, segment string) ([]byte, error) {
	n := len(segment)
	if n%4 == 1 {
		return nil, errNotStrict
	}
	start, size := len(buf), n/4*3+n%4*3/4
	if size > cap(buf)-start && size > maxUnseen && !isBase64URL(segment) {
		return nil, errNotStrict
	}
	buf = slices.Grow(buf, size)[:start+size]

	out, seen, t := buf[start:], uint32(0), &sextets
	for len(segment) >= 8 && len(out) >= 8 { // two groups; two more bytes are written, and overwritten later
		a := t[0][segment[0]] | t[1][segment[1]] | t[2][segment[2]] | t[3][segment[3]]
		b := t[0][segment[4]] | t[1][segment[5]] | t[2][segment[6]] | t[3][segment[7]]
		seen |= a | b
		binary.BigEndian.PutUint64(out, uint64(a)<<40|uint64(b)<<16)
		segment, out = segment[8:], out[6:]
	}
	for len(segment) >= 4 && len(out) >= 3 {
		bits := t[0][segment[0]] | t[1][segment[1]] | t[2][segment[2]] | t[3][segment[3]]
		seen |= bits
		out[0], out[1], out[2] = byte(bits>>16), byte(bits>>8), byte(bits)
		segment, out = segment[4:], out[3:]
	}
	switch len(segment) {
	case 2: // 12 bits, of which 8 count
		bits := t[0][segment[0]] | t[1][segment[1]]
		seen |= bits
		if bits&0xffff != 0 {
			return nil, errNotStrict
		}
		out[0] = byte(bits >> 16)
	case 3: // 18 bits, of which 16 count
		bits := t[0][segment[0]] | t[1][segment[1]] | t[2][segment[2]]
		seen |= bits
		if bits&0xff != 0 {
			return nil, errNotStrict
		}
		out[0], out[1] = byte(bits>>16), byte(bits>>8)
	}
	if seen&notBase64URL != 0 {
		return nil, errNotStrict
	}
	return buf, nil
}

// maxUnseen is the size in bytes above which a segment is checked before memory
// is allocated for it, so that junk costs no memory in proportion to its size.
const maxUnseen = 1024

func isBase64URL(segment string) bool {
	seen := uint32(0)
	for i := range len(segment) {
		seen |= sextets[0][segment[i]]
	}
	return seen&notBase64URL == 0
}

// notBase64URL marks a byte outside the alphabet.
const notBase64URL = 1 << 31

// sextets maps a character to its six bits, shifted to their position in a group
// of four characters. There is one table for each position.
var sextets = func() (tables [4][256]uint32) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" // RFC 4648 §5
	for place := range tables {
		for c := range tables[place] {
			tables[place][c] = notBase64URL
		}
		for bits, c := range []byte(alphabet) {
			tables[place][c] = uint32(bits) << (18 - 6*place)
		}
	}
	return tables
}()

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
