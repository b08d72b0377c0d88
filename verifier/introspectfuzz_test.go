package verifier_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

// FuzzAnswer: an answer of an authority is refused, or means the same to encoding/json:
// it is one object, "active" is true, and issuer, audience and client are right.
func FuzzAnswer(f *testing.F) {
	const good = `{"active":true,"aud":"https://api.example.com","client_id":"c","sub":"c","scope":"read:users"}`
	for _, seed := range []string{
		good, `{"active":false}`, `{"active":"true"}`, `{"active":1}`, `{}`, `[]`, ``, `null`, `<html>`,
		good + good, good + " ", "\ufeff" + good, good[:len(good)-1], strings.Replace(good, "active", `\u0061ctive`, 1),
		`{"active":false,"active":true,` + good[1:], `{"Active":false,` + good[1:],
		strings.Replace(good, `"https://api.example.com"`, `["x","https://api.example.com"]`, 1),
		strings.Replace(good, `"aud"`, `"exp":1e400,"aud"`, 1), strings.Replace(good, `"aud"`, `"exp":4102444800,"iat":0,"aud"`, 1),
		strings.Replace(good, `"aud"`, `"cnf":{"jkt":"x"},"aud"`, 1), strings.Replace(good, `"aud"`, `"iss":"https://opaque.example.com","aud"`, 1),
		strings.Replace(good, `"aud"`, `"token_type":"N_A","aud"`, 1), strings.Replace(good, `"aud"`, `"username":"ada","aud"`, 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		issuer := newOracle().issuer()
		issuer.Introspect = func(context.Context, string) ([]byte, error) { return text, nil }
		v := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{issuer}})
		client, err := v.Verify(t.Context(), "opaque")
		if err != nil {
			if e := verifier.AsError(err); e.Reason == verifier.Panicked || e.Code != verifier.Unavailable && e.Code != verifier.InvalidToken {
				t.Errorf("Verify(%q) = %v, want Unavailable or InvalidToken", text, err)
			}
			return
		}
		var read map[string]any
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatalf("Verify(%q) = %v, and encoding/json says %v", text, client, err)
		}
		audiences, ok := read["aud"].([]any)
		if !ok {
			audiences = []any{read["aud"]}
		}
		if iss, ok := read["iss"]; ok && iss != nil && iss != "https://opaque.example.com" || read["active"] != true ||
			read["client_id"] != client.ID || client.ID == "" || !slices.Contains(audiences, any("https://api.example.com")) {
			t.Errorf("Verify(%q) = %+v, want it refused", text, client)
		}
		again, err := v.Verify(t.Context(), "opaque")
		if err != nil || again.ID != client.ID || again.Scopes.String() != client.Scopes.String() {
			t.Errorf("Verify(%q) the second time = %v, %v, want %v", text, again, err, client)
		}
	})
}
