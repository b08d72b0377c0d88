package doortest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// sentProofs returns the DPoP values of one attempt; see Case.Proofs.
type sentProofs = func(f *Fixture, authorization, method, path string) []string

// proofRows makes rows with DPoP proofs (RFC 9449).
type proofRows struct {
	t        *testing.T
	f        *Fixture
	p, thief prooftest.Prover
	bound    spec // a token that is bound to the key of p
}

func newProofRows(t *testing.T, f *Fixture) proofRows {
	p := prooftest.New(t)
	return proofRows{t, f, p, prooftest.New(t), claim("cnf", map[string]any{"jkt": p.Thumbprint()})}
}

// proofs returns the rows with DPoP.
func proofs(t *testing.T, f *Fixture) []Case {
	r := newProofRows(t, f)
	return slices.Concat(r.schemes(), r.bindings(), r.replays(), r.values(), unseen(r.headers()), unseen(r.claims()), r.targets())
}

// unseen marks rows as Unseen.
func unseen(rows []Case) []Case {
	for i := range rows {
		rows[i].Unseen = true
	}
	return rows
}

// row returns a row with a bound token and a good proof, changed by edit.
func (r proofRows) row(name string, edit func(*Case)) Case {
	c := Case{Name: "DPoP: " + name, Config: r.takes(dpop.Config{}), Values: scheme("DPoP", r.bound), Proofs: r.signed(r.p, nil, nil)}
	if edit != nil {
		edit(&c)
	}
	return c
}

// with returns a row whose proof differs in header and claims.
func (r proofRows) with(name string, header, claims prooftest.Fields) Case {
	return r.row(name, func(c *Case) { c.Proofs = r.signed(r.p, header, claims) })
}

// takes returns a Config that takes proofs.
func (r proofRows) takes(cfg dpop.Config) func(*verifier.Config) {
	return func(c *verifier.Config) {
		checker, err := dpop.NewChecker(cfg)
		if err != nil {
			r.t.Fatal(err)
		}
		c.DPoP = checker
	}
}

// signed returns one new proof for each attempt.
func (r proofRows) signed(by prooftest.Prover, header, claims prooftest.Fields) sentProofs {
	return func(_ *Fixture, authorization, method, path string) []string {
		good := prooftest.Claims(method, Origin+path, tokenOf(authorization), time.Now())
		return []string{by.Sign(r.t, by.Header().With(header), good.With(claims))}
	}
}

// changed returns the good proof, changed as a text.
func (r proofRows) changed(edit func(proof string) []string) sentProofs {
	return func(f *Fixture, authorization, method, path string) []string {
		return edit(r.signed(r.p, nil, nil)(f, authorization, method, path)[0])
	}
}

// once returns the good proof of the first attempt at each later one.
func (r proofRows) once() sentProofs {
	var first []string
	return func(f *Fixture, authorization, method, path string) []string {
		if first == nil {
			first = r.signed(r.p, nil, nil)(f, authorization, method, path)
		}
		return first
	}
}

// athOf returns the "ath" of a token.
func athOf(token string) string { return prooftest.Claims("", "", token, time.Time{})["ath"].(string) }

// scheme returns Authorization values of another scheme or token.
func scheme(name string, token spec) func(*Fixture) []string {
	return func(f *Fixture) []string { return []string{name + " " + f.Token(token)} }
}

func tokenOf(authorization string) string {
	_, token, _ := strings.Cut(authorization, " ")
	return token
}

// schemes are the rows of the credential (RFC 9449 §7.1, §7.2).
func (r proofRows) schemes() []Case {
	values := func(values func(f *Fixture) []string) func(*Case) {
		return func(c *Case) { c.Values = values }
	}
	return slices.Concat(
		[]Case{
			r.row("bound, its proof", nil),
			r.row("scheme in lower case", values(scheme("dpop", r.bound))),
			r.row("an unbound token as Bearer", func(c *Case) { c.Values, c.Proofs = scheme("Bearer", spec{}), nil }),
			r.row("an unbound token as Bearer, with a proof", values(scheme("Bearer", spec{}))),
		},
		invalid(verifier.Bound,
			r.row("a bound token as Bearer", func(c *Case) { c.Values, c.Proofs = scheme("Bearer", r.bound), nil }),
			r.row("a bound token as Bearer, with a proof", values(scheme("Bearer", r.bound)))),
		invalid(verifier.Unbound,
			r.row("an unbound token as DPoP", values(scheme("DPoP", spec{}))),
			r.row("a token with jkt outside cnf, as DPoP", values(scheme("DPoP", claim("jkt", r.p.Thumbprint()))))),
		refused(verifier.InvalidRequest, verifier.CredentialsMultiple,
			r.row("both schemes", values(func(f *Fixture) []string {
				return []string{"DPoP " + f.Token(r.bound), "Bearer " + f.Token(spec{})}
			})),
			r.row("one token under both schemes", values(func(f *Fixture) []string {
				token := f.Token(r.bound)
				return []string{"Bearer " + token, "DPoP " + token}
			})),
			r.row("the scheme twice", values(func(f *Fixture) []string {
				return []string{"DPoP " + f.Token(r.bound), "DPoP " + f.Token(r.bound)}
			}))),
		refused(verifier.InvalidRequest, verifier.CredentialsMalformed,
			r.row("both schemes in one value", values(func(f *Fixture) []string {
				return []string{"DPoP " + f.Token(r.bound) + ", Bearer " + f.Token(spec{})}
			})),
			r.row("no token", values(func(*Fixture) []string { return []string{"DPoP "} }))),
		refused(verifier.NoCredentials, verifier.CredentialsMissing, r.row("no credentials", func(c *Case) {
			c.Values = func(*Fixture) []string { return nil }
			c.Proofs = nil
		})),
		refused(verifier.NoCredentials, verifier.SchemeUnsupported,
			r.row("the scheme, where no proofs are taken", func(c *Case) { c.Config = nil })),
		refused(verifier.InsufficientScope, verifier.NoRequirement, r.row("no requirement", func(c *Case) { c.NoNeed = true })),
		refused(verifier.InsufficientScope, verifier.ScopeMissing,
			r.row("no scope", func(c *Case) { c.Need = scopes.All("read:orders") })),
	)
}

// bindings are the rows of "cnf" (RFC 9449 §6.1, RFC 8705 §3.1).
func (r proofRows) bindings() []Case {
	confirmed := func(name string, cnf map[string]any, certificates ...tlstest.Pair) Case {
		return r.row(name, func(c *Case) { c.Values, c.Certificates = scheme("DPoP", claim("cnf", cnf)), certificates })
	}
	jkt, x5t := r.p.Thumbprint(), r.f.Mine.Thumbprint()
	requires := func(i *verifier.Issuer) { i.RequireBound = true }
	return slices.Concat(
		[]Case{
			r.row("RequireBound", func(c *Case) { c.Issuer = requires }),
			confirmed("bound twice, both proved", map[string]any{"jkt": jkt, "x5t#S256": x5t}, r.f.Mine),
		},
		invalid(verifier.Bound,
			confirmed("bound twice, no certificate", map[string]any{"jkt": jkt, "x5t#S256": x5t}),
			confirmed("bound twice, another certificate", map[string]any{"jkt": jkt, "x5t#S256": x5t}, r.f.Other),
			confirmed("cnf with a member that is unknown", map[string]any{"jkt": jkt, "x": 1}),
			confirmed("cnf with a key instead of its thumbprint", map[string]any{"jwk": r.p.JWK()}),
			confirmed("jkt too short", map[string]any{"jkt": jkt[:42]}),
			confirmed("jkt padded", map[string]any{"jkt": jkt + "="}),
			confirmed("jkt of another type", map[string]any{"jkt": 1}),
			confirmed("jkt null", map[string]any{"jkt": nil})),
		invalid(verifier.Unbound,
			confirmed("a token that is bound to a certificate, as DPoP", map[string]any{"x5t#S256": x5t}, r.f.Mine),
			r.row("RequireBound, an unbound token as Bearer", func(c *Case) {
				c.Issuer, c.Values, c.Proofs = requires, scheme("Bearer", spec{}), nil
			})),
	)
}

// replays are the rows of proofs that come a second time (RFC 9449 §11.1).
func (r proofRows) replays() []Case {
	// again returns a row whose second attempt is later by the Verifier's clock.
	again := func(name string, later time.Duration, reason verifier.Reason) Case {
		var passed atomic.Int64
		c := r.row(name, func(c *Case) {
			takes := c.Config
			c.Config = func(cfg *verifier.Config) {
				takes(cfg)
				cfg.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
			}
			c.Proofs = r.once()
			c.Then = func(*testing.T, *verifier.Verifier) { passed.Store(int64(later)) }
		})
		c.LaterCode, c.LaterReason = verifier.InvalidToken, reason
		return c
	}
	return slices.Concat(
		[]Case{
			again("replayed at once", 0, verifier.ProofReplayed),
			again("replayed within the window", 50*time.Second, verifier.ProofReplayed),
			again("replayed after the window", 2*time.Minute, verifier.ProofMismatch),
		},
		invalid(verifier.ProofReplayed, r.usedElsewhere()),
		refused(verifier.Unavailable, verifier.ReplayUnavailable,
			r.row("the replay store is down", func(c *Case) { c.Config = r.takes(dpop.Config{Replay: downReplay{}}) })),
	)
}

// usedElsewhere returns a row whose proofs were each used before, at another Verifier
// with the same Replay.
func (r proofRows) usedElsewhere() Case {
	shared := &sharedReplay{used: map[[32]byte]bool{}}
	return r.row("used at another Verifier", func(c *Case) {
		c.Config = r.takes(dpop.Config{Replay: shared})
		c.Proofs = func(f *Fixture, authorization, method, path string) []string {
			sent := r.signed(r.p, nil, nil)(f, authorization, method, path)
			cfg := verifier.Config{Issuers: []verifier.Issuer{f.Base()}}
			r.takes(dpop.Config{Replay: shared})(&cfg)
			other, err := verifier.New(cfg)
			if err != nil {
				r.t.Fatal(err)
			}
			defer other.Close()
			request := verifier.Request{Authorization: []string{authorization}, DPoP: sent, Method: method, Origin: Origin, Path: path}
			if _, err := other.Authorize(r.t.Context(), request, scopes.Authenticated()); err != nil {
				r.t.Errorf("Authorize(first use of a proof) = %v, want nil", err)
			}
			return sent
		}
	})
}

// sharedReplay records the proofs of several Verifiers.
type sharedReplay struct {
	mu   sync.Mutex
	used map[[32]byte]bool
}

func (s *sharedReplay) Seen(_ context.Context, id [32]byte, _ time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.used[id]
	s.used[id] = true
	return before, nil
}

type downReplay struct{}

func (downReplay) Seen(context.Context, [32]byte, time.Duration) (bool, error) {
	return false, errors.New("connection refused")
}
