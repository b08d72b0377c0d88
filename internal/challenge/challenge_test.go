package challenge_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/challenge"
)

func TestCheckRealm(t *testing.T) {
	long := strings.Repeat("r", 256)
	for _, tt := range []struct{ name, realm, want string }{
		{"empty", "", ""},
		{"printable", " !#[]~", ""},
		{"longest", long, ""},
		{"too long", long + "r", "has 257 bytes: want at most 256"},
		{"quote", `a"b`, `is "a\"b": want printable ASCII without "\"" and "\\"`},
		{"backslash", `a\b`, `is "a\\b": want printable ASCII without "\"" and "\\"`},
		{"line feed", "a\nb", `is "a\nb": want printable ASCII without "\"" and "\\"`},
		{"DEL", "a\x7f", `is "a\x7f": want printable ASCII without "\"" and "\\"`},
		{"not ASCII", "é", `is "\u00e9": want printable ASCII without "\"" and "\\"`},
		{"not UTF-8", "\x80", `is "\x80": want printable ASCII without "\"" and "\\"`},
	} {
		got := ""
		if err := challenge.CheckRealm(tt.realm); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("CheckRealm(%s) = %q, want %q", tt.name, got, tt.want)
		}
		want := tt.realm
		if want == "" || tt.want != "" {
			want = "api"
		}
		if got := challenge.Realm(tt.realm); got != want {
			t.Errorf("Realm(%s) = %q, want %q", tt.name, got, want)
		}
	}
}
