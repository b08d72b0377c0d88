package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

const goodClaims = `{"iss":"https://issuer.example","aud":"https://api.example","sub":"machine","exp":4102444800,"iat":1700000000,"scope":"a b"}`

func goodHeader(alg, kid string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, kid)
}

// input is one case for all libraries: the texts of header and claims, the key that
// signs them, the key set document, "" for the usual one, and how to change the
// token after signing, 0 for not at all.
type input struct {
	key                     uint8
	header, payload, keySet string
	spoil                   uint32
}

func (in input) signer() int { return int(in.key) % len(keys) }

func (in input) token() string {
	return spoil(sign(keys[in.signer()], in.header, in.payload), in.spoil)
}

// headerValues and claimValues are values for members: good ones, nearly good ones,
// and ones that parsers disagree about.
var headerValues = map[string][]string{
	"alg": {`"RS256"`, `"PS256"`, `"ES256"`, `"ES384"`, `"ES512"`, `"EdDSA"`, `"Ed25519"`, `"none"`, `"HS256"`, `"rs256"`, `""`, `null`, `["RS256"]`, `"RS256\u0000"`},
	"kid": {`"rs"`, `"ps"`, `"es"`, `"es3"`, `"es5"`, `"ed"`, `"other"`, `""`, `null`, `7`, `"\u0072s"`},
	"typ": {`"JWT"`, `"application/at+jwt"`, `"dpop+jwt"`, `""`, `null`, `1`},
	"cty": {`"JWT"`, `"text/plain"`, `null`},
	"ALG": {`"none"`, `"HS256"`}, "Kid": {`"other"`},
	"crit": {`[]`, `["exp"]`, `["b64"]`, `null`}, "b64": {`true`, `false`}, "zip": {`"DEF"`}, "enc": {`"A128GCM"`},
	"jwk":      {`{}`, `{"kty":"oct","k":"AA"}`, `null`, `7`, `{"kty":"OKP","crv":"Ed25519","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}`},
	"jku":      {`"https://evil.example/keys"`, `7`},
	"x5u":      {`"https://evil.example/cert"`, `null`},
	"x5c":      {`[]`, `["AAAA"]`, `"AAAA"`},
	"x5t":      {`"AAAA"`, `7`},
	"x5t#S256": {`"AAAA"`, `7`},
	"nonce":    {`"n"`, `7`},
	"other":    {`1e400`, `{"a":[1,{"b":null}]}`, `"\ud800"`, `true`},
}

var claimValues = map[string][]string{
	"iss": {`"https://issuer.example"`, `"https://issuer.example/"`, `"HTTPS://issuer.example"`, `["https://issuer.example"]`, `null`, `"https:\/\/issuer.example"`},
	"aud": {`"https://api.example"`, `["https://api.example"]`, `["x","https://api.example"]`, `[]`, `""`, `["https://api.example",7]`, `"api.example"`, `{"a":1}`, `null`, `[["https://api.example"]]`},
	"exp": {`4102444800`, `4102444800.5`, `41024448e2`, `4.1024448E+9`, `253402300799`, `253402300800`, `1e308`, `1e400`, `0`, `-1`, `1700000000`, `"4102444800"`, `true`, `null`},
	"nbf": {`0`, `1700000000.25`, `1e-400`, `4102444800`, `"0"`, `-0`, `-1`, `null`, `1e9`},
	"iat": {`0`, `1700000000.75`, `4102444800`, `"0"`, `-0`, `17e8`, `null`, `false`},
	"sub": {`"machine"`, `""`, `7`, `null`, `"\u006dachine"`},
	"jti": {`"id"`, `7`, `""`, `null`},
	"cnf": {`{}`, `null`, `{"jkt":"AA"}`, `{"x5t#S256":"AA"}`}, "client_id": {`"machine"`, `7`},
	"scope": {`""`, `7`, `["a"]`, `"a  b"`}, "scp": {`["a","b"]`, `null`},
	"Exp": {`0`, `"x"`}, "EXP": {`0`}, "Iss": {`"evil"`}, "AUD": {`7`},
	"other": {`1e400`, `-1e-400`, `123456789012345678901234567890`, `{"a":{"a":1}}`, `"\ud83d\ude00"`, `"\ud800"`, "\"\xff\"", `[[[[[[[[1]]]]]]]]`},
}

// randomInput changes a good token in up to three places.
func randomInput(r *rand.Rand) input {
	// Slow algorithms are chosen less often.
	in := input{key: [...]uint8{0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5}[r.IntN(14)]}
	k := keys[in.signer()]
	in.header, in.payload = goodHeader(k.Algorithm, k.ID), goodClaims
	for range r.IntN(3) + 1 {
		switch r.IntN(12) {
		case 0, 1, 2:
			in.header = setMember(r, in.header, headerValues)
		case 3, 4, 5, 6:
			in.payload = setMember(r, in.payload, claimValues)
		case 7:
			in.header = changeByte(r, in.header)
		case 8:
			in.payload = changeByte(r, in.payload)
		case 9:
			in.spoil = r.Uint32()
		case 10:
			in.keySet = randomKeySet(r)
		case 11:
			in.header = fmt.Sprintf(`{"alg":%q}`, k.Algorithm)
		}
	}
	return in
}

// setMember sets a member. At random it replaces the member of that name, or adds a
// duplicate.
func setMember(r *rand.Rand, object string, values map[string][]string) string {
	names := slices.Sorted(maps.Keys(values))
	name := names[r.IntN(len(names))]
	value := values[name][r.IntN(len(values[name]))]
	var members map[string]json.RawMessage
	if r.IntN(8) > 0 && json.Unmarshal([]byte(object), &members) == nil {
		delete(members, name)
		object = string(must(json.Marshal(members)))
	}
	if r.IntN(10) == 0 {
		return object // left out
	}
	separator := ","
	if strings.TrimSpace(object) == "{}" {
		separator = ""
	}
	return strings.TrimSuffix(object, "}") + fmt.Sprintf("%s%q:%s}", separator, name, value)
}

func changeByte(r *rand.Rand, text string) string {
	b := []byte(text)
	i := r.IntN(len(b))
	switch r.IntN(3) {
	case 0:
		b[i] ^= 1 << r.IntN(8)
	case 1:
		b = slices.Delete(b, i, i+1)
	case 2:
		b = slices.Insert(b, i, " \t\n,:\"{}[]0\\a"[r.IntN(13)])
	}
	return string(b)
}

// randomKeySet omits, duplicates and changes keys.
func randomKeySet(r *rand.Rand) string {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(published), &set); err != nil {
		panic(err)
	}
	for range r.IntN(3) + 1 {
		i := r.IntN(len(set.Keys))
		jwk := set.Keys[i]
		values := []any{nil, "", 7, "sig", "enc", "RS256", "PS256", "ES256", []string{"verify"}, []string{"AAAA"}, "rs", "AQAB", "Aw"}
		names := []string{"alg", "kid", "use", "key_ops", "kty", "crv", "x", "y", "n", "e", "d", "x5c", "x5t", "exp", "nbf"}
		name := names[r.IntN(len(names))]
		if r.IntN(2) == 0 {
			delete(jwk, name)
		} else {
			jwk[name] = values[r.IntN(len(values))]
		}
		if r.IntN(4) == 0 {
			set.Keys = append(set.Keys, map[string]any{"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AAAA"})
		}
	}
	return string(must(json.Marshal(set)))
}

// spoil changes a token in one place.
func spoil(token string, how uint32) string {
	if how == 0 || token == "" {
		return token
	}
	at := int(how>>4) % len(token)
	before, after := token[:at], token[at:]
	switch how & 15 {
	case 0:
		return before + string(after[0]^1) + after[1:]
	case 1:
		return before + after[1:]
	case 2:
		return before + "=" + after
	case 3:
		return before + "\n" + after
	case 4:
		return before + "." + after
	case 5:
		return before
	case 6:
		return token + "="
	case 7:
		return token[:strings.LastIndexByte(token, '.')+1]
	case 8:
		return token + ".AAAA"
	case 9:
		return strings.NewReplacer("-", "+", "_", "/").Replace(token)
	case 10: // bits behind the last byte
		return token[:len(token)-1] + string(token[len(token)-1]+1)
	case 11:
		return " " + token
	case 12:
		return token + "\r\n"
	case 13:
		return token + "AA"
	case 14:
		return "Bearer " + token
	default:
		return before + "A" + after[1:]
	}
}
