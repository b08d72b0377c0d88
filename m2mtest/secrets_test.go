package m2mtest

import "testing"

func TestGuessable(t *testing.T) {
	for _, tt := range []struct {
		secret string
		want   bool
	}{
		{"", true},
		{"kR8-z42", true}, // short
		{"aaaaaaaaaaaaaaaa", true},
		{"12345678", true},
		{"abcdefghijkl", true},
		{"87654321", true},
		{"abababababab", true},
		{"abcd1234", true},
		{"password", true},
		{"Password123", true},
		{"my-client-id1", true}, // its own ID
		{"qwerty12345678", true},
		{"changeme!!!!", true},
		{"kR8-z42q", false},
		{"correct horse battery", false},
		{newSecret(), false},
	} {
		if got := guessable(tt.secret, "my-client-id"); got != tt.want {
			t.Errorf("guessable(%q) = %v, want %v", tt.secret, got, tt.want)
		}
	}
}

func TestSecretHash(t *testing.T) {
	h, again := hashSecret("s"), hashSecret("s")
	if h.sum == again.sum {
		t.Error("not salted")
	}
	if !h.matches("s") || !again.matches("s") || h.matches("S") || h.matches("") {
		t.Error("matches the wrong secret")
	}
	var zero secretHash
	zero.sum = zero.digest("s")
	if zero.matches("s") || zero.matches("") {
		t.Error("no secret matches one")
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	a := NewAuthority(&Options{Key: NewKey("ES256"), NoServer: true})
	id, _ := a.CreateClient("c")
	if _, err := a.clients.startRotation(id); err != nil {
		t.Fatal(err.message)
	}
	c := a.clients.find(id)
	if c.ClientSecret != "" || c.NextClientSecret != "" {
		t.Error("the store keeps a secret")
	}
}

// TestGuessableShortID: an ID that is a letter of a common word does not hide the word.
func TestGuessableShortID(t *testing.T) {
	if !guessable("password", "a") {
		t.Error(`guessable("password", "a") = false, want true`)
	}
}
