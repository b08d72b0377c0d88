package attack

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
)

// prover makes DPoP proofs for one server (RFC 9449). A nil prover is for a server
// that takes none.
type prover struct {
	origin     string
	key, thief prooftest.Prover
}

// newProver returns nil without an origin.
func newProver(origin string) *prover {
	if origin == "" {
		return nil
	}
	return &prover{origin, prooftest.New(panics{}), prooftest.New(panics{})}
}

// panics is a testing.TB for errors that only a broken random source causes.
type panics struct{}

func (panics) Helper()           {}
func (panics) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// bind returns good with the key of p in "cnf".
func (p *prover) bind(good m2mtest.TokenSpec) m2mtest.TokenSpec {
	if p == nil {
		return good
	}
	claims := maps.Clone(good.Claims)
	if claims == nil {
		claims = make(map[string]any)
	}
	claims["cnf"] = map[string]any{"jkt": p.key.Thumbprint()}
	good.Claims = claims
	return good
}

// holds reports whether c is an attack on a server that takes proofs.
func (p *prover) holds(c hostile.Credential) bool { return p == nil || c.Name != "credential: DPoP" }

// present returns c with the scheme DPoP, and the proofs that go with it.
func (p *prover) present(c hostile.Credential, method, path string) (hostile.Credential, []string) {
	if p == nil || len(c.Authorization) == 0 {
		return c, nil
	}
	values := make([]string, len(c.Authorization))
	for i, value := range c.Authorization {
		values[i] = value
		if token, ok := strings.CutPrefix(value, "Bearer "); ok {
			values[i] = "DPoP " + token
		}
	}
	c.Authorization = values
	_, token, _ := strings.Cut(values[0], " ")
	if c.Proofs != nil {
		return c, c.Proofs(method, path, token)
	}
	return c, []string{p.sign(p.key, method, path, token, nil, nil)}
}

// sign returns a new proof that differs from a good one in header and claims.
func (p *prover) sign(by prooftest.Prover, method, path, token string, header, claims prooftest.Fields) string {
	good := prooftest.Claims(method, p.origin+path, token, time.Now())
	return by.Sign(panics{}, by.Header().With(header), good.With(claims))
}

// once returns accepted with the same proof for each call. ok is false for a nil p.
func (p *prover) once(accepted hostile.Credential) (c hostile.Credential, ok bool) {
	if p == nil {
		return accepted, false
	}
	var first []string
	accepted.Name = "proof: used before"
	accepted.Proofs = func(method, path, token string) []string {
		if first == nil {
			first = []string{p.sign(p.key, method, path, token, nil, nil)}
		}
		return first
	}
	return accepted, true
}

// attacks returns the hostile proofs, each with an accepted token.
func (p *prover) attacks(accepted hostile.Credential) []hostile.Credential {
	if p == nil {
		return nil
	}
	type fields = prooftest.Fields
	row := func(name string, proofs func(method, path, token string) []string) hostile.Credential {
		c := accepted
		c.Name, c.Proofs = "proof: "+name, proofs
		return c
	}
	by := func(name string, key prooftest.Prover, header, claims fields) hostile.Credential {
		return row(name, func(method, path, token string) []string {
			return []string{p.sign(key, method, path, token, header, claims)}
		})
	}
	with := func(name string, header, claims fields) hostile.Credential { return by(name, p.key, header, claims) }
	edited := func(name string, edit func(proof string) []string) hostile.Credential {
		return row(name, func(method, path, token string) []string { return edit(p.sign(p.key, method, path, token, nil, nil)) })
	}
	now := time.Now().Unix()
	bearer := row("as a bearer token", nil)
	bearer.Authorization = []string{strings.Replace(accepted.Authorization[0], "Bearer ", "bearer ", 1)}
	alone := bearer
	alone.Name, alone.Proofs = "proof: as a bearer token, without a proof", func(string, string, string) []string { return nil }
	return []hostile.Credential{
		bearer, alone,
		row("none", func(string, string, string) []string { return nil }),
		edited("two", func(proof string) []string { return []string{proof, proof} }),
		edited("without a signature", func(proof string) []string { return []string{proof[:strings.LastIndexByte(proof, '.')+1]} }),
		row("the token", func(_, _, token string) []string { return []string{token} }),
		by("by another key", p.thief, nil, nil),
		by("signed by another key", p.thief, fields{"jwk": p.key.JWK()}, nil),
		with("typ JWT", fields{"typ": "JWT"}, nil),
		with("alg none", fields{"alg": "none"}, nil),
		with("alg HS256 and a symmetric key", fields{"alg": "HS256", "jwk": fields{"kty": "oct", "k": "AAAA"}}, nil),
		with("a private key", fields{"jwk": p.key.JWK().With(fields{"d": "AAAA"})}, nil),
		with("for another method", nil, fields{"htm": "PATCH"}),
		with("for another host", nil, fields{"htu": "https://evil.example.com/"}),
		with("for another path", nil, fields{"htu": p.origin + "/another/path"}),
		with("for another token", nil, fields{"ath": strings.Repeat("A", 43)}),
		with("for no token", nil, fields{"ath": nil}),
		with("without a jti", nil, fields{"jti": nil}),
		with("ten minutes old", nil, fields{"iat": now - 600}),
		with("of ten minutes ahead", nil, fields{"iat": now + 600}),
	}
}
