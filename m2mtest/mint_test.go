package m2mtest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
)

// verifies checks a JWS by the standard library alone.
func verifies(t *testing.T, k *m2mtest.Key, token string) bool {
	t.Helper()
	cut := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA256
	switch {
	case strings.HasSuffix(k.Algorithm, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(k.Algorithm, "512"):
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write([]byte(token[:cut]))
	switch public := k.Private.Public().(type) {
	case *rsa.PublicKey:
		if k.Algorithm[0] == 'P' {
			return rsa.VerifyPSS(public, hash, h.Sum(nil), signature, &rsa.PSSOptions{SaltLength: hash.Size()}) == nil
		}
		return rsa.VerifyPKCS1v15(public, hash, h.Sum(nil), signature) == nil
	case *ecdsa.PublicKey:
		half := (public.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*half {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return ecdsa.Verify(public, h.Sum(nil), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(public, []byte(token[:cut]), signature)
	}
	return false
}

// decode returns the header and the payload of a token, as text.
func decode(t *testing.T, token string) (header, payload, signature string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d segments, want 3", len(parts))
	}
	for i, p := range parts {
		raw, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = string(raw)
	}
	return parts[0], parts[1], parts[2]
}

func asObject(t *testing.T, text string) (o map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAlgorithms(t *testing.T) {
	a := newAuthority(t, m2mtest.Options{NoServer: true})
	other := m2mtest.NewKey("RS256")
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) {
			k := m2mtest.NewKey(alg)
			if alg[1] == 'S' && alg[0] != 'E' { // RSA keys take long to make: one serves all
				k.Private = other.Private
			}
			token := a.Token(m2mtest.TokenSpec{Key: k})
			if !verifies(t, k, token) {
				t.Error("the signature does not verify")
			}
			header, _, _ := decode(t, token)
			wantSame(t, asObject(t, header), map[string]any{"alg": alg, "kid": k.ID, "typ": "JWT"})
			jwk := k.JWK()
			if jwk["alg"] != alg || jwk["kid"] != k.ID || jwk["x5c"] == nil {
				t.Errorf("JWK() = %v, want alg %s, kid %s and an x5c", jwk, alg, k.ID)
			}
			if tail := token[:len(token)-4] + "AAAA"; verifies(t, k, tail) {
				t.Error("a changed signature verifies")
			}
		})
	}
	wantPanic(t, "unknown algorithm", func() { m2mtest.NewKey("HS256") })
	wantPanic(t, "can't sign", func() { (&m2mtest.Key{Algorithm: "ES256", Private: other.Private}).Sign(nil) })
	wantPanic(t, "can't sign", func() { (&m2mtest.Key{Algorithm: "none", Private: other.Private}).Sign(nil) })
}

func TestTokenSpec(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	k := m2mtest.NewKey("ES256")
	a := newAuthority(t, m2mtest.Options{
		NoServer: true, Key: k, ProjectID: "project-test-1", Now: func() time.Time { return now },
	})
	const id = "m2m-client-test-00000000-0000-4000-8000-000000000000"
	type object = map[string]any
	changed := func(changes object) object {
		claims := object{
			"sub": id, "iss": "stytch.com/project-test-1", "aud": []any{"project-test-1"}, "scope": "",
			"iat": 1.9e9, "nbf": 1.9e9, "exp": 1.9e9 + 3600,
		}
		for name, value := range changes {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	for _, tt := range []struct {
		name   string
		spec   m2mtest.TokenSpec
		claims object // changes; nil removes
	}{
		{"zero", m2mtest.TokenSpec{}, nil},
		{"client", m2mtest.TokenSpec{ClientID: "c"}, object{"sub": "c"}},
		{"scopes", m2mtest.TokenSpec{Scopes: []string{"b", "a"}}, object{"scope": "b a"}},
		{"issuer", m2mtest.TokenSpec{Issuer: "https://x"}, object{"iss": "https://x"}},
		{"audience", m2mtest.TokenSpec{Audience: []string{"x", "y"}}, object{"aud": []any{"x", "y"}}},
		{"no audience", m2mtest.TokenSpec{Audience: []string{}}, object{"aud": []any{}}},
		{"TTL", m2mtest.TokenSpec{TTL: time.Minute}, object{"exp": 1.9e9 + 60}},
		{"expired", m2mtest.TokenSpec{TTL: -time.Minute}, object{"exp": 1.9e9 - 60}},
		{"issued at", m2mtest.TokenSpec{IssuedAt: now.Add(-time.Hour)}, object{"iat": 1.9e9 - 3600, "nbf": 1.9e9 - 3600, "exp": 1.9e9}},
		{"not before", m2mtest.TokenSpec{NotBefore: now.Add(time.Hour)}, object{"nbf": 1.9e9 + 3600}},
		{"expires at", m2mtest.TokenSpec{ExpiresAt: now.Add(time.Second), TTL: time.Hour}, object{"exp": 1.9e9 + 1}},
		{"claims", m2mtest.TokenSpec{Claims: object{
			"sub": 1, "scope": m2mtest.Absent, "x": json.RawMessage(`{"y": [true]}`), "<": "&",
		}}, object{"sub": 1.0, "scope": nil, "x": object{"y": []any{true}}, "<": "&"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := a.Token(tt.spec)
			if !verifies(t, k, token) {
				t.Error("the signature does not verify")
			}
			_, payload, _ := decode(t, token)
			var got object
			if err := json.Unmarshal([]byte(payload), &got); err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, changed(tt.claims))
			if strings.Contains(payload, `\u00`) {
				t.Errorf("Token(claims) = %s, want nothing escaped for HTML", payload)
			}
		})
	}
}

func TestHostileTokens(t *testing.T) {
	k := m2mtest.NewKey("ES256")
	a := newAuthority(t, m2mtest.Options{NoServer: true, Key: k})
	stranger := m2mtest.NewKey("EdDSA")
	type object = map[string]any

	header, _, _ := decode(t, a.Token(m2mtest.TokenSpec{Header: object{"alg": "none", "kid": m2mtest.Absent, "crit": []string{"x"}}}))
	wantSame(t, asObject(t, header), object{"alg": "none", "typ": "JWT", "crit": []any{"x"}})

	const raw = "{\"alg\":\"ES256\",\"alg\":\"none\"}\n\xff"
	token := a.Token(m2mtest.TokenSpec{RawHeader: raw, RawPayload: "[]", Header: object{"x": 1}})
	if header, payload, _ := decode(t, token); header != raw || payload != "[]" || !verifies(t, k, token) {
		t.Errorf("Token(raw) = %q, %q; want %q, []", header, payload, raw)
	}

	token = a.Token(m2mtest.TokenSpec{Key: stranger, Header: object{"kid": k.ID, "alg": "ES256"}})
	if header, _, _ := decode(t, token); asObject(t, header)["kid"] != k.ID || !verifies(t, stranger, token) {
		t.Errorf("Token(another key) = %s, want kid %s", header, k.ID)
	}

	if token := a.Token(m2mtest.TokenSpec{Signature: []byte{}}); !strings.HasSuffix(token, ".") || strings.Count(token, ".") != 2 {
		t.Errorf("Token(no signature) = %s, want two dots, one at the end", token)
	}
	if _, _, signature := decode(t, a.Token(m2mtest.TokenSpec{Signature: []byte("sig")})); signature != "sig" {
		t.Errorf("Token(Signature) = %q, want sig", signature)
	}
	var signed []byte
	mac := func(input []byte) []byte {
		signed = input
		h := hmac.New(sha256.New, []byte("k"))
		h.Write(input)
		return h.Sum(nil)
	}
	token = a.Token(m2mtest.TokenSpec{Sign: mac})
	if !strings.HasPrefix(token, string(signed)+".") || len(signed) == 0 {
		t.Errorf("Sign(%q), want the signing input of %q", signed, token)
	}
	wantPanic(t, "can't be encoded as JSON", func() { a.Token(m2mtest.TokenSpec{Claims: object{"f": func() {}}}) })
}
