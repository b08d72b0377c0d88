package verifier_test

import (
	"context"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestContextWithCallOf: decisions follow the call of the second context, and values and
// cancellation the first.
func TestContextWithCallOf(t *testing.T) {
	authority, v := m2mtest.Trust(t, nil)
	authorized := func(granted ...string) context.Context {
		token := authority.Token(m2mtest.TokenSpec{Scopes: granted})
		ctx, err := v.Authorize(context.Background(), verifier.Request{Authorization: []string{"Bearer " + token}}, scopes.Authenticated())
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	type key struct{}
	opener := context.WithValue(authorized("admin"), key{}, "kept")

	ctx := verifier.ContextWithCallOf(opener, authorized("read"))
	if got := reasonOf(v.Reauthorize(ctx, "tool/admin", scopes.All("admin"))); got != verifier.ScopeMissing {
		t.Errorf("Reauthorize(with a narrower call) = %v, want %v", got, verifier.ScopeMissing)
	}
	if client, _ := verifier.ClientFromContext(ctx); client.Scopes.String() != "read" {
		t.Errorf("ClientFromContext = %v, want the scope read", client.Scopes)
	}
	if ctx.Value(key{}) != "kept" {
		t.Error("the values of the first context are lost")
	}

	for name, none := range map[string]context.Context{"nil": nil, "a context without a call": context.Background()} {
		ctx := verifier.ContextWithCallOf(opener, none)
		if client, ok := verifier.ClientFromContext(ctx); ok {
			t.Errorf("ClientFromContext(with the call of %s) = %v, want none", name, client)
		}
		if got := reasonOf(v.Recheck(ctx)); got != verifier.NotVerified {
			t.Errorf("Recheck(with the call of %s) = %v, want %v", name, got, verifier.NotVerified)
		}
	}
	if got := reasonOf(v.Recheck(verifier.ContextWithCallOf(context.Background(),
		verifier.ContextWithClient(context.Background(), verifier.Client{ID: "x"})))); got != verifier.NotVerified {
		t.Errorf("Recheck(with an invented client) = %v, want %v", got, verifier.NotVerified)
	}
}
