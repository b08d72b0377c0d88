package verifier_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestZeroConfig: there is no default authority to trust.
func TestZeroConfig(t *testing.T) {
	if v, err := verifier.New(verifier.Config{}); v != nil || err == nil {
		t.Errorf("%v, %v; want an error", v, err)
	}
	if v, err := verifier.New(verifier.Config{Issuers: make([]verifier.Issuer, 1)}); v != nil || err == nil {
		t.Errorf("with a zero Issuer: %v, %v; want an error", v, err)
	}
}

// TestNilContext: a nil context counts as the background context, also while
// the call waits for a key.
func TestNilContext(t *testing.T) {
	a, v := local(t)
	var none context.Context
	good, unknownKey := a.Token(spec{}), a.Token(unknown(time.Now().Add(-10*time.Minute)))
	for _, tt := range []struct {
		name  string
		token string
		need  scopes.Requirement
		want  verifier.Reason
	}{
		{"accepted", good, scopes.Authenticated(), ""},
		{"scope missing", good, scopes.All("a"), verifier.ScopeMissing},
		{"no requirement", good, scopes.Requirement{}, verifier.NoRequirement},
		{"malformed", "x", scopes.Authenticated(), verifier.Malformed},
		{"unknown key", unknownKey, scopes.Authenticated(), verifier.KeyUnknown},
		{"public", "x", scopes.Public(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, err := v.Authorize(none, bearer(tt.token), tt.need)
			if reasonOf(err) != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("%v, want %q", err, tt.want)
			}
			client, found := verifier.ClientFromContext(ctx)
			if found != (tt.token == good && tt.want == "") {
				t.Errorf("a client is found: %t", found)
			}
			if found && (ctx.Err() != nil || client.ID == "") {
				t.Errorf("a context with %v and the error %v", client, ctx.Err())
			}
		})
	}
	if _, err := v.Verify(none, good); err != nil {
		t.Error(err)
	}
	if err := v.Recheck(none); reasonOf(err) != verifier.NotVerified {
		t.Errorf("Recheck: %v, want %s", err, verifier.NotVerified)
	}
	if err := errors.Join(v.Ready(none), v.Refresh(none)); err != nil {
		t.Error(err)
	}
	if _, found := verifier.ClientFromContext(none); found {
		t.Error("a client in no context")
	}
	if c, _ := verifier.ClientFromContext(verifier.ContextWithClient(none, verifier.Client{ID: "c"})); c.ID != "c" {
		t.Errorf("planted in no context: %v", c)
	}
}

// TestCallbacksChangeNothing: changes that a callback makes to its arguments
// have no effect elsewhere.
func TestCallbacksChangeNothing(t *testing.T) {
	change := func(c *verifier.Client) {
		c.ID, c.Subject, c.Issuer, c.KeyID, c.Scopes, c.ExpiresAt = "root", "root", "root", "root", scopes.Of("admin"), time.Time{}
		if list := c.Audience(); len(list) > 0 {
			list[0] = "root"
		}
		var claims map[string]json.RawMessage
		if err := c.Claims(&claims); err != nil {
			t.Errorf("Claims: %v", err)
		}
		for _, raw := range claims {
			for i := range raw {
				raw[i] = ' '
			}
		}
	}
	a, v := local(t, func(c *verifier.Config) {
		c.Issuers[0].ScopeClaims = nil
		c.Issuers[0].ScopesFrom = func(c verifier.Client) (scopes.Set, error) { change(&c); return scopes.Of("a"), nil }
		c.Issuers[0].Accept = func(c verifier.Client) error { change(&c); return nil }
		c.Check = func(_ context.Context, c verifier.Client, r verifier.Request) error {
			change(&c)
			r.Operation, r.Authorization, r.PeerCertificates = "root", []string{"Bearer root"}, nil
			return nil
		}
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) {
			if d.Client.ID != "" {
				change(&d.Client)
			}
			if d.Err != nil {
				e := verifier.AsError(d.Err)
				e.Code, e.Reason, e.Need = 0, "", scopes.Public()
			}
		}}
	})
	granted := bearer(a.Token(spec{ClientID: "c"}))
	request := verifier.Request{Operation: "op", Authorization: granted.Authorization, PeerCertificates: []*x509.Certificate{{Raw: []byte("leaf")}}}
	for range 3 { // the later ones from the cache
		ctx, err := v.Authorize(t.Context(), request, scopes.All("a"))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := verifier.ClientFromContext(ctx)
		var claims struct {
			Sub string `json:"sub"`
		}
		if err := c.Claims(&claims); err != nil || claims.Sub != "c" {
			t.Errorf("claims %+v, %v", claims, err)
		}
		if c.ID != "c" || c.Subject != "c" || c.KeyID != a.Keys()[0] || c.Scopes.String() != "a" || c.Audience()[0] != a.ProjectID() {
			t.Errorf("%+v, %q", c, c.Audience())
		}
		change(&c)
		if request.Operation != "op" || request.Authorization[0] != granted.Authorization[0] || len(request.PeerCertificates) != 1 {
			t.Errorf("the caller's Request is changed: %+v", request)
		}
		_, err = v.Authorize(t.Context(), request, scopes.All("admin"))
		e := verifier.AsError(err)
		if e.Code != verifier.InsufficientScope || e.Reason != verifier.ScopeMissing || !e.Need.Equal(scopes.All("admin")) {
			t.Errorf("the refusal is changed: %v", err)
		}
		e.Code, e.Reason, e.Need = 0, "", scopes.Public() // as an ErrorHandler might
	}
}

// TestSharedCheckError: Check may return the same error to concurrent calls,
// and each caller may change the error that it receives.
func TestSharedCheckError(t *testing.T) {
	shared := &verifier.Error{Code: verifier.InsufficientScope, Err: errors.New("a cause")}
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return shared }
	})
	r := bearer(a.Token(spec{}))
	var group sync.WaitGroup
	for _, need := range []scopes.Requirement{scopes.All("a"), scopes.All("b"), scopes.Any("c", "d")} {
		group.Go(func() {
			for range 100 {
				_, err := v.Authorize(t.Context(), r, need)
				e := verifier.AsError(err)
				if e.Reason != verifier.Forbidden || !e.Need.Equal(need) || e == shared {
					t.Errorf("%v, which needs %v; want %v", err, e.Need, need)
				}
				e.Code = verifier.NoCredentials
			}
		})
	}
	group.Wait()
	if shared.Code != verifier.InsufficientScope || shared.Reason != "" || !shared.Need.IsZero() {
		t.Errorf("the error of Check was changed: %+v", shared)
	}
}

// TestTwoVerifiersInOneChain: each Verifier decides by its own authorities.
// The handler finds the client of the inner one, and neither accepts the
// other's client in Recheck.
func TestTwoVerifiersInOneChain(t *testing.T) {
	a, outer := local(t)
	b, inner := local(t)
	tokens := map[string]string{"a's": a.Token(spec{ClientID: "of a"}), "b's": b.Token(spec{ClientID: "of b"})}
	ctx, err := outer.Authorize(t.Context(), bearer(tokens["a's"]), scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	both, err := inner.Authorize(ctx, bearer(tokens["b's"]), scopes.Authenticated())
	if c, _ := verifier.ClientFromContext(both); err != nil || c.ID != "of b" {
		t.Errorf("%v, %v", c, err)
	}
	if err := inner.Recheck(both); err != nil {
		t.Errorf("the inner one's own client: %v", err)
	}
	if err := outer.Recheck(both); reasonOf(err) != verifier.NotVerified {
		t.Errorf("the outer one of the inner one's client: %v", err)
	}
	refused, err := inner.Authorize(ctx, bearer(tokens["a's"]), scopes.Authenticated())
	if reasonOf(err) != verifier.UnknownIssuer {
		t.Errorf("the inner one of the outer one's token: %v", err)
	}
	if c, found := verifier.ClientFromContext(refused); found {
		t.Errorf("beside the refusal: %v", c)
	}
}

// TestZeroClient: a zero Client in a context has no name, and no Verifier
// accepts it in Recheck.
func TestZeroClient(t *testing.T) {
	_, v := local(t)
	ctx := verifier.ContextWithClient(t.Context(), verifier.Client{})
	c, found := verifier.ClientFromContext(ctx)
	if !found || c.ID != "" || c.Scopes.Len() != 0 || scopes.All("a").MetBy(c.Scopes) || c.Audience() != nil || c.Claims(&struct{}{}) == nil {
		t.Errorf("%v, %t", c, found)
	}
	if err := v.Recheck(ctx); reasonOf(err) != verifier.NotVerified {
		t.Errorf("Recheck: %v", err)
	}
	until, cancel := v.WhileValid(ctx)
	defer cancel()
	if until.Err() != nil {
		t.Errorf("WhileValid: %v", context.Cause(until))
	}
}

// TestRulesWithoutAToken: no rule about an absent claim accepts a Client
// without a token.
func TestRulesWithoutAToken(t *testing.T) {
	planted := verifier.Client{ID: "c"}
	for name, tt := range map[string]struct {
		rule func(verifier.Client) error
		want error
	}{
		"ClaimAbsent":       {verifier.ClaimAbsent("uid"), verifier.ErrNoClaims},
		"ClaimPrefixAbsent": {verifier.ClaimPrefixAbsent("user_"), verifier.ErrNoClaims},
		"ClaimEquals":       {verifier.ClaimEquals("gty", ""), verifier.NotMachine},
		"SubjectHasPrefix":  {verifier.SubjectHasPrefix("m2m-"), verifier.NotMachine},
	} {
		if err := tt.rule(planted); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
