package authorities_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

const proofOrigin = "https://api.example.com"

// TestProofsOfOthers: we accept the proofs of five libraries of npm, for a URL with
// everything that they write differently: most leave query and fragment in "htu".
func TestProofsOfOthers(t *testing.T) {
	const token = "an.access.token"
	for _, path := range []string{"/orders", "/a%2Fb/~u/%7Eu/%C3%A4", "/"} {
		produced, _ := authorities.RunProofs(t, authorities.ProofExchange{
			Issuer:  "https://issuer.example.com",
			Produce: authorities.ProofTarget{Method: "DELETE", URL: proofOrigin + path + "?q=/x#y", Token: token},
		})
		if len(produced) < 9 {
			t.Fatalf("proofs.mjs made %d proofs, want 9 or more", len(produced))
		}
		c, err := dpop.NewChecker(dpop.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range produced {
			call := dpop.Call{Proofs: []string{p.Proof}, Method: "DELETE", Origin: proofOrigin, Path: path, Token: token, Thumbprint: p.Thumbprint}
			if err := c.Check(t.Context(), call); err != nil {
				t.Errorf("Check(proof of %s for %s) = %v, want nil", p.By, path, err)
			}
		}
	}
}

// TestProofsCheckedByOthers puts our proofs, and hostile ones, to oauth4webapi and to a
// Verifier. They agree, but for the rules of the table.
func TestProofsCheckedByOthers(t *testing.T) {
	const path = "/orders"
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	t.Cleanup(authority.Close)
	issuer := authority.Issuer()
	tokenFor := func(thumbprint string) string {
		return authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-1", Header: map[string]any{"typ": "at+jwt"}, Claims: map[string]any{
			"cnf": map[string]any{"jkt": thumbprint}, "jti": rand.Text(), "client_id": "m2m-client-1",
		}})
	}
	type row struct {
		name   string
		call   authorities.ProofCheck
		reason verifier.Reason // of ours; "" if we accept it
		differ string          // why oauth4webapi says otherwise
	}
	var rows []row

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range map[string]crypto.Signer{"ES256": nil, "RS256": rsaKey, "PS256": rsaKey, "EdDSA": edKey} {
		if key == nil {
			if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		signer, err := dpop.NewSigner(key, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		token := tokenFor(signer.Key().Thumbprint())
		target, err := url.Parse(proofOrigin + path + "?q=1")
		if err != nil {
			t.Fatal(err)
		}
		proof, err := signer.Key().Proof(dpop.Request{Method: "GET", URL: target, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{"our Signer, " + algorithm, authorities.ProofCheck{ProofTarget: authorities.ProofTarget{Method: "GET", URL: target.String(), Token: token}, Proof: proof}, "", ""})
	}

	type fields = prooftest.Fields
	p, other := prooftest.New(t), prooftest.New(t)
	token, now := tokenFor(p.Thumbprint()), time.Now().Unix()
	d := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, e := range []struct {
		name           string
		header, claims fields
		reason         verifier.Reason
		differ         string
	}{
		{"good", nil, nil, "", ""},
		{"typ with application/", fields{"typ": "application/dpop+jwt"}, nil, "", ""},
		{"typ in another case", fields{"typ": "DPoP+JWT"}, nil, "", ""},
		{"htu with the default port", nil, fields{"htu": proofOrigin + ":443" + path}, "", ""},
		{"htu in capitals", nil, fields{"htu": strings.ToUpper(proofOrigin) + path}, "", ""},
		{"htu with a query", nil, fields{"htu": proofOrigin + path + "?x"}, "", ""},
		{"htu with an escaped letter", nil, fields{"htu": proofOrigin + "/%6frders"}, "", "it does not decode unreserved characters"},
		{"typ JWT", fields{"typ": "JWT"}, nil, verifier.ProofMalformed, ""},
		{"typ missing", fields{"typ": nil}, nil, verifier.ProofMalformed, ""},
		{"alg none", fields{"alg": "none"}, nil, verifier.ProofMalformed, ""},
		{"alg HS256", fields{"alg": "HS256"}, nil, verifier.ProofMalformed, ""},
		{"jwk missing", fields{"jwk": nil}, nil, verifier.ProofMalformed, ""},
		{"jwk symmetric", fields{"jwk": fields{"kty": "oct", "k": "AAAA"}}, nil, verifier.ProofMalformed, ""},
		{"jwk private", fields{"jwk": p.JWK().With(fields{"d": d})}, nil, verifier.ProofMalformed, ""},
		{"another client's key", fields{"jwk": other.JWK()}, nil, verifier.ProofMismatch, ""},
		{"crit", fields{"crit": []string{"x"}, "x": 1}, nil, verifier.ProofMalformed, ""},
		{"jti missing", nil, fields{"jti": nil}, verifier.ProofMalformed, ""},
		{"jti a number", nil, fields{"jti": 1}, verifier.ProofMalformed, ""},
		{"htm another", nil, fields{"htm": "POST"}, verifier.ProofMismatch, ""},
		{"htm in lower case", nil, fields{"htm": "get"}, verifier.ProofMismatch, ""},
		{"htu of another host", nil, fields{"htu": "https://evil.example.com" + path}, verifier.ProofMismatch, ""},
		{"htu of another path", nil, fields{"htu": proofOrigin + "/admin"}, verifier.ProofMismatch, ""},
		{"htu with an escaped slash", nil, fields{"htu": proofOrigin + "/%2Forders"}, verifier.ProofMismatch, ""},
		{"iat missing", nil, fields{"iat": nil}, verifier.ProofMalformed, ""},
		{"iat old", nil, fields{"iat": now - 400}, verifier.ProofMismatch, ""},
		{"iat future", nil, fields{"iat": now + 400}, verifier.ProofMismatch, ""},
		{"iat two minutes ago", nil, fields{"iat": now - 120}, verifier.ProofMismatch, "its window is five minutes"},
		{"exp passed", nil, fields{"exp": now - 120}, verifier.ProofMismatch, ""},
		{"nbf to come", nil, fields{"nbf": now + 120}, verifier.ProofMismatch, ""},
		{"ath missing", nil, fields{"ath": nil}, verifier.ProofMalformed, ""},
		{"ath of another token", nil, fields{"ath": strings.Repeat("A", 43)}, verifier.ProofMismatch, ""},
		{"htu with user info", nil, fields{"htu": "https://u@api.example.com" + path}, verifier.ProofMismatch, ""},
		{"htu with a dot segment", nil, fields{"htu": proofOrigin + "/x/.." + path}, verifier.ProofMismatch, "it parses the URL as a browser does"},
		{"htu with a backslash", nil, fields{"htu": proofOrigin + `\orders`}, verifier.ProofMismatch, "it parses the URL as a browser does"},
		{"jti of 257 bytes", nil, fields{"jti": strings.Repeat("j", 257)}, verifier.ProofMalformed, "it keeps no memory of them"},
	} {
		proof := p.Sign(t, p.Header().With(e.header), prooftest.Claims("GET", proofOrigin+path, token, time.Now()).With(e.claims))
		rows = append(rows, row{e.name, authorities.ProofCheck{ProofTarget: authorities.ProofTarget{Method: "GET", URL: proofOrigin + path, Token: token}, Proof: proof}, e.reason, e.differ})
	}

	jwks, err := authority.FetchJWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x := authorities.ProofExchange{
		Issuer: issuer.Name, Audience: issuer.Audiences[0], JWKS: jwks,
		Produce: authorities.ProofTarget{Method: "GET", URL: proofOrigin + path, Token: token},
	}
	for _, r := range rows {
		x.Check = append(x.Check, r.call)
	}
	_, checked := authorities.RunProofs(t, x)

	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}, DPoP: checker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	for i, r := range rows {
		request := verifier.Request{Authorization: []string{"DPoP " + r.call.Token}, DPoP: []string{r.call.Proof}, Method: "GET", Origin: proofOrigin, Path: path}
		_, err := v.Authorize(t.Context(), request, scopes.Authenticated())
		var reason verifier.Reason
		if err != nil {
			reason = verifier.AsError(err).Reason
		}
		if reason != r.reason {
			t.Errorf("Authorize(%s) = %v, want %q", r.name, err, r.reason)
		}
		if agree := (err == nil) == (checked[i] == ""); agree != (r.differ == "") {
			t.Errorf("%s: we say %v, oauth4webapi says %q, want a difference: %q", r.name, err, checked[i], r.differ)
		}
	}
}
