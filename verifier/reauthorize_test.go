package verifier_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestReauthorize decides about further operations of one call.
func TestReauthorize(t *testing.T) {
	var seen []verifier.Decision
	var refusal error
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { seen = append(seen, d) }}
		c.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
			if r.Operation == "closed" {
				return refusal
			}
			return nil
		}
	})
	r := bearer(a.Token(spec{Scopes: []string{"read"}}))
	r.Operation, r.Realm, r.ResourceMetadata = "POST /rpc", "orders", "https://api.example.com/m"
	ctx, err := v.Authorize(t.Context(), r, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	_, other := local(t)
	tests := []struct {
		name      string
		v         *verifier.Verifier
		ctx       context.Context
		operation string
		need      scopes.Requirement
		code      verifier.Code
		reason    verifier.Reason
		client    bool // in the Decision
	}{
		{"granted", v, ctx, "tool", scopes.All("read"), 0, "", true},
		{"not granted", v, ctx, "tool", scopes.All("write"), verifier.InsufficientScope, verifier.ScopeMissing, true},
		{"no requirement", v, ctx, "tool", scopes.Requirement{}, verifier.InsufficientScope, verifier.NoRequirement, true},
		{"public", v, t.Context(), "tool", scopes.Public(), 0, "", false},
		{"Check refuses the operation", v, ctx, "closed", scopes.All("read"), verifier.InvalidToken, verifier.Revoked, true},
		{"no client", v, t.Context(), "tool", scopes.All("read"), verifier.InvalidToken, verifier.NotVerified, false},
		{"nil context", v, nil, "tool", scopes.All("read"), verifier.InvalidToken, verifier.NotVerified, false},
		{"a planted client", v, verifier.ContextWithClient(ctx, verifier.Client{ID: "c", Scopes: scopes.Of("write")}), "tool",
			scopes.All("write"), verifier.InvalidToken, verifier.NotVerified, false},
		{"another Verifier", other, ctx, "tool", scopes.All("read"), verifier.InvalidToken, verifier.NotVerified, false},
		{"nil Verifier", nil, ctx, "tool", scopes.All("read"), verifier.Unavailable, verifier.Closed, false},
	}
	refusal = verifier.Revoked
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen = nil
			err := tt.v.Reauthorize(tt.ctx, tt.operation, tt.need)
			if (err == nil) != (tt.reason == "") || reasonOf(err) != tt.reason {
				t.Fatalf("Reauthorize() = %v, want %q", err, tt.reason)
			}
			if err != nil {
				e := verifier.AsError(err)
				if e.Code != tt.code || !e.Need.Equal(tt.need) {
					t.Errorf("Reauthorize() = Code %v, Need %v, want %v, %v", e.Code, e.Need, tt.code, tt.need)
				}
				if _, found := verifier.ClientFromContext(tt.ctx); found && tt.client && (e.Realm != "orders" || e.ResourceMetadata != r.ResourceMetadata) {
					t.Errorf("Reauthorize() = Realm %q, ResourceMetadata %q, want those of the Request", e.Realm, e.ResourceMetadata)
				}
			}
			if tt.v != v {
				return
			}
			if len(seen) != 1 || seen[0].Operation != tt.operation || seen[0].Reason != tt.reason || (seen[0].Client.ID != "") != tt.client {
				t.Errorf("Observe received %v, want one decision %q about %q", seen, tt.reason, tt.operation)
			}
		})
	}
	v.Close()
	if err := v.Reauthorize(ctx, "tool", scopes.All("read")); reasonOf(err) != verifier.Closed {
		t.Errorf("Reauthorize() after Close = %v, want %s", err, verifier.Closed)
	}
}

// TestDeny returns a refusal that is observed like any other.
func TestDeny(t *testing.T) {
	var seen []verifier.Decision
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { seen = append(seen, d) }}
	})
	r := bearer(a.Token(spec{}))
	r.Operation, r.Realm = "GET /orders/{id}", "orders"
	ctx, err := v.Authorize(t.Context(), r, scopes.Authenticated())
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("order 7 belongs to another tenant")
	for _, tt := range []struct {
		name   string
		v      *verifier.Verifier
		ctx    context.Context
		cause  error
		code   verifier.Code
		reason verifier.Reason
		client bool
	}{
		{"a cause", v, ctx, cause, verifier.InsufficientScope, verifier.Forbidden, true},
		{"no cause", v, ctx, nil, verifier.InsufficientScope, verifier.Forbidden, true},
		{"a Reason", v, ctx, verifier.Revoked, verifier.InvalidToken, verifier.Revoked, true},
		{"an *Error", v, ctx, &verifier.Error{Code: verifier.Unavailable}, verifier.Unavailable, verifier.CheckFailed, true},
		{"no client", v, t.Context(), cause, verifier.InsufficientScope, verifier.Forbidden, false},
		{"nil context", v, nil, cause, verifier.InsufficientScope, verifier.Forbidden, false},
		{"a planted client", v, verifier.ContextWithClient(ctx, verifier.Client{ID: "c"}), cause, verifier.InsufficientScope, verifier.Forbidden, false},
		{"nil Verifier", nil, ctx, cause, verifier.InsufficientScope, verifier.Forbidden, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen = nil
			e := tt.v.Deny(tt.ctx, tt.cause)
			if e.Code != tt.code || e.Reason != tt.reason || tt.cause == cause && !errors.Is(e, cause) {
				t.Errorf("Deny() = %v, want %v, %s", e, tt.code, tt.reason)
			}
			if tt.client && e.Code == verifier.InsufficientScope &&
				!slices.Equal(e.Challenges(), []string{`Bearer realm="orders", error="insufficient_scope"`}) {
				t.Errorf("Challenges() = %q, want the realm of the Request", e.Challenges())
			}
			if tt.v == nil {
				return
			}
			if len(seen) != 1 || seen[0].Reason != tt.reason || (seen[0].Client.ID != "") != tt.client {
				t.Errorf("Observe received %v, want one decision %q", seen, tt.reason)
			}
		})
	}
}
