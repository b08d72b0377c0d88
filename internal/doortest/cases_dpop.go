package doortest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/verifier"
)

// proofs are the rows with DPoP (RFC 9449). dpop's own tests have every part of a
// proof; these show that each Reason, and each value of the call, gets through.
func proofs(t *testing.T, f *Fixture) []Case {
	p, thief := prooftest.New(t), prooftest.New(t)
	bound := claim("cnf", map[string]any{"jkt": p.Thumbprint()})
	takes := func(replay dpop.Replay) func(*verifier.Config) {
		return func(c *verifier.Config) {
			checker, err := dpop.NewChecker(dpop.Config{Replay: replay})
			if err != nil {
				t.Fatal(err)
			}
			c.DPoP = checker
		}
	}
	// signed returns one new proof for each call.
	signed := func(by prooftest.Prover, header, claims prooftest.Fields) func(*Fixture, string, string, string) []string {
		return func(_ *Fixture, authorization, method, path string) []string {
			_, token, _ := strings.Cut(authorization, " ")
			good := prooftest.Claims(method, Origin+path, token, time.Now())
			return []string{by.Sign(t, by.Header().With(header), good.With(claims))}
		}
	}
	scheme := func(name string, token spec) func(*Fixture) []string {
		return func(f *Fixture) []string { return []string{name + " " + f.Token(token)} }
	}
	row := func(name string, edit func(*Case)) Case {
		c := Case{Name: "DPoP: " + name, Config: takes(nil), Values: scheme("DPoP", bound), Proofs: signed(p, nil, nil)}
		if edit != nil {
			edit(&c)
		}
		return c
	}
	with := func(name string, header, claims prooftest.Fields) Case {
		return row(name, func(c *Case) { c.Proofs = signed(p, header, claims) })
	}
	both := claim("cnf", map[string]any{"jkt": p.Thumbprint(), "x5t#S256": f.Mine.Thumbprint()})
	replayed := func() func(*Fixture, string, string, string) []string {
		var first []string
		return func(f *Fixture, authorization, method, path string) []string {
			if first == nil {
				first = signed(p, nil, nil)(f, authorization, method, path)
			}
			return first
		}
	}
	accepted := []Case{
		row("bound, its proof", nil),
		row("scheme in lower case", func(c *Case) { c.Values = scheme("dpop", bound) }),
		row("an unbound token as Bearer", func(c *Case) { c.Values, c.Proofs = scheme("Bearer", spec{}), nil }),
		row("an unbound token as Bearer, with a proof", func(c *Case) { c.Values = scheme("Bearer", spec{}) }),
		row("RequireBound", func(c *Case) { c.Issuer = func(i *verifier.Issuer) { i.RequireBound = true } }),
		row("bound twice, both proved", func(c *Case) { c.Values, c.Certificates = scheme("DPoP", both), []tlstest.Pair{f.Mine} }),
		with("htu in capitals, with the default port", nil, prooftest.Fields{}),
	}
	accepted[len(accepted)-1].Proofs = func(_ *Fixture, authorization, method, path string) []string {
		_, token, _ := strings.Cut(authorization, " ")
		return []string{p.Sign(t, p.Header(), prooftest.Claims(method, "HTTPS://API.EXAMPLE.COM:443"+path+"?q#f", token, time.Now()))}
	}
	again := row("replayed at once", func(c *Case) {
		c.Proofs = replayed()
		c.Then = func(*testing.T, *verifier.Verifier) {}
	})
	again.LaterCode, again.LaterReason = verifier.InvalidToken, verifier.ProofReplayed
	return slices.Concat(
		accepted,
		[]Case{again},
		invalid(verifier.Bound,
			row("a bound token as Bearer", func(c *Case) { c.Values, c.Proofs = scheme("Bearer", bound), nil }),
			row("a bound token as Bearer, with a proof", func(c *Case) { c.Values = scheme("Bearer", bound) }),
			row("bound twice, no certificate", func(c *Case) { c.Values = scheme("DPoP", both) }),
			row("bound twice, another certificate", func(c *Case) { c.Values, c.Certificates = scheme("DPoP", both), []tlstest.Pair{f.Other} }),
			row("cnf with a member that is unknown", func(c *Case) {
				c.Values = scheme("DPoP", claim("cnf", map[string]any{"jkt": p.Thumbprint(), "x": 1}))
			}),
			row("jkt too short", func(c *Case) { c.Values = scheme("DPoP", claim("cnf", map[string]any{"jkt": p.Thumbprint()[:42]})) }),
			row("jkt of another type", func(c *Case) { c.Values = scheme("DPoP", claim("cnf", map[string]any{"jkt": 1})) })),
		invalid(verifier.Unbound,
			row("an unbound token as DPoP", func(c *Case) { c.Values = scheme("DPoP", spec{}) }),
			row("a token that is bound to a certificate, as DPoP", func(c *Case) {
				c.Values = scheme("DPoP", claim("cnf", map[string]any{"x5t#S256": f.Mine.Thumbprint()}))
				c.Certificates = []tlstest.Pair{f.Mine}
			})),
		invalid(verifier.ProofMissing, row("no proof", func(c *Case) { c.Proofs = nil })),
		invalid(verifier.ProofMalformed,
			row("two proofs", func(c *Case) {
				c.Proofs = func(f *Fixture, a, m, path string) []string {
					return append(signed(p, nil, nil)(f, a, m, path), signed(p, nil, nil)(f, a, m, path)...)
				}
			}),
			row("not a JWS", func(c *Case) {
				c.Proofs = func(*Fixture, string, string, string) []string { return []string{"not.a.proof!"} }
			}),
			with("typ JWT", prooftest.Fields{"typ": "JWT"}, nil),
			with("alg none", prooftest.Fields{"alg": "none"}, nil),
			with("alg HS256", prooftest.Fields{"alg": "HS256"}, nil),
			with("alg of another key", prooftest.Fields{"alg": "RS256"}, nil),
			with("jwk symmetric", prooftest.Fields{"jwk": prooftest.Fields{"kty": "oct", "k": "AAAA"}}, nil),
			with("jwk private", prooftest.Fields{"jwk": p.JWK().With(prooftest.Fields{"d": "AAAA"})}, nil),
			with("no jti", nil, prooftest.Fields{"jti": nil}),
			with("no ath", nil, prooftest.Fields{"ath": nil}),
			row("signed by another key", func(c *Case) { c.Proofs = signed(thief, prooftest.Fields{"jwk": p.JWK()}, nil) })),
		invalid(verifier.ProofMismatch,
			row("another client's key", func(c *Case) { c.Proofs = signed(thief, nil, nil) }),
			with("ath of another token", nil, prooftest.Fields{"ath": strings.Repeat("A", 43)}),
			with("htm of another method", nil, prooftest.Fields{"htm": "DELETE"}),
			with("htu of another host", nil, prooftest.Fields{"htu": "https://evil.example.com/x"}),
			with("htu of another path", nil, prooftest.Fields{"htu": Origin + "/admin"}),
			with("iat old", nil, prooftest.Fields{"iat": time.Now().Unix() - 120}),
			with("iat in the future", nil, prooftest.Fields{"iat": time.Now().Unix() + 120})),
		refused(verifier.InvalidRequest, verifier.CredentialsMultiple, row("both schemes", func(c *Case) {
			c.Values = func(f *Fixture) []string { return []string{"DPoP " + f.Token(bound), "Bearer " + f.Token(spec{})} }
		})),
		refused(verifier.InvalidRequest, verifier.CredentialsMalformed,
			row("both schemes in one value", func(c *Case) {
				c.Values = func(f *Fixture) []string { return []string{"DPoP " + f.Token(bound) + ", Bearer " + f.Token(spec{})} }
			}),
			row("no token", func(c *Case) { c.Values = func(*Fixture) []string { return []string{"DPoP "} } })),
		refused(verifier.NoCredentials, verifier.CredentialsMissing, row("no credentials, with a proof", func(c *Case) {
			c.Values = func(*Fixture) []string { return nil }
			c.Proofs = nil
		})),
		refused(verifier.InsufficientScope, verifier.NoRequirement, row("no requirement", func(c *Case) { c.NoNeed = true })),
		refused(verifier.Unavailable, verifier.ReplayUnavailable,
			row("the replay store is down", func(c *Case) { c.Config = takes(downReplay{}) })),
	)
}

type downReplay struct{}

func (downReplay) Seen(context.Context, [32]byte, time.Duration) (bool, error) {
	return false, errors.New("connection refused")
}
