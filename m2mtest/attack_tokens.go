package m2mtest

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// structure are attacks on what takes a token apart. Where a token can be
// signed, it is: a good signature is no reason to read it.
func (f *forge) structure() {
	token := f.token(nil)
	parts := strings.Split(token, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	whole := func(name, token string) { f.addToken("structure: "+name, token) }
	whole("one segment", parts[0])
	whole("two segments", join(parts[:2]...))
	whole("four segments", token+".AA")
	whole("five segments, as in JWE", token+".AA.AA")
	whole("only dots", "..")
	whole("header empty", join("", parts[1], parts[2]))
	whole("payload empty", join(parts[0], "", parts[2]))
	whole("padding", token+"=")
	if loose, ok := looseBits(token); ok {
		whole("non-zero trailing bits", loose)
	}
	if standard, ok := f.standardAlphabet(); ok {
		whole("+ and / of the other alphabet", standard)
	}
	whole("line feed inside", token[:len(token)-8]+"\n"+token[len(token)-8:])
	whole("carriage return inside", token[:8]+"\r"+token[8:])
	whole("JSON serialization", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]))

	header, payload := f.texts()
	rest := payload[1:]
	many := strings.Builder{}
	for i := range 5000 { // more than one per 16 of the largest MaxTokenBytes
		fmt.Fprintf(&many, `"x%d":0,`, i)
	}
	f.rewritten("payload no object", "", "["+payload+"]")
	f.rewritten("payload with trailing bytes", "", payload+"x")
	f.rewritten("two payloads", "", payload+payload)
	f.rewritten("byte order mark", "", "\ufeff"+payload)
	f.rewritten("invalid UTF-8", "", "{\"x\":\"\xff\","+rest)
	f.rewritten("lone surrogate", "", `{"x":"\ud800",`+rest)
	f.rewritten("duplicate claim", "", `{"aud":"other",`+rest)
	f.rewritten("duplicate claim, escaped", "", `{"\u0061ud":"other",`+rest)
	f.rewritten("duplicate claim, nested", "", `{"x":{"a":1,"a":2},`+rest)
	f.rewritten("claim in another case", "", strings.Replace(payload, `"exp":`, `"EXP":`, 1))
	f.rewritten("nested 40 deep", "", `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+","+rest)
	f.rewritten("5,000 claims", "", "{"+many.String()+rest)
	f.rewritten("header no object", "["+header+"]", "")
	f.rewritten("header with trailing bytes", header+"x", "")
	f.rewritten("duplicate header member", `{"alg":"none",`+header[1:], "")
	f.rewritten("duplicate header member, escaped", `{"\u0061lg":"none",`+header[1:], "")
	f.rewritten("header member in another case", strings.Replace(header, `"alg":`, `"ALG":`, 1), "")
}

// looseBits is the token with bits set that its signature does not use: lax
// decoders take it for the same.
func looseBits(token string) (string, bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	signature := token[strings.LastIndex(token, ".")+1:]
	last := strings.IndexByte(alphabet, signature[len(signature)-1])
	if len(signature)%4 == 0 || last < 0 {
		return "", false
	}
	return token[:len(token)-1] + string(alphabet[last|1]), true
}

// standardAlphabet is a good token in base64's standard alphabet.
func (f *forge) standardAlphabet() (string, bool) {
	for i := range 50 {
		token := f.token(func(s *TokenSpec) { s.Claims["jti"] = fmt.Sprint(i) })
		if other := strings.NewReplacer("-", "+", "_", "/").Replace(token); other != token {
			return other, true
		}
	}
	return "", false
}

// headers are attacks on what the header says of key and algorithm.
func (f *forge) headers() {
	for name, alg := range inOrder(map[string]any{
		"none": "none", "None": "None", "NONE": "NONE", "nOnE": "nOnE", "empty": "", "null": nil, "missing": Absent,
		"a list": []string{f.key.Algorithm},
	}) {
		f.bent("header: alg "+name+", no signature", func(s *TokenSpec) { s.Header["alg"], s.Signature = alg, []byte{} })
		f.header("alg "+name+", a good signature", "alg", alg)
	}
	for name, secret := range inOrder(f.publicSecrets()) {
		f.bent("header: HS256 by "+name, func(s *TokenSpec) {
			s.Header["alg"] = "HS256"
			s.Sign = func(input []byte) []byte {
				mac := hmac.New(sha256.New, secret)
				mac.Write(input)
				return mac.Sum(nil)
			}
		})
	}
	for _, alg := range []string{"RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "RS1"} {
		if alg == f.key.Algorithm {
			continue
		}
		f.header("alg "+alg+" for a key of another", "alg", alg)
		_, isRSA := f.key.Private.(*rsa.PrivateKey)
		if isRSA && slices.Contains([]string{"RS256", "RS384", "PS256"}, alg) {
			f.bent("header: signed by "+alg+" with a key of another", func(s *TokenSpec) {
				s.Key = &Key{ID: f.key.ID, Algorithm: alg, Private: f.key.Private}
			})
		}
	}
	for name, kid := range inOrder(map[string]any{
		"a number": 1, "null": nil, "empty": "", "a list": []string{f.key.ID}, "of 1,000 bytes": strings.Repeat("k", 1000),
		"a path": "../../../../../../dev/null", "SQL": "x' UNION SELECT 'x", "another case": strings.ToUpper(f.key.ID),
	}) {
		f.header("kid: "+name, "kid", kid)
	}
	// A key that comes with the token proves nothing.
	brought := f.foreign.JWK()
	for member, value := range inOrder(map[string]any{
		"jwk": brought, "x5c": brought["x5c"], "jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/cert",
	}) {
		for name, kid := range inOrder(map[string]any{"its own": f.foreign.ID, "a published": f.key.ID, "no": Absent}) {
			f.bent(fmt.Sprintf("header: %s of a forger's key, %s kid", member, name), func(s *TokenSpec) {
				s.Key, s.Header[member], s.Header["kid"] = f.foreign, value, kid
			})
		}
	}
	f.header("crit", "crit", []string{"exp"})
	f.header("empty crit", "crit", []string{})
	f.header("b64", "b64", true)
	f.header("zip", "zip", "DEF")
	f.header("enc", "enc", "A256GCM")
	f.header("cty JWT", "cty", "JWT")
	f.header("typ of a logout token", "typ", "logout+jwt")
	f.header("typ of an ID token", "typ", "id+jwt")
	f.header("typ a number", "typ", 1)
}

// publicSecrets are what verifiers that mix up HMAC and signatures take for the
// shared secret.
func (f *forge) publicSecrets() map[string][]byte {
	secrets := map[string][]byte{"nothing": {}, "the key's ID": []byte(f.key.ID)}
	if jwk, err := json.Marshal(f.key.JWK()); err == nil {
		secrets["the JWK"] = jwk
	}
	if der, err := x509.MarshalPKIXPublicKey(f.key.Private.Public()); err == nil {
		secrets["the public key, DER"] = der
		secrets["the public key, PEM"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return secrets
}

// signatures are attacks on the signature itself.
func (f *forge) signatures() {
	token := f.token(nil)
	parts := strings.Split(token, ".")
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2]) // ours
	other := func(name string, s []byte) {
		f.addToken("signature: "+name, parts[0]+"."+parts[1]+"."+encode(s))
	}
	flipped := slices.Clone(signature)
	flipped[len(flipped)/2] ^= 1
	other("stripped", nil)
	other("cut", signature[:len(signature)-1])
	other("longer", append(slices.Clone(signature), 0))
	other("one bit changed", flipped)
	other("of zeros", make([]byte, len(signature)))
	other("of ones", slices.Repeat([]byte{0xff}, len(signature)))
	f.bent("signature: of a forger's key", func(s *TokenSpec) { s.Key, s.Header["kid"] = f.foreign, f.key.ID })
	f.bent("signature: of a key that nobody publishes", func(s *TokenSpec) {
		// Longer ago than authorities date tokens back, or the key might be new.
		s.Key, s.IssuedAt = f.foreign, f.a.now().Add(-11*time.Minute)
	})
	stolen := strings.Split(f.token(func(s *TokenSpec) { s.Claims["jti"] = "another" }), ".")[2]
	f.addToken("signature: of another payload", parts[0]+"."+parts[1]+"."+stolen)
	if _, isEC := f.key.Private.Public().(*ecdsa.PublicKey); isEC {
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s}); err == nil {
			other("ECDSA in DER", der)
		}
	}
}
