package verifier_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestIntrospectedSize checks the longest answer, and the deepest, and one step past
// them.
func TestIntrospectedSize(t *testing.T) {
	const begin = `{"active":true,"aud":"https://api.example.com","client_id":"c","x":`
	text := func(bytes int) string {
		return begin + `"` + strings.Repeat("x", bytes-len(begin)-3) + `"}`
	}
	deep := func(depth int) string {
		return begin + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
	}
	for _, tt := range []struct{ name, answer, want string }{
		{"64 KiB", text(65536), ""},
		{"more than 64 KiB", text(65537), "the answer can't be understood: it has 65537 bytes, want at most 65536"},
		{"16 levels", deep(16), ""},
		{"17 levels", deep(17), "the answer can't be understood: JSON nested too deeply"},
		{"not JSON", begin, "the answer can't be understood: malformed JSON"},
		{"active is a text", strings.Replace(text(100), "true", `"true"`, 1), `the answer can't be understood: "active" is "true", want true or false`},
	} {
		v := newOracle().trust(t, func(c *verifier.Config) {
			c.Issuers[0].Introspect = func(context.Context, string) ([]byte, error) { return []byte(tt.answer), nil }
		})
		_, err := v.Verify(t.Context(), "opaque")
		if tt.want == "" && err != nil || tt.want != "" && (reasonOf(err) != verifier.IntrospectionUnavailable || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Verify(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestIntrospectedLife: a token without "exp" ends with the MaxTokenLife or the
// MaxTokenAge, whichever is earlier, and without both it does not end.
func TestIntrospectedLife(t *testing.T) {
	type m = map[string]any
	const life = "MaxTokenLife is 10m0s, the leeway is 30s"
	for _, tt := range []struct {
		name      string
		age       time.Duration // of the token; negative: it has no "iat"
		most, max time.Duration // MaxTokenLife, MaxTokenAge
		want      verifier.Reason
		text      string
	}{
		{"an hour, without limits", time.Hour, 0, 0, "", ""},
		{"no iat, without limits", -1, 0, 0, "", ""},
		{"no iat, MaxTokenLife", -1, 10 * time.Minute, 0, verifier.TooLongLived, `"exp" and "iat" are missing, want at most the MaxTokenLife, 10m0s`},
		{"the last second of MaxTokenLife", 629 * time.Second, 10 * time.Minute, 0, "", ""},
		{"after MaxTokenLife", 630 * time.Second, 10 * time.Minute, 0, verifier.TooLongLived, life},
		{"MaxTokenLife is earlier", 15 * time.Minute, 10 * time.Minute, 20 * time.Minute, verifier.TooLongLived, life},
		{"MaxTokenAge is earlier", 5 * time.Minute, 10 * time.Minute, 3 * time.Minute, verifier.TooOld, "MaxTokenAge is 3m0s, the leeway is 30s"},
		{"both allow it", 2 * time.Minute, 10 * time.Minute, 3 * time.Minute, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				answer := m{}
				if tt.age >= 0 {
					answer["iat"] = time.Now().Add(-tt.age).Unix()
				}
				o.set("opaque", active(answer))
				v := o.trust(t, func(c *verifier.Config) {
					c.Leeway = 30 * time.Second
					c.Issuers[0].MaxTokenLife, c.Issuers[0].MaxTokenAge = tt.most, tt.max
				})
				_, err := v.Verify(t.Context(), "opaque")
				if reasonOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("Verify(%s) = %v, want %s %q", tt.name, err, tt.want, tt.text)
				}
			})
		})
	}
}
