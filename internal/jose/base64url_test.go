package jose

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// reference is the same by the standard library, whose decoder skips line
// breaks.
func reference(segment string) ([]byte, bool) {
	if strings.ContainsAny(segment, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return b, err == nil
}

func checkDecodeBase64URL(t *testing.T, segment string) {
	t.Helper()
	want, ok := reference(segment)
	for _, buf := range [][]byte{nil, make([]byte, 0, 2048), []byte("before")} {
		before := string(buf)
		got, err := DecodeBase64URL(buf, segment)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, the standard library says %t", segment, err, ok)
		}
		if ok && string(got) != before+string(want) {
			t.Fatalf("%q: %q, the standard library has %q", segment, got, want)
		}
		if ok && encode(got[len(before):]) != segment {
			t.Fatalf("%q is encoded anew as %q", segment, encode(got[len(before):]))
		}
	}
}

// TestDecodeBase64URLIsTheStandardLibrarys compares the decoder with
// encoding/base64 at each length, with each byte at each of its last places.
func TestDecodeBase64URLIsTheStandardLibrarys(t *testing.T) {
	for n := range 24 {
		segment := []byte(strings.Repeat("Qm9_", 6)[:n])
		checkDecodeBase64URL(t, string(segment))
		for place := max(0, n-5); place < n; place++ {
			for c := range 256 {
				changed := bytes.Clone(segment)
				changed[place] = byte(c)
				checkDecodeBase64URL(t, string(changed))
			}
		}
	}
	long := strings.Repeat("Qm9_", 2000)
	for _, segment := range []string{long, long + "\n", "\r" + long, long + "=", long[:3000] + "+" + long, long + "Qg", long + "QmA"} {
		checkDecodeBase64URL(t, segment)
	}
}

func FuzzDecodeBase64URL(f *testing.F) {
	for _, seed := range []string{"", "Q", "Qg", "Qh", "Qm9", "Qm8", "Qm9_", "Qm9=", "Qm\n9_", "Qm9_\r\n", "+/+/", strings.Repeat("Qm9_", 600)} {
		f.Add(seed)
	}
	f.Fuzz(checkDecodeBase64URL)
}
