package jwks

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestMissingText checks that the error names the token's key ID, the
// published ones, their age, the time of the next fetch, and the last
// fetch's error.
func TestMissingText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(down)
		s := open(t, a, hourly)
		text := func(q Query) string {
			t.Helper()
			_, _, err := s.Find(t.Context(), q)
			if err == nil {
				t.Fatal("found")
			}
			return err.Error()
		}
		want := func(q Query, want ...string) {
			t.Helper()
			got := text(q)
			for _, part := range want {
				if !strings.Contains(got, part) {
					t.Errorf("%q says nothing of %q", got, part)
				}
			}
		}
		want(asks("x", 0), "there are no keys", "the next look is", "the last fetch failed: "+errDown.Error())

		a.Now(serves(ed("a"), ed("b"), ec("c", 1).with("use", "enc")))
		refresh(t, s)
		keytest.Pass(15 * time.Second)
		a.Now(after(2*time.Second, serves(ed("a"), ed("b"))))
		want(asks("x\n", time.Hour), `kid "x\n" is not published`, `"a", "b"`, "fetched 15s ago")
		keytest.Pass(3 * time.Second)
		a.Now(down)
		want(asks("x", 0), `kid "x" is not known yet`, `"a", "b"`, "fetched 3s ago", "the next look is due now", errDown.Error())
		keytest.Pass(5 * time.Second)
		s.Suspect()
		want(asks("x", 0), `kid "x" is not known yet`, "the next look is in ")
		want(Query{KeyID: "a", Algorithm: "ES256"}, `kid "a" is for EdDSA, not for ES256`)
		want(Query{Algorithm: "EdDSA"}, `"kid" is missing`, "2 of EdDSA")
		want(asks(strings.Repeat("x", 200), time.Hour), `kid "`+strings.Repeat("x", 64)+`" is not`)

		a.Now(serves(ed("b"), ec("c", 1).with("use", "enc")))
		refresh(t, s)
		want(asks("a", 0), `kid "a" is no longer published`, `the keys are "b"`)
		want(asks("c", 0), `kid "c" is published, but can't be used: `, `"use"`)

		many := []jwk{ed("b")}
		for _, id := range strings.Split("defghijklmno", "") {
			many = append(many, ed(id))
		}
		a.Now(serves(many...))
		refresh(t, s)
		if got := text(asks("x", time.Hour)); !strings.Contains(got, `"j", and 5 more`) {
			t.Error(got)
		}
	})
}
