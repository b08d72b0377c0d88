package explain

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
)

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("broken") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

// TestUsage checks that mistakes in the arguments give status 2 and no standard output,
// and that no argument is repeated, since it may be a token.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	token := w.mint(m2mtest.TokenSpec{})
	for _, tt := range []struct {
		name  string
		input string
		args  []string
		want  string
	}{
		{"help", token, []string{"-help"}, "usage:"},
		{"the token as an argument", "", w.flags(token), "unexpected argument"},
		{"the token as a flag", "", w.flags("-" + token), "a flag is unknown"},
		{"the token as a flag's value", "", w.flags("-token", token), "a flag is unknown"},
		{"no token", " \n", w.flags(), "there is no token"},
		{"the token in place of its file", "", w.flags("-token-file", token), "-token-file"},
		{"leeway", token, w.flags("-leeway", token), "-leeway"},
		{"negative leeway", token, w.flags("-leeway", "-1s"), "-leeway"},
		{"a leeway that is too long", token, w.flags("-leeway", "1h"), "Leeway"},
		{"now", token, w.flags("-now", token), "-now"},
		{"scopes", token, w.flags("-require-all", `"`), "-require-all"},
		{"an empty requirement", token, w.flags("-require-all", ""), "-require-all is empty"},
		{"two empty flags", token, w.flags("-require-any", "", "-typ", ""), "-typ is empty"},
		{"a rule that is not known", token, w.flags("-accept", "everybody"), "-accept, rule 1"},
		{"a file and an issuer", token, w.flags("-config", "x"), "want one of -issuer, -preset and -config"},
		{"no scopes", token, w.flags("-require-any", " "), "-require-any"},
		{"two key sets", token, w.flags("-jwks-url", "https://a.example/keys"), "choose one"},
		{"http", token, []string{"-issuer", "i", "-audience", "a", "-jwks-url", "http://a.example/keys"}, "not https"},
		{"no issuer", token, []string{"-audience", "a"}, "-issuer, -preset and -config"},
		{"issuer and preset", token, w.flags("-preset", "stytch"), "-issuer, -preset and -config"},
		{"no audience", token, []string{"-issuer", "i", "-jwks-file", w.keys}, "-audience"},
		{"no keys", token, []string{"-issuer", "i", "-audience", "a"}, "-jwks-url"},
		{"a preset that there is not", token, []string{"-preset", token}, "stytch"},
		{"a preset without a project", token, []string{"-preset", "stytch"}, "-project"},
		{"a malformed project", token, []string{"-preset", "stytch", "-project", "p"}, "project"},
		{"a project without a preset", token, w.flags("-project", "p"), "-preset stytch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, stderr := explain(t, tt.input, tt.args...)
			if status != exitUsage || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, output %q, error %q", status, out, stderr)
			}
			assertSecret(t, stderr, signature(token))
		})
	}
	t.Run("input that fails", func(t *testing.T) {
		if status := Run(t.Context(), w.flags(), broken{}, io.Discard, io.Discard); status != exitUsage {
			t.Errorf("status %d", status)
		}
	})
	t.Run("output that fails", func(t *testing.T) {
		if status := Run(t.Context(), w.flags(), strings.NewReader(token), broken{}, io.Discard); status == exitAccepted {
			t.Errorf("status %d", status)
		}
	})
}
