package differential

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auth0/go-jwt-middleware/v3/core"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	jose4 "github.com/go-jose/go-jose/v4"
	jwt5 "github.com/golang-jwt/jwt/v5"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

const (
	proofToken  = "an.access.token"
	proofOrigin = "https://api.example.com"
	proofPath   = "/orders"
)

type fields = prooftest.Fields

// boundToken holds the claims of the one access token. Only its proofs are compared.
type boundToken struct{ jkt string }

func (b boundToken) GetConfirmationJKT() string { return b.jkt }
func (b boundToken) HasConfirmation() bool      { return true }

// auth0 checks proofs by github.com/auth0/go-jwt-middleware. It knows no replays.
type auth0 struct {
	proofs *validator.Validator
	jkt    string
}

func (a auth0) ValidateToken(context.Context, string) (any, error) { return boundToken{a.jkt}, nil }
func (a auth0) ValidateDPoPProof(ctx context.Context, proof string) (core.DPoPProofClaims, error) {
	return a.proofs.ValidateDPoPProof(ctx, proof)
}

var auth0Proofs = func() *validator.Validator {
	return must(validator.New(
		validator.WithKeyFunc(func(context.Context) (any, error) { return nil, errors.New("no token is verified") }),
		validator.WithAlgorithm(validator.RS256), validator.WithIssuer(issuer), validator.WithAudience(audience)))
}()

// theirs returns nil if auth0 accepts the proof for a token of jkt.
func theirs(t *testing.T, proof, jkt string) error {
	t.Helper()
	c, err := core.New(core.WithValidator(auth0{auth0Proofs, jkt}), core.WithDPoPMode(core.DPoPRequired),
		core.WithDPoPProofOffset(time.Minute), core.WithDPoPIATLeeway(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.CheckTokenWithDPoP(t.Context(), proofToken, core.AuthSchemeDPoP, proof, "GET", proofOrigin+proofPath)
	return err
}

var checker = must(dpop.NewChecker(dpop.Config{}))

// ours returns nil if we accept the proof for a token of jkt.
func ours(proof, jkt string) error {
	return checker.Inspect(dpop.Call{Proofs: []string{proof}, Method: "GET", Origin: proofOrigin, Path: proofPath, Token: proofToken, Thumbprint: jkt})
}

func proofClaims() fields {
	return prooftest.Claims("GET", proofOrigin+proofPath, proofToken, time.Now())
}

// edit is a change of a proof. why says why we and auth0 differ about it; "" if we
// agree.
type edit struct {
	name           string
	header, claims fields
	ours           error // nil if we accept it
	why            string
}

// edits returns one change each. Where we accept and auth0 refuses, the exception is
// theirs; where we refuse and auth0 accepts, the stricter rule is ours.
func edits(t *testing.T, p prooftest.Prover) []edit {
	now := time.Now()
	jwk := p.JWK()
	const mild, strict = "they know one spelling", "only we refuse it"
	return []edit{
		{"good", nil, nil, nil, ""},
		{"kid and unknown members", fields{"kid": "k", "x": 1}, fields{"y": nil, "z": 1}, nil, ""},
		{"a nonce", nil, fields{"nonce": "n"}, nil, ""},
		{"iat 50 s ago", nil, fields{"iat": now.Unix() - 50}, nil, ""},
		{"iat 50 s ahead", nil, fields{"iat": now.Unix() + 50}, nil, ""},
		{"iat with a fraction", nil, fields{"iat": float64(now.Unix()) + 0.5}, nil, mild},
		{"typ in another case", fields{"typ": "DPoP+JWT"}, nil, nil, mild},
		{"typ with application/", fields{"typ": "application/dpop+jwt"}, nil, nil, mild},
		{"htu with a query", nil, fields{"htu": proofOrigin + proofPath + "?q"}, nil, mild},
		{"htu with the default port", nil, fields{"htu": proofOrigin + ":443" + proofPath}, nil, mild},
		{"htu with the host in capitals", nil, fields{"htu": "https://API.example.com" + proofPath}, nil, mild},
		{"htu with an escaped letter", nil, fields{"htu": proofOrigin + "/order%73"}, nil, mild},

		{"typ missing", fields{"typ": nil}, nil, dpop.ErrMalformed, ""},
		{"typ JWT", fields{"typ": "JWT"}, nil, dpop.ErrMalformed, ""},
		{"alg none", fields{"alg": "none"}, nil, dpop.ErrMalformed, ""},
		{"alg HS256", fields{"alg": "HS256"}, nil, dpop.ErrMalformed, ""},
		{"alg HS256 with a symmetric key", fields{"alg": "HS256", "jwk": fields{"kty": "oct", "k": "AAAA"}}, nil, dpop.ErrMalformed, ""},
		{"alg of another curve", fields{"alg": "ES384"}, nil, dpop.ErrMalformed, ""},
		{"jwk missing", fields{"jwk": nil}, nil, dpop.ErrMalformed, ""},
		{"jwk of another key", fields{"jwk": prooftest.New(t).JWK()}, nil, dpop.ErrMismatch, ""},
		{"jwk off its curve", fields{"jwk": jwk.With(fields{"x": jwk["y"]})}, nil, dpop.ErrMalformed, ""},
		{"crit", fields{"crit": []string{"x"}, "x": 1}, nil, dpop.ErrMalformed, ""},
		{"jti missing", nil, fields{"jti": nil}, dpop.ErrMalformed, ""},
		{"jti empty", nil, fields{"jti": ""}, dpop.ErrMalformed, ""},
		{"jti a number", nil, fields{"jti": 1}, dpop.ErrMalformed, ""},
		{"htm missing", nil, fields{"htm": nil}, dpop.ErrMalformed, ""},
		{"htm of another method", nil, fields{"htm": "POST"}, dpop.ErrMismatch, ""},
		{"htm in lower case", nil, fields{"htm": "get"}, dpop.ErrMismatch, ""},
		{"htu missing", nil, fields{"htu": nil}, dpop.ErrMalformed, ""},
		{"htu of another host", nil, fields{"htu": "https://evil.example.com" + proofPath}, dpop.ErrMismatch, ""},
		{"htu of another path", nil, fields{"htu": proofOrigin + "/admin"}, dpop.ErrMismatch, ""},
		{"htu in another case", nil, fields{"htu": proofOrigin + "/ORDERS"}, dpop.ErrMismatch, ""},
		{"iat missing", nil, fields{"iat": nil}, dpop.ErrMalformed, ""},
		{"iat old", nil, fields{"iat": now.Unix() - 120}, dpop.ErrMismatch, ""},
		{"iat future", nil, fields{"iat": now.Unix() + 120}, dpop.ErrMismatch, ""},
		{"ath missing", nil, fields{"ath": nil}, dpop.ErrMalformed, ""},
		{"ath of another token", nil, fields{"ath": strings.Repeat("A", 43)}, dpop.ErrMismatch, ""},

		{"jwk private", fields{"jwk": jwk.With(fields{"d": base64.RawURLEncoding.EncodeToString(make([]byte, 32))})}, nil, dpop.ErrMalformed, strict},
		{"jwk for encryption", fields{"jwk": jwk.With(fields{"use": "enc"})}, nil, dpop.ErrMalformed, strict},
		{"jwk for another algorithm", fields{"jwk": jwk.With(fields{"alg": "ES384"})}, nil, dpop.ErrMalformed, strict},
		{"jti of 257 bytes", nil, fields{"jti": strings.Repeat("j", 257)}, dpop.ErrMalformed, strict},
		{"exp passed", nil, fields{"exp": now.Unix() - 120}, dpop.ErrMismatch, strict},
		{"nbf to come", nil, fields{"nbf": now.Unix() + 120}, dpop.ErrMismatch, strict},
	}
}

// TestProofDifferential compares one change at a time in both directions.
func TestProofDifferential(t *testing.T) {
	p := prooftest.New(t)
	for _, e := range edits(t, p) {
		proof := p.Sign(t, p.Header().With(e.header), proofClaims().With(e.claims))
		we, they := ours(proof, p.Thumbprint()), theirs(t, proof, p.Thumbprint())
		if !errors.Is(we, e.ours) || we != nil && e.ours == nil {
			t.Errorf("Inspect(%s) = %v, want %v", e.name, we, e.ours)
		}
		if agree := (we == nil) == (they == nil); agree != (e.why == "") {
			t.Errorf("%s: we say %v, auth0 says %v, want a difference: %q", e.name, we, they, e.why)
		}
	}
}

// TestProofDifferentialCombined combines changes at random, the same in every run: what
// we accept, auth0 accepts, unless a change is one of those that it refuses alone.
func TestProofDifferentialCombined(t *testing.T) {
	p := prooftest.New(t)
	list := edits(t, p)
	r := mathrand.New(mathrand.NewPCG(9, 449))
	accepted, refused := 0, 0
	good := slices.IndexFunc(list, func(e edit) bool { return e.ours != nil }) // the first ones are accepted
	for range 3000 {
		header, claims, excepted := p.Header(), proofClaims(), false
		var names []string
		for range r.IntN(4) {
			e := list[r.IntN(len(list))]
			if r.IntN(2) == 0 {
				e = list[r.IntN(good)]
			}
			header, claims = header.With(e.header), claims.With(e.claims)
			excepted = excepted || e.ours == nil && e.why != ""
			names = append(names, e.name)
		}
		proof := p.Sign(t, header, claims)
		if r.IntN(8) == 0 {
			i := r.IntN(len(proof))
			proof = proof[:i] + string("AQgw-_.="[r.IntN(8)]) + proof[i+1:]
			names = append(names, "another character")
		}
		if ours(proof, p.Thumbprint()) != nil {
			refused++
			continue
		}
		accepted++
		if err := theirs(t, proof, p.Thumbprint()); err != nil && !excepted {
			t.Errorf("auth0 refuses what we accept (%q): %v\n%s", names, err, proof)
		}
	}
	if accepted < 300 || refused < 300 {
		t.Errorf("accepted %d and refused %d proofs, want 300 of each to tell anything", accepted, refused)
	}
}

// TestProofProducers: we and auth0 accept the proofs of two other libraries, with every
// kind of key.
func TestProofProducers(t *testing.T) {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range map[string]crypto.Signer{
		"ES256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"ES384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"RS256": rsaKey, "PS256": rsaKey, "EdDSA": edKey,
	} {
		public := jose4.JSONWebKey{Key: key.Public()}
		jkt := base64.RawURLEncoding.EncodeToString(must(public.Thumbprint(crypto.SHA256)))
		for producer, sign := range map[string]func() (string, error){
			"golang-jwt": func() (string, error) {
				token := jwt5.NewWithClaims(jwt5.GetSigningMethod(algorithm), jwt5.MapClaims(proofClaims()))
				token.Header["typ"], token.Header["jwk"] = "dpop+jwt", public
				return token.SignedString(key)
			},
			"go-jose": func() (string, error) {
				options := (&jose4.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
				signer, err := jose4.NewSigner(jose4.SigningKey{Algorithm: jose4.SignatureAlgorithm(algorithm), Key: key}, options)
				if err != nil {
					return "", err
				}
				signed, err := signer.Sign(must(json.Marshal(proofClaims())))
				if err != nil {
					return "", err
				}
				return signed.CompactSerialize()
			},
		} {
			proof, err := sign()
			if err != nil {
				t.Fatalf("%s signs with %s: %v", producer, algorithm, err)
			}
			if err := ours(proof, jkt); err != nil {
				t.Errorf("Inspect(%s of %s) = %v, want nil", algorithm, producer, err)
			}
			if err := theirs(t, proof, jkt); err != nil {
				t.Errorf("auth0 refuses %s of %s: %v", algorithm, producer, err)
			}
		}
		// The other way: our Signer's proofs.
		s, err := dpop.NewSigner(key, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		proof := must(s.Key().Proof(dpop.Request{Method: "GET", URL: must(url.Parse(proofOrigin + proofPath + "?q#f")), Token: proofToken}))
		if err := theirs(t, proof, s.Key().Thumbprint()); err != nil {
			t.Errorf("auth0 refuses %s of our Signer: %v", algorithm, err)
		}
	}
}
