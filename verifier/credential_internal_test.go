package verifier

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
)

// TestPrintable tries each byte at each place of a word and after it, with
// and without neighbours that could hide it.
func TestPrintable(t *testing.T) {
	for _, neighbour := range []string{" ", "a", "~", "!"} {
		for at := range 11 {
			for c := range 256 {
				value := []byte(strings.Repeat(neighbour, 11))
				value[at] = byte(c)
				if got, want := printable(string(value)), c >= ' ' && c <= '~'; got != want {
					t.Fatalf("%q: %t, want %t", value, got, want)
				}
			}
		}
	}
}

func TestPlain(t *testing.T) {
	proofs := &Verifier{cfg: Config{DPoP: new(dpop.Checker)}}
	for _, tt := range []struct {
		name   string
		v      *Verifier
		r      Request
		token  string
		scheme scheme
	}{
		{"none", proofs, Request{}, "", ""},
		{"Bearer", proofs, Request{Authorization: []string{"Bearer a"}}, "a", bearer},
		{"two spaces", proofs, Request{Authorization: []string{"Bearer  a"}}, " a", bearer}, // not a token, so it is not remembered
		{"empty token", proofs, Request{Authorization: []string{"Bearer "}}, "", bearer},
		{"scheme alone", proofs, Request{Authorization: []string{"Bearer"}}, "", ""},
		{"lower case", proofs, Request{Authorization: []string{"bearer a"}}, "", ""},
		{"two values", proofs, Request{Authorization: []string{"Bearer a", "Bearer a"}}, "", ""},
		{"DPoP", proofs, Request{Authorization: []string{"DPoP a"}}, "a", dpopBound},
		{"bare", proofs, Request{BareToken: []string{"a"}}, "a", bearer},
		{"bare with a scheme", proofs, Request{BareToken: []string{"Bearer a"}}, "Bearer a", bearer}, // not remembered either
		{"two bare ones", proofs, Request{BareToken: []string{"a", "a"}}, "", ""},
		{"both", proofs, Request{Authorization: []string{"Bearer a"}, BareToken: []string{"a"}}, "", ""},
		{"DPoP without a Checker", &Verifier{}, Request{Authorization: []string{"DPoP a"}}, "", ""},
	} {
		if token, scheme := tt.v.plain(&tt.r); token != tt.token || scheme != tt.scheme {
			t.Errorf("plain(%s) = %q, %q; want %q, %q", tt.name, token, scheme, tt.token, tt.scheme)
		}
	}
}
