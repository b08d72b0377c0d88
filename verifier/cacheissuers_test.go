package verifier_test

import (
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// twins are two authorities whose keys have one ID and one algorithm, so that
// their tokens begin with the same header text, and a Verifier that trusts
// both. change may change its Config.
func twins(t *testing.T, l *lookout, change ...func(*verifier.Config)) (list [2]*m2mtest.Authority, v *verifier.Verifier) {
	t.Helper()
	cfg := verifier.Config{}
	for i := range list {
		key := m2mtest.NewKey("EdDSA")
		key.ID = "k"
		list[i] = m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
		t.Cleanup(list[i].Close)
		cfg.Issuers = append(cfg.Issuers, verifier.Issuer{
			Name:           "stytch.com/" + list[i].ProjectID(),
			Audiences:      []string{list[i].ProjectID()},
			FetchJWKS:      list[i].FetchJWKS,
			ClientIDClaims: []string{"sub"},
			Accept:         anyone,
		})
	}
	l.watch(&cfg)
	for _, f := range change {
		f(&cfg)
	}
	v = newVerifier(t, cfg)
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list, v
}

// as is the spec of a token that says it is a's.
func as(a *m2mtest.Authority) spec {
	return spec{Issuer: "stytch.com/" + a.ProjectID(), Audience: []string{a.ProjectID()}, ClientID: "c of " + a.ProjectID()}
}

// TestSameHeaderTwoIssuers: two issuers with the same header text, key ID
// and algorithm accept only their own tokens, also if the header or the
// token is remembered for the other.
func TestSameHeaderTwoIssuers(t *testing.T) {
	var l lookout
	list, v := twins(t, &l)
	a, b := list[0], list[1]
	anybody := scopes.Authenticated()
	genuine := []verifier.Request{bearer(a.Token(as(a))), bearer(b.Token(as(b)))}
	forged := []verifier.Request{bearer(b.Token(as(a))), bearer(a.Token(as(b)))} // by the other's key
	for round := range 3 {
		for i, r := range genuine {
			d := l.call(t, v, r, anybody)
			want := "stytch.com/" + list[i].ProjectID()
			if d.Err != nil || d.Cached != (round > 0) || d.Issuer != want || d.Client.Issuer != want || d.Client.ID != "c of "+list[i].ProjectID() {
				t.Errorf("round %d, issuer %d: %+v", round, i, d)
			}
		}
		for _, r := range forged {
			l.want(t, v, r, anybody, false, verifier.BadSignature)
		}
	}

	// The one's key is removed. The other's of the same ID is not.
	a.PublishKey(m2mtest.NewKey("EdDSA"))
	a.RemoveKey("k")
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.want(t, v, genuine[0], anybody, false, verifier.KeyRemoved)
	l.want(t, v, forged[0], anybody, false, verifier.KeyRemoved)
	l.want(t, v, genuine[1], anybody, true, "")
	l.want(t, v, forged[1], anybody, false, verifier.BadSignature)
}

// TestSameHeaderTwoRules: a header that one issuer accepted is checked again
// for another, which may refuse its type or its algorithm, or require a key
// ID.
func TestSameHeaderTwoRules(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header map[string]any
		second func(*verifier.Issuer) // what the second issuer has otherwise
		want   verifier.Reason
	}{
		{"type", map[string]any{"typ": "app+jwt"}, func(i *verifier.Issuer) { i.TokenTypes = []string{"at+jwt"} }, verifier.TokenType},
		{"no type", map[string]any{"typ": m2mtest.Absent}, func(i *verifier.Issuer) { i.TokenTypes = []string{"at+jwt"} }, verifier.TokenType},
		{"algorithm", nil, func(i *verifier.Issuer) { i.Algorithms = []string{"ES256"} }, verifier.Algorithm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l lookout
			list, v := twins(t, &l, func(c *verifier.Config) {
				c.CacheSize = -1 // so that it is the header which comes again
				c.Issuers[0].TokenTypes = []string{"app+jwt", "JWT", ""}
				c.Issuers[1].FetchJWKS = c.Issuers[0].FetchJWKS // by its keys, it would be good
				if tt.name == "algorithm" {
					elliptic := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
					t.Cleanup(elliptic.Close)
					c.Issuers[1].FetchJWKS = elliptic.FetchJWKS
				}
				tt.second(&c.Issuers[1])
			})
			good, foreign := as(list[0]), as(list[1])
			good.Header, foreign.Header = tt.header, tt.header
			for range 2 {
				l.want(t, v, bearer(list[0].Token(foreign)), scopes.Authenticated(), false, tt.want)
				l.want(t, v, bearer(list[0].Token(good)), scopes.Authenticated(), false, "")
			}
		})
	}
}

// TestForgedHeadersAreNotAdmitted: a header is remembered only after a
// signature under it was valid. Otherwise junk could fill the memory. The
// test observes it by the allocations of the next token.
func TestForgedHeadersAreNotAdmitted(t *testing.T) {
	var l lookout
	list, v := twins(t, &l, func(c *verifier.Config) { c.Observe, c.CacheSize = nil, -1 })
	forged := as(list[0])
	forged.Signature = make([]byte, 64)
	forged.Header = map[string]any{"more": []string{"a", "b", "c"}} // more to decode
	token := list[0].Token(forged)
	cost := func() float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := v.Verify(t.Context(), token); reasonOf(err) != verifier.BadSignature {
				t.Errorf("%v, want %s", err, verifier.BadSignature)
			}
		})
	}
	for range 3 { // a bad signature fetches the keys again, while the budget lasts
		v.Verify(t.Context(), token)
		v.Refresh(t.Context())
	}
	before := cost()
	good := as(list[0])
	good.Header = forged.Header
	if _, err := v.Verify(t.Context(), list[0].Token(good)); err != nil {
		t.Fatal(err)
	}
	if after := cost(); before <= after {
		t.Errorf("a forged token cost %v allocations, and %v once a good one had the same header: its header was known before", before, after)
	}
}
