package outbound_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

func TestCheckURL(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"default", "", ""},
		{"https", "https://login.example.com/token", ""},
		{"loopback", "http://127.0.0.1:8484/token", ""},
		{"loopback IPv6", "http://[::1]:1", ""},
		{"localhost", "http://localhost:1", ""},
		{"a user", "https://hush:hush@login.example.com", "holds a user"},
		{"a query", "https://login.example.com?secret=hush", "has a query"},
		{"a query on http", "http://login.example.com?secret=hush", "has a query"},
		{"an empty query", "https://login.example.com?", "has a query"},
		{"a fragment", "https://login.example.com#hush", "fragment"},
		{"http", "http://login.example.com/hush", "not https"},
		{"another scheme", "ftp://login.example.com/hush", "not https"},
		{"no host", "hush", "malformed"},
		{"no host but a port", "https://:443/hush", "malformed"},
		{"opaque", "https:hush", "malformed"},
		{"an empty port", "https://login.example.com:/hush", "malformed"},
		{"two URLs in one", "https://login.example.comhttp://hush", "malformed"},
		{"a bad escape", "https://login.example.com/%zzhush", "malformed"},
		{"a space", "https://login hush", "malformed"},
	} {
		err := outbound.CheckURL("BaseURL", tt.raw)
		if tt.want == "" && err == nil {
			continue
		}
		if tt.want == "" || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "BaseURL") {
			t.Errorf("CheckURL(%s) = %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("CheckURL(%s) = %v, which holds the secret", tt.name, err)
		}
	}
	if err := outbound.CheckOrigin("BaseURL", "https://login.example.com/hush"); err == nil ||
		!strings.Contains(err.Error(), "has a path") || strings.Contains(err.Error(), "hush") {
		t.Errorf("CheckOrigin(a path) = %v, want %q", err, "has a path")
	}
	if err := outbound.CheckOrigin("BaseURL", "https://login.example.com/"); err != nil {
		t.Errorf("CheckOrigin(a slash) = %v, want nil", err)
	}
}

func TestMistakes(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	if err := outbound.Mistakes("p", nil, nil); err != nil {
		t.Errorf("Mistakes(none) = %v, want nil", err)
	}
	err := outbound.Mistakes("p", a, nil, errors.Join(b, errors.Join(c)))
	if want := "p: a\np: b\np: c"; err == nil || err.Error() != want || !errors.Is(err, c) {
		t.Errorf("Mistakes(a, (b, c)) = %q, want %q", err, want)
	}
}

func TestWithoutSecrets(t *testing.T) {
	const secret = "hu sh+/é?kR8z42"
	for _, tt := range []struct{ name, text string }{
		{"as it is", "wrong secret " + secret + "!"},
		{"form-encoded", "client_secret=" + url.QueryEscape(secret)},
		{"path-escaped", "/" + url.PathEscape(secret)},
		{"base64", "Basic " + base64.StdEncoding.EncodeToString([]byte(secret))},
		{"base64url", base64.RawURLEncoding.EncodeToString([]byte(secret))},
	} {
		got := outbound.WithoutSecrets(tt.text, "", secret)
		if !strings.Contains(got, outbound.Redacted) || strings.Contains(got, "kR8z42") || len(got) > 40 {
			t.Errorf("WithoutSecrets(%s) = %q, want it without the secret", tt.name, got)
		}
		if code := outbound.Code(tt.text, secret); code != "" {
			t.Errorf("Code(%s) = %q, want %q", tt.name, code, "")
		}
	}
	if got := outbound.WithoutSecrets("fine", "", secret); got != "fine" {
		t.Errorf("WithoutSecrets(fine) = %q, want it unchanged", got)
	}
}

func TestErrorWithoutToken(t *testing.T) {
	const token = "2YotnFZFEjr1zCsicMWpAA-rest"
	for _, tt := range []struct{ name, text, want string }{
		{"whole", `"active" is "` + token + `", want true`, `"active" is "[redacted]", want true`},
		{"cut", `"active" is "` + token[:20] + `"..., want true`, `"active" is "[redacted]"..., want true`},
		{"cut to what may be shown", token[:15], token[:15]},
		{"both", token + " " + token[:20] + " " + token, "[redacted] [redacted] [redacted]"},
		{"one that begins like it", token[:16] + "x", "[redacted]x"},
		{"another", "2YotnFZFEjr1zCx", "2YotnFZFEjr1zCx"},
	} {
		if got := outbound.ErrorWithoutToken(errors.New(tt.text), token).Error(); got != tt.want {
			t.Errorf("ErrorWithoutToken(%s) = %q, want %q", tt.name, got, tt.want)
		}
	}
	err := errors.New("fine")
	if got := outbound.ErrorWithoutToken(err, token); got != err {
		t.Errorf("ErrorWithoutToken(fine) = %v, want the same error", got)
	}
	if got := outbound.ErrorWithoutToken(err, "x9"); got != err {
		t.Errorf("ErrorWithoutToken(fine, of a short token) = %v, want the same error", got)
	}
}

func TestCode(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a code", "invalid_client", "invalid_client"},
		{"a request ID", "request-id-test-b05c992f-ebdc-489d-a754-c7e70ba13141", "request-id-test-b05c992f-ebdc-489d-a754-c7e70ba13141"},
		{"a URN", "urn:example/x.y", "urn:example/x.y"},
		{"a line's end", "invalid\nclient", ""},
		{"a quote", `invalid"client`, ""},
		{"not ASCII", "ünknown", ""},
		{"too long", strings.Repeat("a", 129), ""},
		{"the secret", "bad_secret_kR8z42", ""},
	} {
		if got := outbound.Code(tt.text, "kR8z42"); got != tt.want {
			t.Errorf("Code(%s) = %q, want %q", tt.name, got, tt.want)
		}
	}
}
