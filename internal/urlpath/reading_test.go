package urlpath

import (
	"path"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for p, want := range map[string]bool{
		"/": true, "/a/b-c_d~e": true, "/v1.2/x": true, "/a/": true, "/a:b@c,d": true, "/.well-known/x": false,
		"": false, "a": false, "//a": false, "/a//b": false, "/A": false, "/a%b": false, "/a;b": false, "/a b": false,
		`/a\b`: false, "/a?b": false, "/a#b": false, "/a.": false, "/a./b": false, "/ä": false, "/a\x00": false,
	} {
		if got := Plain(p); got != want {
			t.Errorf("Plain(%q) = %t, want %t", p, got, want)
		}
	}
}

func TestReduce(t *testing.T) {
	for _, tt := range []struct {
		path, want string // "" if servers disagree
	}{
		{"/", "/"},
		{"/a/b", "/a/b"},
		{"/a/b/", "/a/b/"},
		{"//a///b", "/a/b"},
		{"/A/B", "/a/b"},
		{"/a%2Fb", "/a/b"},
		{"/a%252Fb", "/a/b"},
		{"/a%25252Fb", ""}, // still encoded after three decodings
		{"/100%", "/100%"},
		{"/a%zz", "/a%zz"},
		{"/a%u002fb", ""},
		{`/a\b`, "/a/b"},
		{"/a;v=1/b;w", "/a/b"},
		{"/;x/a", "/a"},
		{"/a/;x", "/a/"},
		{"/a. ./b .", "/a/b"},
		{"/a/...", "/a/"},
		{"/a?b", "/a"},
		{"/a#b", "/a"},
		{"?", ""},
		{"/?", "/"},
		{"/..", ""},
		{"/a/./b", ""},
		{"/a/..;/b", ""},
		{"/a/.. /b", ""},
		{"/a/%2e%2E/b", ""},
		{"/a/..?/b", ""},
		{"/a\x00b", ""},
		{"/a%00b", ""},
		{"/a\nb", ""},
		{"/a\x7f", ""},
		{"/a\u0085", ""},
		{"/a\xffb", ""},
		{"/a%c0%af", ""},
		{"/ä", "/ä"},
		{"/%C3%A4", "/ä"},
		{"/\u212a\u017f\uff21", "/ksa"},
		{"/a\uff0f\uff0e\uff0e\uff0fb", ""},
		{"/a/\u2025/b", ""},
		{"/a/\u2024\ufe52/b", ""},
		{"/a\ufe68b", "/a/b"},
		{"", ""},
		{"a", ""},
		{"*", ""},
	} {
		got, ok := Reduce(tt.path)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Reduce(%q) = %q, %t, want %q, %t", tt.path, got, ok, tt.want, tt.want != "")
		}
	}
}

func TestHost(t *testing.T) {
	for _, tt := range []struct {
		host, want string
		ok         bool
	}{
		{"example.com", "example.com", true},
		{"EXAMPLE.com:80", "example.com", true},
		{"example.com.", "example.com", true},
		{"example.com.:80", "example.com", true},
		{"example.com:", "example.com", true},
		{"", "", true},
		{"127.0.0.1:80", "127.0.0.1", true},
		{"[::1]:80", "::1", true},
		{"[FE80::1%25eth0]", "fe80::1%25eth0", true},
		{"[::1]", "::1", true},
		{"[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", true},
		{"[::1", "::1", false},
		{"[::1]x", "::1", false},
		{"::1", "", false},
		{"example.com..", "example.com.", false},
		{"a:80:80", "a", false},
		{"a/b", "a/b", false},
		{"a b", "a b", false},
		{"a%2eb", "a%2eb", false},
		{"ä", "ä", false},
	} {
		if got, ok := Host(tt.host); ok != tt.ok || ok && got != tt.want {
			t.Errorf("Host(%q) = %q, %t, want %q, %t", tt.host, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzReduce: a reduced path reduces to itself. Servers that decode once, twice or
// three times, and clean, open that path.
func FuzzReduce(f *testing.F) {
	for _, seed := range []string{"/a", "/A%2Fb", "/a;x/..;/b", `/a\b%255C`, "/%2525", "/a?b#c", "/ä%c3", "/. /", "/%;41", "/%2;5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		reduced, ok := Reduce(p)
		if !ok {
			return
		}
		if again, ok := Reduce(reduced); !ok || again != reduced {
			t.Fatalf("Reduce(Reduce(%q) = %q) = %q, %t; want no change", p, reduced, again, ok)
		}
		// What a server with nothing but percent-decoding and path.Clean opens.
		buf, changed := []byte(p), true
		for changed {
			buf, changed, _ = Decode(buf)
		}
		opened := string(buf)
		if opened == strings.ToLower(opened) && !strings.ContainsAny(opened, `;\?#`) && isASCII(opened) && !endsLax(opened) {
			if want := path.Clean(opened); path.Clean(reduced) != want {
				t.Errorf("Reduce(%q) = %q, want %q, which a server opens", p, reduced, want)
			}
		}
		if Plain(p) && reduced != p {
			t.Errorf("Reduce(%q) = %q, want no change: it is plain", p, reduced)
		}
	})
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(c rune) bool { return c > 0x7f }) }

// endsLax reports whether a segment ends with a dot or a space.
func endsLax(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if strings.TrimRight(segment, ". ") != segment {
			return true
		}
	}
	return false
}

func TestAppendWithoutParameters(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "/": "/", "/a/b": "/a/b", "/a;x/b": "/a/b", "/a;%2Fx/b;y": "/a/b", `/a;\x/b`: "/a/b", "/;/a": "//a", "/a;;x;/": "/a/",
	} {
		if got := string(AppendWithoutParameters(nil, path)); got != want {
			t.Errorf("AppendWithoutParameters(%q) = %q, want %q", path, got, want)
		}
	}
}
