package verifier_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// lookout records every decision, and so whether the token of each call was
// remembered.
type lookout struct{ told []verifier.Decision }

func (l *lookout) watch(c *verifier.Config) {
	c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { l.told = append(l.told, d) }}
}

// call makes one call, and returns the decision about it.
func (l *lookout) call(t *testing.T, v *verifier.Verifier, r verifier.Request, need scopes.Requirement) verifier.Decision {
	t.Helper()
	l.told = nil
	ctx, err := v.Authorize(t.Context(), r, need)
	if len(l.told) != 1 {
		t.Fatalf("%d decisions, want 1", len(l.told))
	}
	d := l.told[0]
	if (err == nil) != (d.Err == nil) || reasonOf(err) != reasonOfDecision(d) {
		t.Errorf("the error is %v, and Observe received %v", err, d.Err)
	}
	client, found := verifier.ClientFromContext(ctx)
	if found != (err == nil) || found && (client.ID != d.Client.ID || client.Issuer != d.Issuer) {
		t.Errorf("the handler finds %v, %t, and Observe was told of %v of %q", client, found, d.Client, d.Issuer)
	}
	return d
}

func reasonOfDecision(d verifier.Decision) verifier.Reason {
	if (d.Err == nil) != (d.Reason == "") {
		panic(fmt.Sprintf("a decision with the Reason %q and the error %v", d.Reason, d.Err))
	}
	return d.Reason
}

// want asserts what comes of a call: a Reason, or "" and whether it was a hit.
func (l *lookout) want(t *testing.T, v *verifier.Verifier, r verifier.Request, need scopes.Requirement, cached bool, reason verifier.Reason) {
	t.Helper()
	d := l.call(t, v, r, need)
	if reasonOfDecision(d) != reason || d.Cached != cached {
		t.Errorf("%v, cached %t; want %q, cached %t", d.Err, d.Cached, reason, cached)
	}
}

// remember has v verify the token, and then find it in the cache.
func (l *lookout) remember(t *testing.T, v *verifier.Verifier, r verifier.Request) {
	t.Helper()
	l.want(t, v, r, scopes.Authenticated(), false, "")
	l.want(t, v, r, scopes.Authenticated(), true, "")
}

// TestHitCoversEveryByte: a token that differs from a remembered one in one
// byte is another token.
func TestHitCoversEveryByte(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	// Old enough for an unknown key to be known not to be.
	token := a.Token(spec{IssuedAt: time.Now().Add(-10 * time.Minute)})
	l.remember(t, v, bearer(token))
	refused := func(what, changed string) {
		t.Helper()
		d := l.call(t, v, bearer(changed), scopes.Authenticated())
		if d.Err == nil || d.Cached || d.Client.ID != "" || verifier.AsError(d.Err).Code != verifier.InvalidToken && verifier.AsError(d.Err).Code != verifier.InvalidRequest {
			t.Errorf("%s: %v, cached %t, %v", what, d.Err, d.Cached, d.Client)
		}
	}
	for i := range len(token) {
		for _, c := range []byte{token[i] ^ 1, token[i] ^ 0x20, 'A', '_'} {
			if c != token[i] {
				refused(fmt.Sprintf("byte %d is %q instead of %q", i, c, token[i]), token[:i]+string(rune(c))+token[i+1:])
			}
		}
	}
	refused("one byte less", token[:len(token)-1])
	refused("one byte less in front", token[1:])
	for _, more := range []string{"A", "=", ".", "\x00", token} {
		refused("more behind it", token+more)
		refused("more before it", more+token)
	}
	l.want(t, v, bearer(token), scopes.Authenticated(), true, "")
}

// TestHitNeedsACredential: a remembered token does not excuse a malformed
// credential around it.
func TestHitNeedsACredential(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	token := a.Token(spec{})
	l.remember(t, v, bearer(token))
	for _, tt := range []struct {
		name   string
		values []string
		reason verifier.Reason
	}{
		{"in lower case", []string{"bearer " + token}, ""},
		{"several spaces", []string{"BEARER   " + token}, ""},
		{"twice", []string{"Bearer " + token, "Bearer " + token}, verifier.CredentialsMultiple},
		{"beside an empty one", []string{"Bearer " + token, ""}, verifier.CredentialsMultiple},
		{"leading space", []string{" Bearer " + token}, verifier.CredentialsMalformed},
		{"trailing space", []string{"Bearer " + token + " "}, verifier.CredentialsMalformed},
		{"tab", []string{"Bearer\t" + token}, verifier.CredentialsMalformed},
		{"tab behind the space", []string{"Bearer \t" + token}, verifier.CredentialsMalformed},
		{"a list", []string{"Bearer " + token + ",x"}, verifier.CredentialsMalformed},
		{"line feed", []string{"Bearer " + token + "\n"}, verifier.CredentialsMalformed},
		{"another scheme", []string{"DPoP " + token}, verifier.SchemeUnsupported},
		{"no scheme", []string{token}, verifier.SchemeUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.want(t, v, verifier.Request{Authorization: tt.values}, scopes.Authenticated(), tt.reason == "", tt.reason)
		})
	}
	// A long run of spaces makes the credential too large, whatever is at its end.
	l.want(t, v, verifier.Request{Authorization: []string{"Bearer " + strings.Repeat(" ", 9<<10) + token}}, scopes.Authenticated(), false, verifier.TooLarge)
}

// refusals are tokens that are refused, for one reason or another.
func refusals(a *m2mtest.Authority) map[string]struct {
	spec   spec
	reason verifier.Reason
} {
	claim := func(name string, value any) spec { return spec{Claims: map[string]any{name: value}} }
	type row = struct {
		spec   spec
		reason verifier.Reason
	}
	thumbprint := strings.Repeat("A", 43)
	return map[string]row{
		"bad signature":             {spec{Signature: make([]byte, 64)}, verifier.BadSignature},
		"a foreign key":             {spec{Key: m2mtest.NewKey("ES256"), Header: map[string]any{"kid": a.Keys()[0]}}, verifier.BadSignature},
		"no signature":              {spec{Signature: []byte{}}, verifier.Malformed},
		"alg none":                  {spec{Header: map[string]any{"alg": "none"}}, verifier.Algorithm},
		"crit":                      {spec{Header: map[string]any{"crit": []string{"exp"}}}, verifier.HeaderExtension},
		"another type":              {spec{Header: map[string]any{"typ": "logout+jwt"}}, verifier.TokenType},
		"another issuer":            {spec{Issuer: "https://evil.example.com"}, verifier.UnknownIssuer},
		"another audience":          {spec{Audience: []string{"other"}}, verifier.Audience},
		"expired":                   {spec{TTL: -time.Hour}, verifier.Expired},
		"not yet valid":             {spec{NotBefore: time.Now().Add(time.Hour), TTL: 2 * time.Hour}, verifier.NotYetValid},
		"issued in the future":      {claim("iat", time.Now().Add(time.Hour).Unix()), verifier.IssuedInFuture},
		"exp malformed":             {claim("exp", "never"), verifier.ClaimMalformed},
		"no client ID":              {claim("sub", m2mtest.Absent), verifier.ClientIDMissing},
		"scope malformed":           {claim("scope", 1), verifier.ClaimMalformed},
		"jti malformed":             {claim("jti", 1), verifier.ClaimMalformed},
		"refused by Accept":         {spec{ClientID: "not accepted"}, verifier.NotAccepted},
		"not a machine":             {spec{ClientID: "person"}, verifier.NotMachine},
		"Accept panics":             {spec{ClientID: "panic"}, verifier.Panicked},
		"bound by more":             {claim("cnf", map[string]any{"x5t#S256": thumbprint, "jkt": "x"}), verifier.Bound},
		"bound to a key":            {claim("cnf", map[string]any{"jkt": "x"}), verifier.Bound},
		"cnf malformed":             {claim("cnf", map[string]any{"x5t#S256": thumbprint + "="}), verifier.Bound},
		"longer than MaxTokenBytes": {claim("pad", strings.Repeat("a", 8<<10)), verifier.TooLarge},
	}
}

// refuseByName is an Accept that refuses some clients.
func refuseByName(c *verifier.Config) {
	c.Issuers[0].Accept = func(c verifier.Client) error {
		switch c.ID {
		case "not accepted":
			return errors.New("no")
		case "person":
			return verifier.NotMachine
		case "panic":
			panic("no")
		}
		return nil
	}
}

// TestRefusalsAreNotRemembered: a refused token is not a hit the next time,
// neither by Authorize nor by Verify.
func TestRefusalsAreNotRemembered(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch, refuseByName)
	for name, tt := range refusals(a) {
		t.Run(name, func(t *testing.T) {
			token := a.Token(tt.spec)
			for range 3 {
				l.want(t, v, bearer(token), scopes.Authenticated(), false, tt.reason)
				l.told = nil
				if _, err := v.Verify(t.Context(), token); reasonOf(err) != tt.reason || len(l.told) != 1 || l.told[0].Cached {
					t.Errorf("Verify: %v, want %s; %+v", err, tt.reason, l.told)
				}
			}
		})
	}
}

// TestJunkEvictsNothing: refused tokens evict no remembered token, however
// many there are and however small the cache.
func TestJunkEvictsNothing(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch, refuseByName, func(c *verifier.Config) { c.CacheSize = 1 })
	token := a.Token(spec{})
	l.remember(t, v, bearer(token))
	for name, tt := range refusals(a) {
		for i := range 20 {
			sp := tt.spec
			sp.Header = map[string]any{"nonce": i}
			for member, value := range tt.spec.Header {
				sp.Header[member] = value
			}
			if d := l.call(t, v, bearer(a.Token(sp)), scopes.Authenticated()); d.Err == nil || d.Cached {
				t.Errorf("%s: %v, cached %t", name, d.Err, d.Cached)
			}
		}
	}
	l.want(t, v, bearer(token), scopes.Authenticated(), true, "")
}

// TestRefusedCallsOfVerifiedTokens: a valid token is remembered even if its
// call is refused, and its next call is checked as well.
func TestRefusedCallsOfVerifiedTokens(t *testing.T) {
	var l lookout
	var denied error
	a, v := local(t, l.watch, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return denied }
	})
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	bound := bearer(a.Token(spec{Claims: map[string]any{"cnf": map[string]any{"x5t#S256": thumbprint(mine)}}}))
	proved := func(chain ...*x509.Certificate) verifier.Request {
		r := bound
		r.PeerCertificates = chain
		return r
	}
	anybody := scopes.Authenticated()
	l.want(t, v, proved(other), anybody, false, verifier.Bound)
	l.want(t, v, proved(), anybody, true, verifier.Bound)
	l.want(t, v, proved(mine), anybody, true, "")

	denied = verifier.Revoked
	r := bearer(a.Token(spec{ClientID: "second", Scopes: []string{"a"}}))
	l.want(t, v, r, anybody, false, verifier.Revoked)
	l.want(t, v, r, anybody, true, verifier.Revoked)
	denied = nil
	l.want(t, v, r, scopes.All("b"), true, verifier.ScopeMissing)
	l.want(t, v, r, scopes.All("a"), true, "")
}

// TestRememberedBySize: CacheSize counts entries of a common size. A larger
// token, by its text or by its decoded form, takes the room of several.
func TestRememberedBySize(t *testing.T) {
	claims := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("c", i)] = i
		}
		return m
	}
	names := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprint("s", i))
		}
		return list
	}
	for _, tt := range []struct {
		name string
		spec spec
		both bool // of two such tokens there is room for
	}{
		{"small", spec{}, true},
		{"a long claim", spec{Claims: map[string]any{"pad": strings.Repeat("a", 1900)}}, false}, // the text alone is 3 KiB
		{"many claims", spec{Claims: claims(80)}, false},
		{"many scopes", spec{Scopes: names(80)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l lookout
			a, v := local(t, l.watch, func(c *verifier.Config) { c.CacheSize = 2 })
			first, second := tt.spec, tt.spec
			first.ClientID, second.ClientID = "first", "second"
			token := a.Token(first)
			l.remember(t, v, bearer(token))
			l.remember(t, v, bearer(a.Token(second)))
			l.want(t, v, bearer(token), scopes.Authenticated(), tt.both, "")
		})
	}
}

// TestNoCache: with a negative CacheSize nothing is remembered, and
// Verifiers do not share remembered tokens.
func TestNoCache(t *testing.T) {
	var l lookout
	a, v := local(t, l.watch)
	token := a.Token(spec{})
	l.remember(t, v, bearer(token))
	for name, size := range map[string]int{"another Verifier": 0, "a Verifier without a cache": -1} {
		t.Run(name, func(t *testing.T) {
			other := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{a.Issuer()}, CacheSize: size, Observe: []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
				l.told = append(l.told, d)
			}}})
			l.want(t, other, bearer(token), scopes.Authenticated(), false, "")
			l.want(t, other, bearer(token), scopes.Authenticated(), size == 0, "")
		})
	}
}
