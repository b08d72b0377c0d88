package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// TestSigner verifies the proofs of every kind of key.
func TestSigner(t *testing.T) {
	generate := func(key crypto.Signer, err error) crypto.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	rsaKey := generate(rsa.GenerateKey(rand.Reader, 2048))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		name, algorithm string
		key             crypto.Signer
	}{
		{"generated", "", nil},
		{"P-256", "", generate(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		{"P-384", "", generate(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))},
		{"Ed25519", "", generate(ed, err)},
		{"RSA", "", rsaKey},
		{"RSA PSS", "PS256", rsaKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := dpop.NewSigner(tt.key, tt.algorithm)
			if err != nil {
				t.Fatal(err)
			}
			target, _ := url.Parse("https://user@API.example.com:443/a%2Fb?q=1#f")
			proof, err := s.Key().Proof(dpop.Request{Method: "PUT", URL: target, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			err = newChecker(t, dpop.Config{}).Check(t.Context(), dpop.Call{
				Proofs: []string{proof}, Method: "PUT", Origin: "https://api.example.com", Path: "/a%2Fb", Token: token, Thumbprint: s.Key().Thumbprint(),
			})
			if err != nil {
				t.Errorf("Check(Proof()) = %v, want nil", err)
			}
		})
	}
}

func TestSignerMistakes(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := dpop.NewSigner(weak, ""); err == nil || !strings.Contains(err.Error(), "1024 bits") {
			t.Errorf("NewSigner(1024 bits) = %v, want an error that says so", err)
		}
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if _, err := dpop.NewSigner(key, "RS256"); err == nil || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("NewSigner(P-256, RS256) = %v, want an error that names ES256", err)
	}
}

func TestSignerRotate(t *testing.T) {
	s, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	old := s.Key()
	if err := s.Rotate(nil, ""); err != nil || s.Key().Thumbprint() == old.Thumbprint() {
		t.Errorf("Rotate() = %v, with the same key: %v", err, s.Key().Thumbprint() == old.Thumbprint())
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	kept := s.Key()
	if err := s.Rotate(key, "RS256"); err == nil || s.Key() != kept {
		t.Errorf("Rotate(RS256 for P-256) = %v, and the key is replaced: %v", err, s.Key() != kept)
	}
}

// TestProofClaims reads the claims of proofs: each names only what its request has.
func TestProofClaims(t *testing.T) {
	s, err := dpop.NewSigner(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		request dpop.Request
		url     string
		want    map[string]any // besides "jti" and "iat"
	}{
		{"with a token", dpop.Request{Method: "GET", Token: token}, "https://api.example.com/a?b#c",
			map[string]any{"htm": "GET", "htu": "https://api.example.com/a", "ath": claims()["ath"]}},
		{"for a token", dpop.Request{Method: "POST"}, "https://as.example.com/token",
			map[string]any{"htm": "POST", "htu": "https://as.example.com/token"}},
		{"with a nonce", dpop.Request{Method: "POST", Nonce: "n-1"}, "https://as.example.com/token",
			map[string]any{"htm": "POST", "htu": "https://as.example.com/token", "nonce": "n-1"}},
		{"without a path", dpop.Request{Method: "GET"}, "https://api.example.com",
			map[string]any{"htm": "GET", "htu": "https://api.example.com/"}},
	} {
		if tt.request.URL, err = url.Parse(tt.url); err != nil {
			t.Fatal(err)
		}
		proof, err := s.Key().Proof(tt.request)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(proof, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"jti", "iat"} {
			if _, ok := got[name]; !ok {
				t.Errorf("Proof(%s) has no %q", tt.name, name)
			}
			delete(got, name)
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("Proof(%s) has claims %v, want %v", tt.name, got, tt.want)
		}
	}
}

// brokenSigner has a key in an HSM that does not answer.
type brokenSigner struct{ *ecdsa.PrivateKey }

var errHSM = errors.New("the HSM does not answer")

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errHSM }

func TestProofSigningFails(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dpop.NewSigner(brokenSigner{key}, "")
	if err != nil {
		t.Fatal(err)
	}
	proof, err := s.Key().Proof(dpop.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "api.example.com"}})
	if proof != "" || !errors.Is(err, errHSM) || !strings.HasPrefix(err.Error(), "dpop: signing a proof: ") {
		t.Errorf("Proof() = %q, %v, want an error that wraps %q", proof, err, errHSM)
	}
}

func BenchmarkCheck(b *testing.B) {
	p := prooftest.New(b)
	c := newChecker(b, dpop.Config{MaxUsed: 1 << 30, MaxUsedPerClient: 1 << 30})
	proofs := make([]string, 20000)
	for i := range proofs {
		proofs[i] = p.Sign(b, p.Header(), claims())
	}
	call := callOf(p, "")
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == len(proofs) {
			b.StopTimer()
			c, i = newChecker(b, dpop.Config{MaxUsed: 1 << 30, MaxUsedPerClient: 1 << 30}), 0
			b.StartTimer()
		}
		call.Proofs = proofs[i : i+1]
		if err := c.Check(b.Context(), call); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
