package jose

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// FuzzParseToken checks that each accepted token has exactly one spelling,
// and that encoding/json reads the same from it. A refused token gives an
// error of one kind, and no other result.
func FuzzParseToken(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.token)
	}
	for _, header := range []string{
		goodHeader, `{"alg":"Ed25519","typ":"at+jwt","jwk":{"kty":"RSA"}}`, `{"alg":"none"}`, `{"alg":"RS256","kid":1}`,
		`{"alg":"RS256","crit":["b64"],"b64":false}`, `{"alg":"RS256","\u0061lg":"none"}`, "\ufeff{}",
	} {
		f.Add(withHeader(header))
	}
	for _, payload := range []string{`{}`, `[]`, `{"a":{"b":[1e400,"\ud83d\ude00"]},"A":null}`, `{"a":"\ud800"}`, nested(17)} {
		f.Add(withPayload(payload))
	}
	f.Add("..")
	f.Add(withHeader(goodHeader) + "=")
	f.Add(withHeader(goodHeader) + "\n")
	f.Add(withHeader(goodHeader) + ".a.b")

	f.Fuzz(func(t *testing.T, token string) {
		tok, parts, err := ParseToken(token, 512, nil, nil)
		if err != nil {
			of := 0
			for _, kind := range kinds {
				if errors.Is(err, kind) {
					of++
				}
			}
			if of != 1 {
				t.Errorf("%q is of %d kinds", err, of)
			}
			if !reflect.DeepEqual(tok, Token{}) {
				t.Errorf("%+v beside %q", tok, err)
			}
			return
		}
		segments := strings.Split(token, ".")
		if len(segments) != 3 {
			t.Fatalf("%d segments", len(segments))
		}
		var decoded [3][]byte
		for i, segment := range segments {
			b, err := base64.RawURLEncoding.DecodeString(segment)
			if err != nil || base64.RawURLEncoding.EncodeToString(b) != segment || len(b) == 0 {
				t.Fatalf("segment %d has another spelling: %v", i, err)
			}
			decoded[i] = b
		}
		if tok.Payload != string(decoded[1]) {
			t.Errorf("Payload = %q, but %q was signed", tok.Payload, decoded[1])
		}
		if tok.signed+"."+encode(parts.signature) != token {
			t.Errorf("signed is %q, the signature %q", tok.signed, parts.signature)
		}

		var header, claims map[string]json.RawMessage // a map's keys aren't folded
		if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
			t.Fatal("encoding/json refuses it")
		}
		if len(claims) != len(parts.Claims) {
			t.Errorf("%d claims, encoding/json has %d", len(parts.Claims), len(claims))
		}
		for _, claim := range parts.Claims {
			if string(claims[claim.Name]) != claim.Value.JSON() {
				t.Errorf("claim %q = %s, encoding/json has %s", claim.Name, claim.Value.JSON(), claims[claim.Name])
			}
		}
		text := func(name string) (s string) {
			if raw, found := header[name]; found && (raw[0] != '"' || json.Unmarshal(raw, &s) != nil) {
				t.Errorf("%q is no string, and accepted", name)
			}
			return s
		}
		algorithm, ok := CanonicalAlgorithm(text("alg"))
		_, hasType := header["typ"]
		if want := (Header{algorithm, text("kid"), text("typ"), hasType}); !ok || tok.Header != want || len(want.KeyID) > 256 {
			t.Errorf("Header = %+v, encoding/json has %+v", tok.Header, want)
		}
		for _, name := range []string{"crit", "b64", "zip", "enc"} {
			if _, found := header[name]; found {
				t.Errorf("accepted with %q", name)
			}
		}
	})
}

// FuzzParseKeySet checks that each entry is kept or dropped. A kept key is
// the same after it is published again, alone, from what was loaded. A
// signature of zeros never verifies under it.
func FuzzParseKeySet(f *testing.F) {
	all := []any{rfc7515RSA, rfc7515P256, rfc7515P521, rfc7520RSA, rfc7520EC, rfc7638JWK, rfc8037JWK, rfc9449JWK}
	f.Add(keySetOf(all...), false)
	for _, jwk := range all {
		f.Add(keySetOf(jwk), false)
	}
	f.Add([]byte(`{"keys":[`+strings.Replace(string(rfc7638JWK), "AQAB", "Aw", 1)+`],"status_code":200}`), true)
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},null,{"kty":"RSA","kid":1},{"kty":"EC","use":"enc"}]}`), false)
	f.Add([]byte(`{"keys":[],"keys":[]}`), false)
	f.Add([]byte(`{"Keys":[{}]}`), false)

	f.Fuzz(func(t *testing.T, doc []byte, exponent3 bool) {
		opts := Options{AllowExponent3: exponent3}
		set, err := ParseKeySet(doc, opts)
		if err != nil {
			if set != nil {
				t.Error("a set beside an error")
			}
			return
		}
		var root map[string]json.RawMessage
		var entries []json.RawMessage
		if json.Unmarshal(doc, &root) != nil || json.Unmarshal(root["keys"], &entries) != nil {
			t.Fatal("encoding/json refuses it")
		}
		if len(entries) > 512 || len(set.Keys)+len(set.Dropped) != len(entries) {
			t.Fatalf("%d keys and %d dropped of %d", len(set.Keys), len(set.Dropped), len(entries))
		}
		last := -1
		for _, d := range set.Dropped {
			if d.Index <= last || d.Index >= len(entries) || d.Reason == "" {
				t.Errorf("dropped %+v after %d", d, last)
			}
			last = d.Index
		}
		for _, key := range set.Keys {
			jwk := publish(key.public)
			if key.ID != "" {
				jwk["kid"] = key.ID
			}
			if key.Algorithm != "" {
				jwk["alg"] = key.Algorithm
			}
			again, err := ParseKeySet(keySetOf(jwk), opts)
			if err != nil || len(again.Keys) != 1 {
				t.Fatalf("published alone: %v, %+v", err, again)
			}
			if k := again.Keys[0]; k.Thumbprint != key.Thumbprint || k.ID != key.ID || k.Algorithm != key.Algorithm {
				t.Errorf("published alone: %+v, was %+v", k, key)
			}
			for name := range algorithms {
				algorithm, ok := key.UsableFor([]string{name})
				if !ok {
					continue
				}
				tok := Token{Header: Header{Algorithm: algorithm}, signed: "e30.e30"}
				for _, size := range []int{64, 96, 132, 256} {
					if err := tok.Verify(Parts{signature: make([]byte, size)}, key, algorithm); err != ErrSignature {
						t.Errorf("%s, %d zero bytes: %v", algorithm, size, err)
					}
				}
			}
		}
	})
}
