package doortest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

type object = map[string]any

// opaqueRows makes rows of opaque tokens that are bound to the key of a client, by the
// "cnf" of the authority's answer (RFC 9449 §6.2).
type opaqueRows struct {
	proofRows
	by     func(name string, ask func(context.Context, string) ([]byte, error)) Case
	answer func(more object) object // a good one, with more members
}

// row returns a row with these members in the answer, and a new proof for each attempt.
func (r opaqueRows) row(name string, more object, edit func(*Case)) Case {
	c := r.asked(name, func(context.Context, string) ([]byte, error) { return json.Marshal(r.answer(more)) })
	if edit != nil {
		edit(&c)
	}
	return c
}

func (r opaqueRows) asked(name string, ask func(context.Context, string) ([]byte, error)) Case {
	c := r.by("bound to a key: "+name, ask)
	c.Config, c.Proofs = r.takes(dpop.Config{}), r.signed(r.p, nil, nil)
	c.Values = func(*Fixture) []string { return []string{"DPoP " + opaqueToken} }
	return c
}

// key returns the members of an answer about a token that is bound to the key of p.
func (r opaqueRows) key(p prooftest.Prover) object {
	return object{"token_type": "DPoP", "cnf": object{"jkt": p.Thumbprint()}}
}

func asBearer(c *Case) {
	c.Values = func(*Fixture) []string { return []string{"Bearer " + opaqueToken} }
}

func withoutProof(c *Case) { c.Proofs = nil }

// bound are the rows. Each is run twice, so that the second proof comes with a token
// that is remembered.
func (r opaqueRows) bound() []Case {
	good := r.key(r.p)
	proofs := func(name string, sent sentProofs) Case {
		return r.row(name, good, func(c *Case) { c.Proofs = sent })
	}
	typed := func(name string, tokenType any) Case {
		return r.row(name, object{"token_type": tokenType, "cnf": good["cnf"]}, nil)
	}
	unbound := func(name string, more object) Case { return r.row(name, more, nil) }
	return slices.Concat(
		[]Case{
			r.row("its proof", good, nil),
			r.row("scheme in lower case", good, func(c *Case) {
				c.Values = func(*Fixture) []string { return []string{"dpop " + opaqueToken} }
			}),
			typed("token_type in lower case", "dpop"),
			typed("token_type absent", m2mtest.Absent),
			typed("token_type Bearer", "Bearer"), // the binding decides
			r.row("an unbound token as Bearer, beside a proof", nil, asBearer),
		},
		invalid(verifier.Bound,
			r.row("as Bearer, with its proof", good, asBearer),
			r.row("as Bearer, without a proof", good, func(c *Case) { asBearer(c); withoutProof(c) }),
			r.row("token_type Bearer, as Bearer", object{"cnf": good["cnf"]}, asBearer),
			unbound("token_type DPoP of an unbound token", object{"token_type": "DPoP"}),
			unbound("typ DPoP of an unbound token, as Keycloak writes it", object{"typ": "DPoP"}),
			r.row("typ DPoP of an unbound token, as Bearer", object{"typ": "dpop"}, asBearer),
			unbound("token_type DPoP of one that is bound to a certificate", object{"token_type": "DPoP", "cnf": object{"x5t#S256": r.f.Mine.Thumbprint()}})),
		invalid(verifier.Unbound,
			unbound("an unbound token as DPoP", nil),
			unbound("jkt outside cnf", object{"jkt": r.p.Thumbprint()}),
			r.row("one that is bound to a certificate, as DPoP", object{"cnf": object{"x5t#S256": r.f.Mine.Thumbprint()}},
				func(c *Case) { c.Certificates = []tlstest.Pair{r.f.Mine} })),
		invalid(verifier.ProofMissing, r.row("no proof", good, withoutProof)),
		invalid(verifier.ProofMalformed,
			proofs("two proofs", func(f *Fixture, a, m, path string) []string {
				return append(r.signed(r.p, nil, nil)(f, a, m, path), r.signed(r.p, nil, nil)(f, a, m, path)...)
			}),
			proofs("no ath", r.signed(r.p, nil, prooftest.Fields{"ath": nil}))),
		invalid(verifier.ProofMismatch,
			proofs("the proof of another key", r.signed(r.thief, nil, nil)),
			proofs("ath of another token", r.signed(r.p, nil, prooftest.Fields{"ath": athOf(opaqueToken + "x")})),
			proofs("ath of the token in lower case", r.signed(r.p, nil, prooftest.Fields{"ath": athOf(strings.ToLower(opaqueToken))})),
			proofs("of another path", r.signed(r.p, nil, prooftest.Fields{"htu": Origin + "/other"}))),
		r.confirmations(), r.later(),
	)
}

// confirmations are the rows of "cnf".
func (r opaqueRows) confirmations() []Case {
	confirmed := func(name string, cnf any, certificates ...tlstest.Pair) Case {
		return r.row(name, object{"cnf": cnf, "token_type": "DPoP"}, func(c *Case) { c.Certificates = certificates })
	}
	jkt := r.p.Thumbprint()
	twice := object{"jkt": jkt, "x5t#S256": r.f.Mine.Thumbprint()}
	return append(
		invalid(verifier.Bound,
			confirmed("and to a certificate, none presented", twice),
			confirmed("and to a certificate, another presented", twice, r.f.Other),
			confirmed("and to a certificate, malformed", object{"jkt": jkt, "x5t#S256": "x"}, r.f.Mine),
			confirmed("cnf empty", object{}),
			confirmed("cnf null", nil),
			confirmed("cnf an array", []any{object{"jkt": jkt}}),
			confirmed("cnf the thumbprint itself", jkt),
			confirmed("jkt null", object{"jkt": nil}),
			confirmed("jkt empty", object{"jkt": ""}),
			confirmed("jkt an array", object{"jkt": []string{jkt}}),
			confirmed("jkt cut", object{"jkt": jkt[:42]}),
			confirmed("jkt padded", object{"jkt": jkt + "="}),
			confirmed("jkt after a space", object{"jkt": " " + jkt}),
			confirmed("jkt in capitals", object{"JKT": jkt}),
			confirmed("jkt beside a member that is unknown", object{"jkt": jkt, "kid": "k"}),
			confirmed("the key instead of its thumbprint", object{"jwk": r.p.JWK()})),
		confirmed("and to a certificate, both proved", twice, r.f.Mine))
}

// later are the rows whose second attempt differs.
func (r opaqueRows) later() []Case {
	good := r.key(r.p)
	replayed := r.row("the proof again", good, func(c *Case) {
		c.Proofs = r.once()
		c.Then = func(*testing.T, *verifier.Verifier) {}
	})
	replayed.LaterCode, replayed.LaterReason = verifier.InvalidToken, verifier.ProofReplayed
	return []Case{
		replayed,
		r.changes("the authority binds it to another key", r.key(r.thief), verifier.ProofMismatch),
		r.changes("the authority binds it to nothing", object{}, verifier.Unbound),
		r.changes("the authority's cnf becomes malformed", object{"cnf": object{"jkt": "x"}}, verifier.Bound),
		r.row("as Bearer in between", good, func(c *Case) {
			c.Then = func(t *testing.T, v *verifier.Verifier) {
				request := verifier.Request{Authorization: []string{"Bearer " + opaqueToken}}
				_, err := v.Authorize(t.Context(), request, scopes.Authenticated())
				if e := verifier.AsError(err); err == nil || e.Reason != verifier.Bound {
					t.Errorf("Authorize(a remembered bound token as Bearer) = %v, want %s", err, verifier.Bound)
				}
			}
		}),
	}
}

// changes returns a row whose token has another answer once the first is forgotten.
func (r opaqueRows) changes(name string, more object, reason verifier.Reason) Case {
	var changed atomic.Bool
	c := r.asked(name, func(context.Context, string) ([]byte, error) {
		if changed.Load() {
			return json.Marshal(r.answer(more))
		}
		return json.Marshal(r.answer(r.key(r.p)))
	})
	c.LaterCode, c.LaterReason = verifier.InvalidToken, reason
	c.Then = func(t *testing.T, v *verifier.Verifier) {
		changed.Store(true)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
