package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAuthorizeDoor runs the table of decisions through Authorize itself.
func TestAuthorizeDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) doortest.Result {
		ctx, err := v.Authorize(t.Context(), requestOf(call), call.Need)
		client, found := verifier.ClientFromContext(ctx)
		if err != nil {
			e, ok := errors.AsType[*verifier.Error](err)
			if !ok {
				t.Fatalf("%T is not an *Error", err)
			}
			if found {
				t.Error("the context beside an error holds a client")
			}
			return doortest.Result{Code: e.Code, Client: client, Seen: err.Error() + strings.Join(e.Challenges(), " | ")}
		}
		return doortest.Result{Reached: true, Client: client}
	})
}

// requestOf returns the Request of a call.
func requestOf(call doortest.Call) verifier.Request {
	r := verifier.Request{
		Operation:        "test",
		Authorization:    call.Authorization,
		PeerCertificates: call.PeerCertificates,
	}
	if call.Proofs != nil {
		r.DPoP, r.Method, r.Origin, r.Path = call.Proofs("GET", "/x"), "GET", doortest.Origin, "/x"
	}
	return r
}

// TestExplainDoor: Explain gives every row of the table the Reason that Authorize
// gives it, and starts no fetch.
func TestExplainDoor(t *testing.T) {
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) doortest.Result {
		r := requestOf(call)
		ctx, err := v.Authorize(t.Context(), r, call.Need)
		want := reasonOf(err)
		switch {
		case want == verifier.UnknownKeysFlood: // Explain does not count against the limit
			want = verifier.KeysUnavailable
		case want == verifier.KeyUnknown && strings.HasSuffix(t.Name(), "no_iat"): // only a fetch can tell
			want = verifier.KeysUnavailable
		case call.Proofs != nil && (want == verifier.ProofReplayed || want == verifier.ReplayUnavailable): // Explain does not look for replays
			want = ""
		}
		defer checkSteps(t, v, r, call.Need)
		before, fetches := maps.Collect(v.Counts()), v.Status()[0].Fetches
		e := v.Explain(t.Context(), r, call.Need)
		if got := reasonOf(e.Err); got != want {
			t.Errorf("Explain() = %v, want the Reason %q", e, want)
		}
		if !maps.Equal(maps.Collect(v.Counts()), before) || v.Status()[0].Fetches != fetches && want == "" {
			t.Error("Explain counted, or fetched")
		}
		client, _ := verifier.ClientFromContext(ctx)
		if err == nil && (e.Client.ID != client.ID || e.Issuer != client.Issuer) {
			t.Errorf("Explain() = %v, want the client %v", e, client)
		}
		if err != nil {
			return doortest.Result{Code: verifier.AsError(err).Code, Client: client, Seen: e.String()}
		}
		return doortest.Result{Reached: true, Client: client, Seen: e.String()}
	})
}

// TestExplainKeepsNothing: Explain does not remember the token that it
// verifies, and its result does not depend on remembered tokens.
func TestExplainKeepsNothing(t *testing.T) {
	var seen []verifier.Decision
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { seen = append(seen, d) }}
	})
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := bearer(a.Token(spec{ClientID: "machine", Scopes: []string{"read"}}))
	r.Operation = "GET /orders"
	for range 2 {
		e := v.Explain(t.Context(), r, scopes.All("write"))
		want := `GET /orders: refused: m2mauth: insufficient_scope: scope_missing: granted "read", want all("write"); ` +
			`requires all("write"); client "machine" of ` + strconv.Quote(v.Issuers()[0]) + ` is granted "read"`
		if got := e.String(); got != want {
			t.Errorf("Explain() = %s, want %s", got, want)
		}
	}
	unknownKey := bearer(a.Token(spec{Key: m2mtest.NewKey("ES256")}))
	if e := v.Explain(t.Context(), unknownKey, scopes.Authenticated()); reasonOf(e.Err) != verifier.KeysUnavailable || v.Status()[0].UnknownKeys != 0 {
		t.Errorf("Explain(unknown key) = %v with %d unknown keys, want %s and none", e, v.Status()[0].UnknownKeys, verifier.KeysUnavailable)
	}
	if n := v.Status()[0].Fetches; len(seen) != 0 || n != 1 {
		t.Errorf("Observe was called %d times, and %d fetches began, want 0 and 1", len(seen), n)
	}
	if _, err := v.Authorize(t.Context(), r, scopes.All("read")); err != nil || seen[0].Cached {
		t.Errorf("Authorize() = %v, cached %t, want a first sight", err, seen[0].Cached)
	}
	var none *verifier.Verifier
	if e := none.Explain(t.Context(), r, scopes.All("read")); reasonOf(e.Err) != verifier.Closed {
		t.Errorf("Explain() of nil = %v, want %s", e, verifier.Closed)
	}
	if e := v.Explain(t.Context(), verifier.Request{}, scopes.Public()); e.Err != nil || e.String() != "allowed; requires public" {
		t.Errorf("Explain(public) = %v, want it allowed", e)
	}
}

// checkSteps compares the steps of an explanation with its verdict: those before the
// one that failed have passed, and those after it were not reached.
func checkSteps(t *testing.T, v *verifier.Verifier, r verifier.Request, need scopes.Requirement) {
	t.Helper()
	e := v.Explain(t.Context(), r, need)
	want := verifier.Passed
	for i, s := range e.Steps {
		switch {
		case want == verifier.Passed && s.Outcome == verifier.Failed && e.Err != nil:
			want = verifier.NotReached
			if s.Reason != reasonOf(e.Err) {
				t.Errorf("Explain().Steps[%d] = %+v, want the Reason %s", i, s, reasonOf(e.Err))
			}
		case s.Outcome != want || s.Check == "":
			t.Errorf("Explain().Steps[%d] = %+v, want %s", i, s, want)
		}
	}
	if (want == verifier.NotReached) != (e.Err != nil) || len(e.Steps) == 0 && !need.IsPublic() {
		t.Errorf("Explain().Steps = %+v, want one that failed: %t", e.Steps, e.Err != nil)
	}
}

// TestExplainSteps prints every check of three tokens.
func TestExplainSteps(t *testing.T) {
	a, v := local(t)
	for _, tt := range []struct {
		name  string
		token string
		want  []string // in the text, in this order
	}{
		{"good", a.Token(spec{ClientID: "machine", Scopes: []string{"read"}}), []string{"passed       issuer", "exp is", "passed       algorithm", "ES256", "passed       requirement"}},
		{"another audience", a.Token(spec{Audience: []string{"other"}}), []string{"failed       audience      \"aud\" is [\"other\"]", "not reached  signature"}},
		{"no scope", a.Token(spec{ClientID: "machine"}), []string{"passed       signature", "passed       client ID     \"machine\"", "failed       requirement   granted no scopes"}},
	} {
		text := fmt.Sprintf("%+v", v.Explain(t.Context(), bearer(tt.token), scopes.All("read")))
		rest := text
		for _, want := range tt.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("Explain(%s) = %s\nwant %q in it, in order", tt.name, text, want)
				break
			}
			rest = after
		}
		if strings.Contains(text, tt.token[:20]) {
			t.Errorf("Explain(%s) shows the token", tt.name)
		}
	}
}
