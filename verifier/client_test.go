package verifier_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// local is an authority without a network, and a Verifier that trusts it.
func local(t *testing.T, change ...func(*verifier.Config)) (*m2mtest.Authority, *verifier.Verifier) {
	t.Helper()
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	t.Cleanup(a.Close)
	cfg := verifier.Config{Issuers: []verifier.Issuer{{
		Name:           "stytch.com/" + a.ProjectID(),
		Audiences:      []string{a.ProjectID()},
		FetchJWKS:      a.FetchJWKS,
		ClientIDClaims: []string{"sub"},
		Accept:         anyone,
	}}}
	for _, f := range change {
		f(&cfg)
	}
	v := newVerifier(t, cfg)
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, v
}

func bearer(token string) verifier.Request {
	return verifier.Request{Operation: "op", Authorization: []string{"Bearer " + token}}
}

func TestClaims(t *testing.T) {
	a, v := local(t)
	client, err := v.Verify(t.Context(), a.Token(spec{Claims: map[string]any{
		"Role": "capital", "ROLE": "shout", "tenant": "acme", "large": int64(9007199254740993), "nested": map[string]any{"A": 1, "a": 2},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Role   string `json:"role"`
		Tenant string `json:"tenant"`
		Large  int64  `json:"large"`
		Nested struct {
			A int `json:"a"`
		} `json:"nested"`
		Untagged string
		Subject  string `json:"sub"`
	}
	if err := client.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Role != "" {
		t.Errorf("role = %q, of a claim in another case", claims.Role)
	}
	if claims.Tenant != "acme" || claims.Large != 9007199254740993 || claims.Nested.A != 2 || claims.Subject != client.ID {
		t.Errorf("claims %+v", claims)
	}
	var all map[string]any
	if err := client.Claims(&all); err != nil || all["Role"] != "capital" || all["ROLE"] != "shout" || all["role"] != nil {
		t.Errorf("claims %v, %v", all, err)
	}
	all["sub"] = "root"
	var again map[string]any
	if err := client.Claims(&again); err != nil || again["sub"] != client.ID {
		t.Errorf("what one caller did to its claims, another sees: %v, %v", again["sub"], err)
	}
	for name, dst := range map[string]any{"nil": nil, "no pointer": claims, "nil pointer": (*struct{})(nil), "another type": new(int)} {
		if err := client.Claims(dst); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (verifier.Client{ID: "planted"}).Claims(&all); !errors.Is(err, verifier.ErrNoClaims) {
		t.Errorf("without a token: %v", err)
	}
}

// TestClientIsWhole: each field has the value of the token, times to the
// nanosecond. The Issuer is the configured Name.
func TestClientIsWhole(t *testing.T) {
	a, v := local(t, func(c *verifier.Config) {
		c.Issuers[0].Aliases = []string{"https://alias.example.com"}
		c.Issuers[0].ClientIDClaims = []string{"azp"}
	})
	issued := time.Now().Truncate(time.Second)
	token := a.Token(spec{
		Issuer: "https://alias.example.com", Scopes: []string{"b", "a"}, IssuedAt: issued.Add(-time.Minute), NotBefore: issued,
		Claims: map[string]any{"azp": "c", "sub": "s", "jti": "1", "exp": json.RawMessage(fmt.Sprint(issued.Unix()+60) + ".5")},
	})
	for range 2 { // the second time from the cache
		c, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if c.ID != "c" || c.Subject != "s" || c.Issuer != "stytch.com/"+a.ProjectID() || c.TokenID != "1" || c.KeyID != a.Keys()[0] || c.Scopes.String() != "a b" {
			t.Errorf("%+v", c)
		}
		if !c.IssuedAt.Equal(issued.Add(-time.Minute)) || !c.NotBefore.Equal(issued) || !c.ExpiresAt.Equal(issued.Add(time.Minute+500*time.Millisecond)) {
			t.Errorf("issued at %v, not before %v, expires at %v", c.IssuedAt, c.NotBefore, c.ExpiresAt)
		}
	}
	c, err := v.Verify(t.Context(), a.Token(spec{Claims: map[string]any{"azp": "c", "sub": m2mtest.Absent, "iat": m2mtest.Absent, "nbf": m2mtest.Absent}}))
	if err != nil || c.Subject != "" || !c.IssuedAt.IsZero() || !c.NotBefore.IsZero() || c.ExpiresAt.IsZero() {
		t.Errorf("with what is required alone: %+v, %v", c, err)
	}
}

func TestAudienceIsCopied(t *testing.T) {
	a, v := local(t)
	token := a.Token(spec{Audience: []string{"other", a.ProjectID()}})
	for range 2 { // the second time from the cache
		client, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		audience := client.Audience()
		if !slices.Equal(audience, []string{"other", a.ProjectID()}) {
			t.Errorf("audience %q", audience)
		}
		audience[0] = "changed"
		if client.Audience()[0] != "other" {
			t.Error("the client's own audience was changed")
		}
	}
	if (verifier.Client{}).Audience() != nil {
		t.Error("an audience without a token")
	}
}

// TestClientInContext checks which client ClientFromContext returns after
// Authorize.
func TestClientInContext(t *testing.T) {
	a, v := local(t)
	token := func(id string) string { return a.Token(spec{ClientID: id}) }
	type wrapped struct{}
	outer, err := v.Authorize(t.Context(), bearer(token("outer")), scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	outer = context.WithValue(outer, wrapped{}, "kept")
	planted := verifier.ContextWithClient(context.WithValue(t.Context(), wrapped{}, "kept"), verifier.Client{ID: "planted", Scopes: scopes.Of("admin")})
	tests := []struct {
		name    string
		ctx     context.Context
		request verifier.Request
		need    scopes.Requirement
		want    string // the client's ID; "" if there is none
		reason  verifier.Reason
	}{
		{"nobody before", context.WithValue(t.Context(), wrapped{}, "kept"), bearer(token("c")), scopes.Authenticated(), "c", ""},
		{"nobody before, refused", context.WithValue(t.Context(), wrapped{}, "kept"), bearer("x"), scopes.Authenticated(), "", verifier.Malformed},
		{"nobody before, public", context.WithValue(t.Context(), wrapped{}, "kept"), bearer(token("c")), scopes.Public(), "", ""},
		{"inside another call", outer, bearer(token("inner")), scopes.Authenticated(), "inner", ""},
		{"inside another call, refused", outer, bearer("x"), scopes.Authenticated(), "", verifier.Malformed},
		{"inside another call, without a token", outer, verifier.Request{}, scopes.Authenticated(), "", verifier.CredentialsMissing},
		{"inside another call, not allowed", outer, bearer(token("inner")), scopes.All("admin"), "", verifier.ScopeMissing},
		{"inside another call, public", outer, verifier.Request{}, scopes.Public(), "", ""},
		{"inside another call, public, with a token", outer, bearer(token("inner")), scopes.Public(), "", ""},
		{"inside another call, no requirement", outer, bearer(token("inner")), scopes.Requirement{}, "", verifier.NoRequirement},
		{"planted", planted, bearer(token("c")), scopes.Authenticated(), "c", ""},
		{"planted, without a token", planted, verifier.Request{}, scopes.All("admin"), "", verifier.CredentialsMissing},
		{"planted, public", planted, verifier.Request{}, scopes.Public(), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, err := v.Authorize(tt.ctx, tt.request, tt.need)
			if reasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
				t.Errorf("error %v, want %s", err, tt.reason)
			}
			client, found := verifier.ClientFromContext(ctx)
			if client.ID != tt.want || found != (tt.want != "") {
				t.Errorf("client %q, %t; want %q", client.ID, found, tt.want)
			}
			if ctx.Value(wrapped{}) != "kept" {
				t.Error("the context lost a value")
			}
			derived := context.WithValue(ctx, wrapped{}, "changed")
			if c, found := verifier.ClientFromContext(derived); found != (tt.want != "") || c.ID != tt.want {
				t.Errorf("in a context made of it: client %q, %t", c.ID, found)
			}
		})
	}
	// A handler's copy is its own.
	c, _ := verifier.ClientFromContext(outer)
	c.ID = "changed"
	if c, _ := verifier.ClientFromContext(outer); c.ID != "outer" {
		t.Errorf("the client in the context is %q", c.ID)
	}
	if text := fmt.Sprintf("%v %+v", outer, planted); strings.Contains(text, "outer") || strings.Contains(text, "admin") {
		t.Errorf("the context prints who is calling: %s", text)
	}
	// Nor does it keep the credential, for what prints every field.
	request := bearer(token("c"))
	ctx, err := v.Authorize(t.Context(), request, scopes.Authenticated())
	if text := fmt.Sprintf("%#v", ctx); err != nil || strings.Contains(text, request.Authorization[0]) {
		t.Errorf("%v; the context prints the credential: %s", err, text)
	}
}

// TestUnmade: a Verifier that does not come from New refuses every call and
// does not panic.
func TestUnmade(t *testing.T) {
	a, _ := local(t)
	ctx := t.Context()
	closed := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{goodIssuer()}})
	for range 3 {
		if err := closed.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for name, v := range map[string]*verifier.Verifier{"nil": nil, "zero": {}, "closed": closed} {
		t.Run(name, func(t *testing.T) {
			refused := func(what string, err error) {
				t.Helper()
				e, ok := errors.AsType[*verifier.Error](err)
				if !ok || e.Code != verifier.Unavailable || e.Reason != verifier.Closed {
					t.Errorf("%s: %v, want %s", what, err, verifier.Closed)
				}
			}
			client, err := v.Verify(ctx, a.Token(spec{}))
			refused("Verify", err)
			if client.ID != "" {
				t.Errorf("Verify: client %q beside the error", client.ID)
			}
			for _, need := range []scopes.Requirement{scopes.Authenticated(), scopes.All("a"), {}} {
				_, err := v.Authorize(ctx, bearer(a.Token(spec{})), need)
				refused("Authorize", err)
			}
			_, err = v.Authorize(ctx, verifier.Request{}, scopes.Authenticated())
			refused("Authorize without a token", err)
			refused("Recheck", v.Recheck(verifier.ContextWithClient(ctx, a.Client(spec{}))))
			refused("Recheck without a client", v.Recheck(ctx))
			refused("Ready", v.Ready(ctx))
			refused("Refresh", v.Refresh(ctx))
			if n := len(v.Status()); n != map[string]int{"closed": 1}[name] {
				t.Errorf("the status of %d issuers", n)
			}
			until, cancel := v.WhileValid(verifier.ContextWithClient(ctx, a.Client(spec{})))
			refused("WhileValid", context.Cause(until))
			cancel()
			until, cancel = v.WhileValid(ctx)
			if until.Err() != nil {
				t.Errorf("WhileValid without a client: %v", context.Cause(until))
			}
			cancel()
			if until.Err() == nil {
				t.Error("WhileValid without a client: the CancelFunc cancels nothing")
			}
			if err := v.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestObserveText: text that a caller wrote is quoted and cut before it can
// be logged.
func TestObserveText(t *testing.T) {
	var told []verifier.Decision
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { told = append(told, d) }}
	})
	long := strings.Repeat("x", 64) + "tail"
	control := "\x1b[2J\r\nforged \u202e line"
	head := func(name, value string) spec { return spec{Header: map[string]any{name: value}} }
	tests := []struct {
		name      string
		operation string
		spec      spec
		want      verifier.Reason
	}{
		{"plain operation", "GET /a", spec{}, ""},
		{"long operation", long, spec{}, ""},
		{"operation with control characters", control, spec{}, ""},
		{"operation that is no UTF-8", "\xff\xfe", spec{}, ""},
		{"kid", "op", head("kid", control+long), verifier.KeysUnavailable},
		{"kid of an old token", "op", spec{IssuedAt: time.Now().Add(-50 * time.Minute), Header: map[string]any{"kid": control + long}}, verifier.KeyUnknown},
		{"typ", "op", head("typ", control+long), verifier.TokenType},
		{"alg", "op", head("alg", "RS512"), verifier.Algorithm},
		{"malformed alg", "op", head("alg", control+long), verifier.Algorithm},
		{"iss", "op", spec{Issuer: control + long}, verifier.UnknownIssuer},
		{"member", "op", spec{RawPayload: `{"` + long + `":1,"` + long + `":1}`}, verifier.Malformed},
		{"aud", "op", spec{Audience: []string{control + long}}, verifier.Audience},
		{"exp", "op", spec{Claims: map[string]any{"exp": control + long}}, verifier.ClaimMalformed},
		{"scope", "op", spec{Claims: map[string]any{"scope": []any{control + long, 1}}}, verifier.ClaimMalformed},
		{"cnf", "op", spec{Claims: map[string]any{"cnf": map[string]any{control + long: long}}}, verifier.Bound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			told = nil
			r := bearer(a.Token(tt.spec))
			r.Operation = tt.operation
			r.PeerCertificates = []*x509.Certificate{{Raw: []byte("x")}}
			_, err := v.Authorize(t.Context(), r, scopes.Authenticated())
			if reasonOf(err) != tt.want || len(told) != 1 {
				t.Fatalf("%v, want %s; %d decisions", err, tt.want, len(told))
			}
			texts := []string{told[0].Operation}
			if told[0].Err != nil {
				texts = append(texts, told[0].Err.Error())
			}
			for i, text := range texts {
				if i > 0 && strings.Contains(text, "tail") {
					t.Errorf("%q is not cut", text)
				}
				for _, c := range text {
					if (c < ' ' || c > '~') && c != '\n' { // errors.Join's
						t.Errorf("%q is not quoted", text)
					}
				}
				if strings.Contains(text, "\nforged") {
					t.Errorf("a caller has written a line of the log: %q", text)
				}
			}
		})
	}
	if told == nil {
		t.Error("nothing was told")
	}
}

// TestObserveIsToldAll: Observe receives every part of every decision, in
// the context of the call, for an audit log.
func TestObserveIsToldAll(t *testing.T) {
	type key struct{}
	var told []verifier.Decision
	var in []any
	a, v := local(t, func(c *verifier.Config) {
		c.Issuers[0].Aliases = []string{"https://alias.example.com"}
		c.Observe = []func(context.Context, verifier.Decision){func(ctx context.Context, d verifier.Decision) {
			told, in = append(told, d), append(in, ctx.Value(key{}))
		}}
	})
	long := strings.Repeat("x", 64)
	good := a.Token(spec{ClientID: "c", Issuer: "https://alias.example.com", Scopes: []string{"a"}})
	expired := a.Token(spec{TTL: -time.Hour})
	name := "stytch.com/" + a.ProjectID()
	tests := []struct {
		operation, token string
		need             scopes.Requirement

		wantOperation, issuer, client string
		reason                        verifier.Reason
		cached                        bool
	}{
		{"op", good, scopes.All("a"), "op", name, "c", "", false},
		{"op", good, scopes.Any("a", "b"), "op", name, "c", "", true},
		{long, good, scopes.All("b"), long, name, "c", verifier.ScopeMissing, true},
		{long + "y", expired, scopes.All("b"), long + "y", name, "", verifier.Expired, false},
		{"a\nb", "x", scopes.Authenticated(), `"a\nb"`, "", "", verifier.Malformed, false},
		{"op", "x", scopes.Public(), "op", "", "", "", false},
	}
	for i, tt := range tests {
		r := bearer(tt.token)
		r.Operation = tt.operation
		_, err := v.Authorize(context.WithValue(t.Context(), key{}, i), r, tt.need)
		if len(told) != i+1 || in[i] != i {
			t.Fatalf("call %d: %d decisions, in the contexts of %v", i, len(told), in)
		}
		d := told[i]
		if d.Operation != tt.wantOperation || d.Issuer != tt.issuer || d.Client.ID != tt.client || !d.Need.Equal(tt.need) || d.Cached != tt.cached {
			t.Errorf("call %d: %+v", i, d)
		}
		if reasonOfDecision(d) != tt.reason || reasonOf(err) != tt.reason || d.Err != nil && !verifier.AsError(d.Err).Need.Equal(tt.need) {
			t.Errorf("call %d: %v, and Observe was told %v; want %q", i, err, d.Err, tt.reason)
		}
	}
}

// TestObserveIsToldHowLong: Decision.Took includes the wait for keys.
func TestObserveIsToldHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookout
		s := newKeyServer(t, healthy)
		v := s.warm(t, l.watch)
		s.RotateKeys()
		s.Now(after(trip, healthy))
		r := bearer(s.Token(spec{}))
		for _, want := range []time.Duration{trip, 0} {
			if d := l.call(t, v, r, scopes.Authenticated()); d.Err != nil || d.Took != want {
				t.Errorf("%v, took %v; want %v", d.Err, d.Took, want)
			}
		}
	})
}

// TestObservePanics: a panic in Observe does not change the decision.
func TestObservePanics(t *testing.T) {
	calls := 0
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(context.Context, verifier.Decision) { calls++; panic("no") }}
		c.ObserveKeys = func(verifier.IssuerStatus) { panic("no") }
	})
	if _, err := v.Verify(t.Context(), a.Token(spec{})); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), "x"); reasonOf(err) != verifier.Malformed {
		t.Error(err)
	}
	if _, err := v.Authorize(t.Context(), verifier.Request{}, scopes.Public()); err != nil {
		t.Error(err)
	}
	if err := v.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	if calls != 3 {
		t.Errorf("Observe was called %d times, want 3", calls)
	}
}
