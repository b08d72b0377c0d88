package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"strconv"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestCounts: every decision is counted once, by issuer, outcome, Reason and
// whether its token was remembered.
func TestCounts(t *testing.T) {
	var refusal error
	observed := make(map[verifier.Count]uint64)
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return refusal }
		c.Observe = []func(context.Context, verifier.Decision){
			func(_ context.Context, d verifier.Decision) { observed[d.Count()]++ },
		}
	})
	issuer := v.Issuers()[0]
	good := bearer(a.Token(spec{Scopes: []string{"a"}}))
	call := func(r verifier.Request, need scopes.Requirement) context.Context {
		ctx, _ := v.Authorize(t.Context(), r, need)
		return ctx
	}
	ctx := call(good, scopes.All("a"))
	call(good, scopes.All("a"))
	call(good, scopes.All("b"))
	call(verifier.Request{}, scopes.All("a"))
	call(verifier.Request{}, scopes.Public())
	call(bearer(a.Token(spec{Issuer: "https://elsewhere.example.com"})), scopes.All("a"))
	for _, refusal = range []error{
		verifier.Revoked, verifier.Reason("mine"), fmt.Errorf("wrapped: %w", verifier.Reason("mine too")),
		&verifier.Error{Code: verifier.InsufficientScope, Reason: "mine"},
		&verifier.Error{Code: verifier.InsufficientScope, Reason: verifier.Expired},
		&verifier.Error{Code: verifier.Unavailable, Reason: "mine"}, errors.New("outage"),
	} {
		call(good, scopes.All("a"))
	}
	refusal = nil
	if err := v.Reauthorize(ctx, "tool", scopes.All("a")); err != nil {
		t.Error(err)
	}
	_ = v.Deny(ctx, nil)
	_ = v.Recheck(ctx)
	_ = v.Explain(ctx, good, scopes.All("a"), nil)

	want := map[verifier.Count]uint64{
		{Issuer: issuer, Outcome: "allowed"}:                                                             1,
		{Issuer: issuer, Outcome: "allowed", Remembered: true}:                                           2,
		{Issuer: issuer, Outcome: "insufficient_scope", Reason: verifier.ScopeMissing, Remembered: true}: 1,
		{Outcome: "no_credentials", Reason: verifier.CredentialsMissing}:                                 1,
		{Outcome: "allowed"}: 1,
		{Outcome: "invalid_token", Reason: verifier.UnknownIssuer}:                                    1,
		{Issuer: issuer, Outcome: "invalid_token", Reason: verifier.Revoked, Remembered: true}:        1,
		{Issuer: issuer, Outcome: "invalid_token", Reason: "_OTHER", Remembered: true}:                2,
		{Issuer: issuer, Outcome: "insufficient_scope", Reason: "_OTHER", Remembered: true}:           1,
		{Issuer: issuer, Outcome: "insufficient_scope", Reason: verifier.Expired, Remembered: true}:   1,
		{Issuer: issuer, Outcome: "unavailable", Reason: "_OTHER", Remembered: true}:                  1,
		{Issuer: issuer, Outcome: "unavailable", Reason: verifier.CheckFailed, Remembered: true}:      1,
		{Issuer: issuer, Outcome: "insufficient_scope", Reason: verifier.Forbidden, Remembered: true}: 1,
	}
	if got := maps.Collect(v.Counts()); !maps.Equal(got, want) {
		t.Errorf("Counts() = %v, want %v", got, want)
	}
	if !maps.Equal(observed, want) {
		t.Errorf("Decision.Count yields %v, want %v", observed, want)
	}
	for range v.Counts() {
		break // an early end must not panic
	}
	for range (*verifier.Verifier)(nil).Counts() {
		t.Error("Counts() of nil yields something")
	}
}

// TestCountsConcurrently: no decision is lost.
func TestCountsConcurrently(t *testing.T) {
	a, v := local(t)
	r := bearer(a.Token(spec{}))
	const callers, each = 8, 500
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				_, _ = v.Authorize(t.Context(), r, scopes.Authenticated())
			}
		})
	}
	wg.Wait()
	total := uint64(0)
	for _, n := range v.Counts() {
		total += n
	}
	if total != callers*each {
		t.Errorf("Counts() adds up to %d, want %d", total, callers*each)
	}
}

// TestReasonsAreCounted: each Reason of reasons.go has a counter of its own.
func TestReasonsAreCounted(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reason verifier.Reason
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return reason }
	})
	r := bearer(a.Token(spec{}))
	seen := 0
	for _, decl := range file.Decls {
		consts, ok := decl.(*ast.GenDecl)
		if !ok || consts.Tok != token.CONST {
			continue
		}
		for _, s := range consts.Specs {
			text, err := strconv.Unquote(s.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			reason = verifier.Reason(text)
			_, err = v.Authorize(t.Context(), r, scopes.Authenticated())
			e := verifier.AsError(err)
			if e.Reason != reason {
				t.Errorf("Check returned %q, and the Reason is %q", reason, e.Reason)
			}
			found := false
			for c := range v.Counts() {
				found = found || c.Reason == reason && c.Outcome == e.Code.String()
			}
			if !found {
				t.Errorf("%s is not counted as itself", reason)
			}
			seen++
		}
	}
	if seen < 40 {
		t.Errorf("%d Reasons in reasons.go, want at least 40", seen)
	}
}

func BenchmarkCounts(b *testing.B) {
	v, _ := newBenchmark(b, "EdDSA", 0)
	r := verifier.Request{}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = v.Authorize(b.Context(), r, scopes.Public())
	}
}
