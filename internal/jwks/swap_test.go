package jwks

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestKeepsTheSet checks that a bad response keeps the set, and that an
// equal one does not replace it.
func TestKeepsTheSet(t *testing.T) {
	body := func(text string) answer {
		return func(context.Context, string) (Document, error) { return Document{Body: []byte(text)}, nil }
	}
	many := make([]jwk, 513)
	for i := range many {
		many[i] = ed("a")
	}
	tests := []struct {
		name   string
		answer answer
		err    string // what the fetch fails with; "" if it confirms
	}{
		{"the same", serves(ed("a")), ""},
		{"the same with a request_id", body(strings.Replace(string(document(ed("a"))), "{", `{"request_id":"2",`, 1)), ""},
		{"the same twice", serves(ed("a"), ed("a")), ""},
		{"an error", down, "down"},
		{"empty", body(""), "key set"},
		{"HTML", body("<html></html>"), "key set"},
		{"truncated", body(strings.TrimSuffix(string(document(ed("a"))), "}")), "key set"},
		{"two documents", body(string(document(ed("a"))) + "{}"), "key set"},
		{"keys twice", body(`{"keys":[],` + string(document(ed("a")))[1:]), "duplicate"},
		{"no keys", body(`{}`), "no array"},
		{"keys of the wrong type", body(`{"keys":{}}`), "no array"},
		{"keys in another case", body(`{"Keys":[]}`), "no array"},
		{"nested deeply", body(strings.Repeat(`{"a":`, 10000)), "deep"},
		{"an empty set", serves(), "no usable key"},
		{"only unusable keys", serves(ed("a").with("use", "enc"), ec("b", 1).with("key_ops", []string{"sign"})), "no usable key"},
		{"only of other algorithms", serves(rsa("a", 1).with("alg", "PS256")), "no usable key"},
		{"only two of one ID", serves(ed("a"), ed("b").under("a")), "no usable key"},
		{"513 keys", serves(many...), "512"},
		{"as long as is admitted", body(string(document(ed("a"))) + strings.Repeat(" ", 100<<10-len(document(ed("a"))))), ""},
		{"longer", body(string(document(ed("a"))) + strings.Repeat(" ", 100<<10)), "longer than 102400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(serves(ed("a")))
				told := 0
				s := open(t, a, func(o *Options) {
					o.MaxBytes = 100 << 10
					o.Observe = func(Status) { told++ }
				})
				before := s.Current()
				keytest.Pass(time.Minute)
				confirmed := s.Status().Confirmed
				a.Now(tt.answer)
				err := s.Refresh(t.Context())
				synctest.Wait()
				if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				if s.Current() != before {
					t.Error("the set was replaced")
				}
				if moved := s.Status().Confirmed.After(confirmed); moved != (tt.err == "") {
					t.Errorf("the set was confirmed: %t", moved)
				}
				if want := map[bool]int{true: 1, false: 2}[tt.err == ""]; told != want {
					t.Errorf("Observe was called %d times, want %d", told, want)
				}
			})
		})
	}
}

// TestServesTheRest checks that a bad key does not affect the others.
func TestServesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, answering(serves(ed("a"), ec("b", 1).with("x", "AA"), ed("c").with("d", "AA"))))
		wantState(t, s, Fresh)
		if n := len(s.Current().Problems); n != 2 {
			t.Errorf("%d problems, want 2", n)
		}
	})
}

// TestReplaced checks that a replaced set does not change.
func TestReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(serves(ed("a")))
		s := open(t, a)
		old := s.Current()
		a.Now(after(300*time.Millisecond, serves(ed("b"))))
		wantFind(t, s, a, asks("b", 0), Found, 300*time.Millisecond, 1)
		if _, v := s.Current().Lookup("a", "EdDSA"); v != unknown {
			t.Errorf("the old key: verdict %d", v)
		}
		if old.keys[0].ID != "a" || s.Current().Holds(old.keys[0]) {
			t.Error("the old set was changed")
		}
	})
}
