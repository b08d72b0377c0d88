package jwks

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusedCallsSpareTheRotation checks that calls that are refused anyway
// leave a fetch for the first call with a new key: bad signatures just before
// an abrupt rotation cost good tokens nothing.
func TestRefusedCallsSpareTheRotation(t *testing.T) {
	for name, refused := range map[string]func(*Source){
		"bad signatures":       (*Source).Suspect,
		"another algorithm":    func(s *Source) { s.Find(t.Context(), Query{KeyID: "a", Algorithm: "ES256", Now: time.Now()}) },
		"keys long unknown":    func(s *Source) { s.Find(t.Context(), asks("x", time.Hour)) },
		"both kinds, at times": func(s *Source) { s.Suspect(); pass(time.Second); s.Find(t.Context(), asks("x", time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &authority{answer: serves(ed("a"))}
				s := open(t, a, hourly)
				pass(time.Minute)
				for range 3 {
					refused(s)
					pass(time.Second)
				}
				a.now(after(200*ms, serves(ed("a"), ed("b"))))
				wantFind(t, s, a, asks("b", 0), Found, 200*ms, 1)
			})
		})
	}
}
