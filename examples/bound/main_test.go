package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStory checks that the owner's four calls are allowed, and the thief's eight
// refused, and that nothing of a token or proof is printed.
func TestStory(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("run() = %v, want nil\n%s", err, out.String())
	}
	text := out.String()
	if n := strings.Count(text, " allowed\n"); n != 4 {
		t.Errorf("calls allowed = %d, want 4\n%s", n, text)
	}
	if n := strings.Count(text, " refused: "); n != 8 {
		t.Errorf("calls refused = %d, want 8\n%s", n, text)
	}
	if strings.Contains(text, "eyJ") {
		t.Errorf("a part of a token or proof is printed:\n%s", text)
	}
}

// TestSurpriseIsNoticed checks that run would fail if a thief were let in, or refused
// for another reason.
func TestSurpriseIsNoticed(t *testing.T) {
	s, err := newService(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	o, err := newOwner(s)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	th, err := newThief(s)
	if err != nil {
		t.Fatal(err)
	}
	defer th.close()
	var out bytes.Buffer
	for _, a := range []attempt{
		{"thief", "let in", o.get, verifier.Bound},
		{"thief", "refused for another reason", th.call("GET", headers{authorization: "Bearer x"}), verifier.Bound},
		{"owner", "refused", th.call("GET", headers{}), ""},
	} {
		if err := s.make(t.Context(), &out, []attempt{a}); err == nil || !strings.Contains(err.Error(), a.what) {
			t.Errorf("make(%s, %s) = %v, want an error that names it", a.who, a.what, err)
		}
	}
}
