package fuzz

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// reference parses an accepted token with encoding/json and big numbers, and returns
// the expected Client, or the reason for which the token should be refused.
func reference(header, payload string) (want verifier.Client, problem string) {
	var h, c map[string]any
	if d := decoder(header); d.Decode(&h) != nil {
		return want, "the header is no object"
	}
	if d := decoder(payload); d.Decode(&c) != nil {
		return want, "the payload is no object"
	}
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, found := h[name]; found {
			return want, name
		}
	}
	if h["alg"] != "EdDSA" && h["alg"] != "Ed25519" {
		return want, "alg"
	}
	if kid, found := h["kid"]; found && kid != key.ID {
		return want, "kid"
	}
	typ, _ := h["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if typ != "at+jwt" && typ != "jwt" {
		return want, "typ"
	}
	if c["iss"] != issuer {
		return want, "iss"
	}
	audiences, isList := c["aud"].([]any)
	if !isList {
		audiences = []any{c["aud"]}
	}
	if !slices.Contains(audiences, any(audience)) {
		return want, "aud"
	}
	for _, a := range audiences {
		if _, isText := a.(string); !isText {
			return want, "aud"
		}
	}
	const leeway = 30
	for name, bad := range map[string]func(seconds *big.Rat) bool{
		"exp": func(s *big.Rat) bool { return s.Cmp(big.NewRat(now.Unix()-leeway, 1)) <= 0 },
		"nbf": func(s *big.Rat) bool { return s.Cmp(big.NewRat(now.Unix()+leeway, 1)) > 0 },
		"iat": func(s *big.Rat) bool { return s.Cmp(big.NewRat(now.Unix()+leeway, 1)) > 0 },
	} {
		v := c[name]
		if v == nil && name != "exp" { // null is as if absent
			continue
		}
		n, isNumber := v.(json.Number)
		if !isNumber || len(n) > 20 { // 1e999999999 is no number to expand
			if isNumber {
				continue
			}
			return want, name
		}
		if exponent := strings.IndexAny(string(n), "eE"); exponent >= 0 && len(n)-exponent > 4 {
			continue
		}
		s, ok := new(big.Rat).SetString(string(n))
		if !ok || bad(s) {
			return want, name
		}
	}
	for name, into := range map[string]*string{"client_id": &want.ID, "sub": &want.Subject, "jti": &want.TokenID} {
		v, isText := c[name].(string)
		if *into = v; v == "" && name == "client_id" || !isText && c[name] != nil {
			return want, name
		}
	}
	for _, mark := range []string{"preferred_username", "email", "name", "given_name", "auth_time", "amr", "acr", "sid", "nonce", "at_hash"} {
		if _, marked := c[mark]; marked && want.Subject == "" {
			return want, "a person's mark"
		}
	}
	if want.Subject != "" && want.Subject != want.ID {
		return want, "not a machine"
	}
	if _, bound := c["cnf"]; bound {
		return want, "cnf"
	}
	granted := c["scope"]
	if granted == nil {
		granted = c["scp"]
	}
	var names []string
	switch g := granted.(type) {
	case string:
		names = strings.Split(g, " ")
	case []any:
		for _, item := range g {
			names = append(names, item.(string))
		}
	}
	names = slices.DeleteFunc(names, func(s string) bool {
		return s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	})
	want.Scopes = scopes.Of(names...)
	return want, ""
}

func decoder(text string) *json.Decoder {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return d
}

// FuzzClaims checks signed tokens with arbitrary header and claims: the reference
// accepts each token that the verifier accepts, both return the same Client, and
// the token is accepted again when it is spelled differently.
func FuzzClaims(f *testing.F) {
	f.Add(goodHeader, goodClaims)
	for _, header := range []string{
		`{"alg":"Ed25519","typ":"JWT"}`, `{"alg":"EdDSA","typ":"application/AT+JWT","kid":"ed","x5c":7}`,
		`{"alg":"EdDSA","alg":"none","typ":"JWT"}`, `{"alg":"none","typ":"JWT"}`, `{"alg":"EdDSA","typ":"JWT","crit":[]}`,
		`{"\u0061lg":"EdDSA","typ":"JWT"}`, `{"ALG":"none","alg":"EdDSA","typ":"JWT"}`, `{"alg":"EdDSA","typ":"J\u212aT"}`, "\ufeff{}",
	} {
		f.Add(header, goodClaims)
	}
	changes := map[string][]string{
		`"exp":1800000600`:     {`"exp":1.8000006E9`, `"exp":1800000600.5`, `"exp":253402300799`, `"exp":253402300800`, `"exp":1e400`, `"exp":"1800000600"`, `"Exp":1800000600`, `"exp":1799999971`, `"exp":1799999970`, `"exp":null`},
		`"nbf":1799999999.5`:   {`"nbf":-0`, `"nbf":1800000030`, `"nbf":1800000030.1`, `"nbf":1e-400`, `"nbf":0`},
		`"aud":"https://`:      {`"aud":["x","https://`, `"aud":"HTTPS://`},
		`"client_id":"m"`:      {`"client_id":""`, `"client_id":"n"`, `"client_id":["m"]`, `"client_id":"\u006d"`, `"a":1`},
		`"scope":"a b:c"`:      {`"scp":["a b","c"]`, `"scope":null,"scp":["a"]`, `"scope":"a\tb  c"`, `"scope":["a",1]`, `"scope":"\u00e9"`},
		`"jti":"1"`:            {`"cnf":{}`, `"cnf":null`, `"jti":1`, `"jti":"1","jti":"2"`, `"x":{"y":[1e400,{"y":"\ud83d\ude00"}]}`, `"x":"\ud83d"`},
		`"https://api.example`: {`"https://api.example.`, `"https:\/\/api.example`},
	}
	for _, old := range slices.Sorted(maps.Keys(changes)) {
		for _, value := range changes[old] {
			f.Add(goodHeader, strings.Replace(goodClaims, old, value, 1))
		}
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		if strings.Contains(header, `"kid"`) && !strings.Contains(header, `"ed"`) {
			return // an unknown key is waited for
		}
		client, err := guard().Verify(context.Background(), sign(header, payload))
		if err != nil {
			if e := refusal(t, err); !reflect.DeepEqual(client, verifier.Client{}) || e.Code != verifier.InvalidToken && e.Code != verifier.Unavailable {
				t.Errorf("%+v beside %v", client, err)
			}
			return
		}
		want, problem := reference(header, payload)
		if problem != "" {
			t.Fatalf("accepted in spite of %s: %s %s", problem, header, payload)
		}
		same := func(c verifier.Client) bool {
			return c.ID == want.ID && c.Subject == want.Subject && c.TokenID == want.TokenID && c.Scopes.Equal(want.Scopes) &&
				c.Issuer == issuer && c.KeyID == key.ID && c.ExpiresAt.Equal(client.ExpiresAt) &&
				c.NotBefore.Equal(client.NotBefore) && c.IssuedAt.Equal(client.IssuedAt) && slices.Equal(c.Audience(), client.Audience())
		}
		if !same(client) {
			t.Errorf("%+v, want %+v", client, want)
		}

		var claims map[string]json.RawMessage
		if err := client.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		anew := []byte("{")
		for i, name := range slices.Sorted(maps.Keys(claims)) {
			if i > 0 {
				anew = append(anew, ',')
			}
			anew = append(append(append(anew, must(json.Marshal(name))...), ':'), claims[name]...)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, append(anew, '}')); err != nil {
			t.Fatal(err)
		}
		again, err := guard().Verify(context.Background(), sign(goodHeader, compact.String()))
		if err != nil || !same(again) {
			t.Errorf("written anew: %+v, %v", again, err)
		}
	})
}
