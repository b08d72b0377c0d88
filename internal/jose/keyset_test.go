package jose

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseKeySetRefuses(t *testing.T) {
	key := string(must(json.Marshal(publish(p256Key().Public()))))
	many := func(n int) string { return `{"keys":[` + strings.Repeat(",{}", n)[1:] + `]}` }
	const (
		noKeys    = `key set: no array "keys"`
		noObject  = `key set: not a JSON object`
		syntax    = `key set: malformed JSON`
		duplicate = `key set: duplicate member in a JSON object`
		deep      = `key set: JSON nested too deeply`
	)
	for _, tt := range []struct{ name, doc, want string }{
		{"empty", ``, noObject},
		{"HTML", `<!DOCTYPE html><html></html>`, noObject},
		{"array", `[` + key + `]`, noObject},
		{"null", `null`, noObject},
		{"string", `"keys"`, noObject},
		{"byte order mark", "\ufeff" + `{"keys":[]}`, noObject},
		{"gzip", "\x1f\x8b\x08\x00", `key set: JSON text is not valid UTF-8`},
		{"truncated", `{"keys":[` + key, syntax},
		{"trailing bytes", `{"keys":[` + key + `]}x`, syntax},
		{"trailing comma", `{"keys":[` + key + `,]}`, syntax},
		{"two documents", `{"keys":[]}{"keys":[]}`, syntax},
		{"invalid UTF-8", `{"keys":["` + "\xff" + `"]}`, `key set: JSON text is not valid UTF-8`},
		{"lone surrogate", `{"keys":["\ud800"]}`, `key set: unpaired surrogate in a JSON string`},

		{"no keys", `{}`, noKeys},
		{"an error document", `{"status_code":500,"error_type":"internal_server_error"}`, noKeys},
		{"a JWK, not a set", key, noKeys},
		{"keys null", `{"keys":null}`, noKeys},
		{"keys object", `{"keys":{"0":` + key + `}}`, noKeys},
		{"keys string", `{"keys":"` + encode([]byte(key)) + `"}`, noKeys},
		{"KEYS is not keys", `{"KEYS":[` + key + `]}`, noKeys},
		{"keys further in", `{"data":{"keys":[` + key + `]}}`, noKeys},

		{"duplicate keys", `{"keys":[` + key + `],"keys":[]}`, duplicate},
		{"duplicate keys, escaped", `{"keys":[` + key + `],"k\u0065ys":[]}`, duplicate},
		{"duplicate member of a key", `{"keys":[{"kty":"RSA","kty":"oct"}]}`, duplicate},
		{"nested 9 deep", `{"keys":[` + nested(7) + `]}`, deep},
		{"nested 9 deep beside keys", `{"keys":[],"a":` + nested(8) + `}`, deep},
		{"a million deep", `{"keys":` + strings.Repeat("[", 1_000_000), deep},
		{"513 keys", many(513), `key set: more than 512 keys`},
		{"16385 members", `{"keys":[],` + members(16384) + `}`, `key set: too many members in JSON`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(tt.doc), Options{})
			if set != nil || err == nil || err.Error() != tt.want {
				t.Errorf("ParseKeySet = %v, %v; want %s", set, err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name, doc     string
		keys, dropped int
	}{
		{"empty", `{"keys":[]}`, 0, 0},
		{"other members", `{"a":[{}],"keys":[` + key + `],"Keys":1}`, 1, 0},
		{"512 keys", many(512), 0, 512},
		{"512 good keys", `{"keys":[` + strings.Repeat(","+key, 512)[1:] + `]}`, 512, 0},
		{"nested 8 deep", `{"keys":[` + nested(6) + `]}`, 0, 1},
		{"16384 members", `{"keys":[],` + members(16383) + `}`, 0, 0},
	} {
		t.Run("accepted: "+tt.name, func(t *testing.T) {
			set, err := ParseKeySet([]byte(tt.doc), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Keys) != tt.keys || len(set.Dropped) != tt.dropped {
				t.Errorf("%d keys, %d dropped; want %d, %d", len(set.Keys), len(set.Dropped), tt.keys, tt.dropped)
			}
		})
	}
}

// TestParseKeySetKeepsTheGood checks that a bad key does not affect the
// others, and that these keep the order of the document.
func TestParseKeySetKeepsTheGood(t *testing.T) {
	rsa, ec, okp := publish(rsaKey().Public()), publish(p256Key().Public()), publish(edKey().Public())
	set, err := ParseKeySet(keySetOf(
		with(with(rsa, "kid", "rsa"), "alg", "PS256"),
		nil,
		with(with(ec, "kid", "encryption"), "use", "enc"),
		with(ec, "kid", "ec"),
		with(ec, "kid", 7),
		with(with(publish(p384Key().Public()), "kid", "private"), "d", "AQAB"),
		okp,
		map[string]any{"kty": "lattice", "kid": "new\n\x1b[31mé\u202e"},
	), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, k := range set.Keys {
		kept = append(kept, k.ID+"/"+k.Algorithm)
	}
	if want := []string{"rsa/PS256", "ec/ES256", "/EdDSA"}; !slices.Equal(kept, want) {
		t.Errorf("kept %q, want %q", kept, want)
	}
	for i, private := range []struct {
		alg  string
		sign func() string
	}{
		{"PS256", func() string { return signedBy(rsaKey(), "PS256").compact() }},
		{"ES256", func() string { return signedBy(p256Key(), "ES256").compact() }},
		{"EdDSA", func() string { return signedBy(edKey(), "EdDSA").compact() }},
	} {
		if err := check(t, private.sign(), set.Keys[i], private.alg); err != nil {
			t.Errorf("%s: %v", private.alg, err)
		}
	}
	want := []Dropped{
		{"", 1, noObject, false},
		{"encryption", 2, badUse, false},
		{"", 4, badKeyID, false},
		{"private", 5, secret, true},
		{"new\n\x1b[31mé\u202e", 7, badType, false},
	}
	if !slices.Equal(set.Dropped, want) {
		t.Errorf("dropped %+v, want %+v", set.Dropped, want)
	}
	// A kid goes into logs: it must not write there what it likes.
	if got, want := set.Dropped[4].String(), `key 7 (kid "new\n\x1b[31m\u00e9\u202e"): its "kty" is unknown`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

// TestParseKeySetStytch parses a document of Stytch's form, with members
// that RFC 7517 does not define, at the top and in each key.
func TestParseKeySetStytch(t *testing.T) {
	key := func(kid string) map[string]any {
		jwk := publish(rsaKey().Public())
		maps.Copy(jwk, map[string]any{
			"kid": kid, "alg": "RS256", "use": "sig", "key_ops": []string{"verify"},
			"x5c": []string{"not a certificate"}, "x5tS256": "bm90IGEgdGh1bWJwcmludA",
		})
		return jwk
	}
	doc := must(json.Marshal(map[string]any{
		"keys":        []any{key("jwk-test-new"), key("jwk-test-old")},
		"request_id":  "request-id-test-1",
		"status_code": 200,
	}))
	set, err := ParseKeySet(doc, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || len(set.Dropped) != 0 || set.Keys[0].ID != "jwk-test-new" || set.Keys[1].ID != "jwk-test-old" {
		t.Fatalf("%+v", set)
	}
	if err := check(t, signedBy(rsaKey(), "RS256").compact(), set.Keys[1], "RS256"); err != nil {
		t.Errorf("Verify: %v", err)
	}
}
