package tokensource_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/tokensource"
)

// handle is a key that can't be read, as in a KMS.
type handle struct{ key crypto.Signer }

func (h handle) Public() crypto.PublicKey { return h.key.Public() }
func (h handle) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return h.key.Sign(r, digest, opts)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	keyRSA  = must(rsa.GenerateKey(rand.Reader, 2048))
	keyEC   = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	keyEC3  = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	keyEC5  = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	_, keyE = must2(ed25519.GenerateKey(rand.Reader))
)

func must2[T, U any](v T, u U, err error) (T, U) {
	if err != nil {
		panic(err)
	}
	return v, u
}

// verified returns header and claims of an assertion that key has signed.
func verified(t *testing.T, assertion, alg string, key crypto.PublicKey) (header, claims map[string]any) {
	t.Helper()
	algorithm, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		t.Fatalf("no algorithm %s", alg)
	}
	payload, err := jws.Verify([]byte(assertion), jws.WithKey(algorithm, key))
	if err != nil {
		t.Fatalf("the assertion is not signed by %s: %v", alg, err)
	}
	head, _, _ := strings.Cut(assertion, ".")
	for _, part := range []struct {
		text []byte
		dst  *map[string]any
	}{{must(base64.RawURLEncoding.DecodeString(head)), &header}, {payload, &claims}} {
		if err := json.Unmarshal(part.text, part.dst); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestPrivateKeyJWT(t *testing.T) {
	pair := tlstest.New(t)
	pairKey := pair.PrivateKey.(crypto.Signer)
	for _, tt := range []struct {
		name string
		c    tokensource.PrivateKeyJWT
		alg  string
		aud  string
		kid  any
	}{
		{"RSA", tokensource.PrivateKeyJWT{Key: keyRSA}, "RS256", "https://issuer.example.com", nil},
		{"RSA-PSS in a KMS", tokensource.PrivateKeyJWT{Key: handle{keyRSA}, Algorithm: "PS256", KeyID: "k1", Audience: "https://a/token"}, "PS256", "https://a/token", "k1"},
		{"P-256", tokensource.PrivateKeyJWT{Key: keyEC}, "ES256", "https://issuer.example.com", nil},
		{"P-256 in a KMS", tokensource.PrivateKeyJWT{Key: handle{keyEC}}, "ES256", "https://issuer.example.com", nil},
		{"P-384 in a KMS", tokensource.PrivateKeyJWT{Key: handle{keyEC3}}, "ES384", "https://issuer.example.com", nil},
		{"P-521", tokensource.PrivateKeyJWT{Key: keyEC5}, "ES512", "https://issuer.example.com", nil},
		{"Ed25519", tokensource.PrivateKeyJWT{Key: keyE}, "EdDSA", "https://issuer.example.com", nil},
		{"Ed25519 in an HSM", tokensource.PrivateKeyJWT{Key: handle{keyE}}, "EdDSA", "https://issuer.example.com", nil},
		{"with a certificate", tokensource.PrivateKeyJWT{Key: pairKey, Certificate: pair.Leaf}, "ES256", "https://issuer.example.com", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.ClientID = clientID
			inBubble(t, func(c *tokensource.Config) {
				c.Credentials, c.Issuer = tt.c, "https://issuer.example.com"
			}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
				token(t, s)
				form := a.last().Form
				header, claims := verified(t, form.Get("client_assertion"), tt.alg, tt.c.Key.Public())
				now := float64(time.Now().Unix())
				if claims["iss"] != clientID || claims["sub"] != clientID || claims["aud"] != tt.aud || claims["iat"] != now || claims["exp"] != now+60 {
					t.Errorf("claims %v", claims)
				}
				if header["typ"] != "JWT" || header["alg"] != tt.alg || header["kid"] != tt.kid {
					t.Errorf("header %v", header)
				}
				want := any(nil)
				if tt.c.Certificate != nil {
					sum := sha256.Sum256(tt.c.Certificate.Raw)
					want = base64.RawURLEncoding.EncodeToString(sum[:])
				}
				if header["x5t#S256"] != want {
					t.Errorf("x5t#S256 %v, want %v", header["x5t#S256"], want)
				}
				if form.Get("client_id") != clientID || form.Get("grant_type") != "client_credentials" ||
					form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || a.last().Header.Get("Authorization") != "" {
					t.Errorf("form %v", form)
				}
				s.Invalidate("token-1")
				token(t, s)
				if _, again := verified(t, a.last().Form.Get("client_assertion"), tt.alg, tt.c.Key.Public()); again["jti"] == claims["jti"] || len(fmt.Sprint(claims["jti"])) < 26 {
					t.Errorf("jti %v, then %v, want two random ones", claims["jti"], again["jti"])
				}
			})
		})
	}
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func jwkOf(t *testing.T, key crypto.Signer, members map[string]any) string {
	t.Helper()
	k := must(jwk.Import(key))
	for name, value := range members {
		if err := k.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return string(must(json.Marshal(k)))
}

func TestParseKey(t *testing.T) {
	certificate := encode("CERTIFICATE", tlstest.New(t).Leaf.Raw)
	small := encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(must(rsa.GenerateKey(rand.Reader, 1024))))
	for _, tt := range []struct {
		name, text string
		want       crypto.Signer // nil for an error
		kid        string
	}{
		{"PKCS #8, RSA", encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(keyRSA))), keyRSA, ""},
		{"PKCS #8, EC", encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(keyEC))), keyEC, ""},
		{"PKCS #8, Ed25519", encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(keyE))), keyE, ""},
		{"PKCS #1", encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(keyRSA)), keyRSA, ""},
		{"SEC 1", encode("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(keyEC))), keyEC, ""},
		{"after a certificate", certificate + encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(keyEC))), keyEC, ""},
		{"JWK, RSA", jwkOf(t, keyRSA, map[string]any{"kid": "k1", "alg": "PS256"}), keyRSA, "k1"},
		{"JWK, EC", jwkOf(t, keyEC, nil), keyEC, ""},
		{"JWK, Ed25519", jwkOf(t, keyE, map[string]any{"kid": "k2"}), keyE, "k2"},

		{"empty", "", nil, ""},
		{"a public key", encode("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(keyEC.Public()))), nil, ""},
		{"a public JWK", string(must(json.Marshal(must(jwk.Import(keyEC.Public()))))), nil, ""},
		{"a certificate", certificate, nil, ""},
		{"a secret", `{"kty":"oct","k":"aHVzaC1rUjh6NDI"}`, nil, ""},
		{"a JWK whose alg is of another type", jwkOf(t, keyEC, map[string]any{"alg": "RS256"}), nil, ""},
		{"a JWK with alg none", jwkOf(t, keyEC, map[string]any{"alg": "none"}), nil, ""},
		{"a small key", small, nil, ""},
		{"damaged", encode("PRIVATE KEY", []byte("aHVzaC1rUjh6NDI")), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, kid, err := tokensource.ParseKey([]byte(tt.text))
			if tt.want == nil {
				if key != nil || err == nil || strings.Contains(err.Error(), "aHVzaC") {
					t.Errorf("ParseKey = %v, %v, want an error", key, err)
				}
				return
			}
			public, ok := tt.want.Public().(interface{ Equal(crypto.PublicKey) bool })
			if err != nil || !ok || !public.Equal(key.Public()) || kid != tt.kid {
				t.Errorf("ParseKey = kid %q, %v, want the key with kid %q", kid, err, tt.kid)
			}
		})
	}
}

// TestKeyFile: a rotated key is used after the authority refused the old one,
// without a failed call.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	write(t, path, jwkOf(t, keyRSA, map[string]any{"kid": "old", "alg": "PS256"}))
	inBubble(t, func(c *tokensource.Config) {
		c.Credentials = tokensource.PrivateKeyJWT{ClientID: clientID, KeyFile: path, Audience: "a"}
	}, func(t *testing.T, a *authority, s *tokensource.Source, e *events) {
		settled(t, s)
		verified(t, a.last().Form.Get("client_assertion"), "PS256", keyRSA.Public())
		a.set(func(a *authority) {
			a.answer = func(n int, r *http.Request) (*http.Response, error) {
				write(t, path, jwkOf(t, keyEC, map[string]any{"kid": "new"}))
				if _, err := jws.Verify([]byte(r.Form.Get("client_assertion")), jws.WithKey(jwa.ES256(), keyEC.Public())); err != nil {
					return response(400, `{"error":"invalid_client"}`), nil
				}
				return a.issue(), nil
			}
		})
		s.Invalidate("token-1")
		token(t, s)
		header, _ := verified(t, a.last().Form.Get("client_assertion"), "ES256", keyEC.Public())
		if header["kid"] != "new" {
			t.Errorf("kid %v, want new", header["kid"])
		}
		a.wantFetches(t, 3)
		if got := e.kinds(); got != "fetched refused replaced" {
			t.Errorf("events: %s", got)
		}
	})
	write(t, path, "not a key aHVzaC")
	inBubble(t, func(c *tokensource.Config) {
		c.Credentials = tokensource.PrivateKeyJWT{ClientID: clientID, KeyFile: path, Audience: "a"}
	}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		_, err := s.Token()
		wantError(t, "Token()", err, fmt.Sprintf("KeyFile: %q: no private key", path))
	})
}

type failing struct{ handle }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errBoom }

func TestSignerFails(t *testing.T) {
	inBubble(t, func(c *tokensource.Config) {
		c.Credentials = tokensource.PrivateKeyJWT{ClientID: clientID, Key: failing{handle{keyEC}}, Audience: "a"}
	}, func(t *testing.T, a *authority, s *tokensource.Source, _ *events) {
		_, err := s.Token()
		if !errors.Is(err, errBoom) {
			t.Errorf("Token() = %v, want %v", err, errBoom)
		}
		a.wantFetches(t, 0)
	})
}

func TestPrivateKeyMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    tokensource.PrivateKeyJWT
		want []string
	}{
		{"empty", tokensource.PrivateKeyJWT{}, []string{"ClientID is empty", "no Audience", "exactly one of Key and KeyFile"}},
		{"two keys", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyEC, KeyFile: "x"}, []string{"exactly one of Key and KeyFile"}},
		{"another type's algorithm", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyEC, Algorithm: "RS256"}, []string{`Algorithm is "RS256": want ES256`}},
		{"another curve's", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyEC3, Algorithm: "ES256"}, []string{`Algorithm is "ES256": want ES384`}},
		{"HMAC", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyRSA, Algorithm: "HS256"}, []string{`Algorithm is "HS256"`}},
		{"none", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyRSA, Algorithm: "none"}, []string{`Algorithm is "none"`}},
		{"a small key", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: must(rsa.GenerateKey(rand.Reader, 1024))}, []string{"1024 bits"}},
		{"another key's certificate", tokensource.PrivateKeyJWT{ClientID: "x", Audience: "a", Key: keyEC, Certificate: tlstest.New(t).Leaf}, []string{"Certificate has another key"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: tt.c})
			for _, want := range tt.want {
				wantError(t, "New", err, want)
			}
		})
	}
}

func TestPrivateKeyHidden(t *testing.T) {
	c := tokensource.PrivateKeyJWT{ClientID: clientID, Key: keyE}
	const want = `PrivateKeyJWT of client "worker"`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		if got := fmt.Sprintf(verb, c); got != want {
			t.Errorf("%s prints %s, want %s", verb, got, want)
		}
		if got := fmt.Sprintf(verb, tokensource.Config{Credentials: c}); strings.Contains(got, fmt.Sprint([]byte(keyE))[1:20]) {
			t.Errorf("%s of a Config prints the key: %s", verb, got)
		}
	}
	if got := string(must(json.Marshal(c))); got != `"PrivateKeyJWT of client \"worker\""` {
		t.Errorf("JSON holds the key: %s", got)
	}
}
