package verifier_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/doortest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// told makes Explain call Config.Check, as Authorize does.
var told = &verifier.ExplainOptions{CallCheck: true}

// TestExplainDoor: Explain gives every row of the table the Code and the Reason that
// Authorize gives it, and starts no fetch.
func TestExplainDoor(t *testing.T) {
	seen := make(map[verifier.Reason]bool)
	doortest.Run(t, func(t *testing.T, v *verifier.Verifier, call doortest.Call) doortest.Result {
		r := requestOf(call)
		ctx, err := v.Authorize(t.Context(), r, call.Need)
		seen[reasonOf(err)] = true
		code, reason := codeOf(err), reasonOf(err)
		switch {
		case reason == verifier.UnknownKeysFlood, // Explain does not count against the limit
			reason == verifier.KeyUnknown && strings.HasSuffix(t.Name(), "no_iat"): // only a fetch can tell
			code, reason = verifier.Unavailable, verifier.KeysUnavailable
		case call.Proofs != nil && (reason == verifier.ProofReplayed || reason == verifier.ReplayUnavailable): // Explain does not look for replays
			code, reason = 0, ""
		}
		before, fetches := maps.Collect(v.Counts()), v.Status()[0].Fetches
		e := v.Explain(t.Context(), r, call.Need, told)
		if gotCode, got := codeOf(e.Err), reasonOf(e.Err); gotCode != code || got != reason {
			t.Errorf("Explain() = %v, want %v %q", e, code, reason)
		}
		if !maps.Equal(maps.Collect(v.Counts()), before) || v.Status()[0].Fetches != fetches && reason == "" {
			t.Error("Explain counted, or fetched")
		}
		checkSteps(t, e)
		client, _ := verifier.ClientFromContext(ctx)
		if err == nil && (e.Client.ID != client.ID || e.Issuer != client.Issuer) {
			t.Errorf("Explain() = %v, want the client %v", e, client)
		}
		if err != nil {
			return doortest.Result{Code: verifier.AsError(err).Code, Client: client, Seen: fmt.Sprintf("%+v", e)}
		}
		return doortest.Result{Reached: true, Client: client, Seen: fmt.Sprintf("%+v", e)}
	})
	for _, r := range []verifier.Reason{verifier.ProofMismatch, verifier.ProofReplayed, verifier.Inactive, verifier.IntrospectionUnavailable, verifier.Revoked, verifier.RevocationsUnavailable} {
		if !seen[r] {
			t.Errorf("the table has no row for %s, want one", r)
		}
	}
}

func codeOf(err error) verifier.Code {
	if err == nil {
		return 0
	}
	return verifier.AsError(err).Code
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
		e := v.Explain(t.Context(), r, scopes.All("write"), nil)
		want := `GET /orders: refused: m2mauth: insufficient_scope: scope_missing: granted "read", want all("write"); ` +
			`requires all("write"); client "machine" of ` + strconv.Quote(v.Issuers()[0]) + ` is granted "read"`
		if got := e.String(); got != want {
			t.Errorf("Explain() = %s, want %s", got, want)
		}
	}
	unknownKey := bearer(a.Token(spec{Key: m2mtest.NewKey("ES256")}))
	if e := v.Explain(t.Context(), unknownKey, scopes.Authenticated(), nil); reasonOf(e.Err) != verifier.KeysUnavailable || v.Status()[0].UnknownKeys != 0 {
		t.Errorf("Explain(unknown key) = %v with %d unknown keys, want %s and none", e, v.Status()[0].UnknownKeys, verifier.KeysUnavailable)
	}
	if n := v.Status()[0].Fetches; len(seen) != 0 || n != 1 {
		t.Errorf("Observe was called %d times, and %d fetches began, want 0 and 1", len(seen), n)
	}
	if _, err := v.Authorize(t.Context(), r, scopes.All("read")); err != nil || seen[0].Cached {
		t.Errorf("Authorize() = %v, cached %t, want a first sight", err, seen[0].Cached)
	}
	var none *verifier.Verifier
	if e := none.Explain(t.Context(), r, scopes.All("read"), nil); reasonOf(e.Err) != verifier.Closed {
		t.Errorf("Explain() of nil = %v, want %s", e, verifier.Closed)
	}
	if e := v.Explain(t.Context(), verifier.Request{}, scopes.Public(), nil); e.Err != nil || e.String() != "allowed; requires public" {
		t.Errorf("Explain(public) = %v, want it allowed", e)
	}
}

// checkSteps compares the steps of an explanation with its verdict: those before the
// one that failed have passed or do not apply, and those after it are skipped.
func checkSteps(t *testing.T, e verifier.Explanation) {
	t.Helper()
	failed := 0
	for i, s := range e.Steps {
		ok := s.Outcome == verifier.Passed || s.Outcome == verifier.Skipped && s.Detail != ""
		if failed > 0 {
			ok = s.Outcome == verifier.Skipped && s.Detail == ""
		} else if s.Outcome == verifier.Failed {
			failed++
			ok = s.Reason == reasonOf(e.Err)
		}
		if !ok || s.Check == "" {
			t.Errorf("Explain().Steps[%d] = %+v after %d failures, want one that fits %v", i, s, failed, e)
		}
	}
	if (failed == 1) != (e.Err != nil) || (len(e.Steps) == 0) != e.Need.IsPublic() {
		t.Errorf("Explain().Steps = %+v, want one that failed: %t", e.Steps, e.Err != nil)
	}
}

// TestExplainCallsCheckIfTold: without CallCheck, Config.Check is not called, and the
// explanation says so.
func TestExplainCallsCheckIfTold(t *testing.T) {
	calls := 0
	a, v := local(t, func(c *verifier.Config) {
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { calls++; return verifier.Revoked }
	})
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := bearer(a.Token(spec{ClientID: "machine"}))
	for _, tt := range []struct {
		opts   *verifier.ExplainOptions
		calls  int
		reason verifier.Reason
		text   string
		step   verifier.Step
	}{
		{nil, 0, "", "allowed, if Config.Check allows it;", verifier.Step{Check: "Config.Check", Outcome: verifier.Skipped, Detail: "not called: ExplainOptions.CallCheck is false"}},
		{new(verifier.ExplainOptions), 0, "", "allowed, if Config.Check allows it;", verifier.Step{Check: "Config.Check", Outcome: verifier.Skipped, Detail: "not called: ExplainOptions.CallCheck is false"}},
		{told, 1, verifier.Revoked, "refused: m2mauth: invalid_token: revoked;", verifier.Step{Check: "Config.Check", Outcome: verifier.Failed, Reason: verifier.Revoked}},
	} {
		calls = 0
		e := v.Explain(t.Context(), r, scopes.Authenticated(), tt.opts)
		if calls != tt.calls || reasonOf(e.Err) != tt.reason || !strings.HasPrefix(e.String(), "op: "+tt.text) || !slices.Contains(e.Steps, tt.step) {
			t.Errorf("Explain(%+v) = %+v after %d calls of Check, want %q, %+v and %d", tt.opts, e, calls, tt.text, tt.step, tt.calls)
		}
	}
}

// TestExplainAnswers: an opaque token is explained by the answer that is remembered,
// and the authority is not asked.
func TestExplainAnswers(t *testing.T) {
	o := newOracle()
	o.set("good", active(nil))
	o.set("other", active(map[string]any{"aud": "other"}))
	o.set("long", active(map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}))
	o.set("odd", active(map[string]any{"exp": "soon"}))
	o.set("old", active(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
	v := o.trust(t, func(c *verifier.Config) { c.Issuers[0].MaxTokenLife = time.Minute })
	o.set("good", active(map[string]any{"iat": time.Now().Unix()}))
	for _, token := range []string{"good", "other", "gone", "odd", "old", "long"} {
		_, _ = v.Verify(t.Context(), token)
	}
	before := o.total
	for _, tt := range []struct {
		token  string
		check  string
		reason verifier.Reason
	}{
		{"good", "", ""},
		{"other", "audience", verifier.Audience},
		{"gone", "answer", verifier.Inactive},
		{"odd", "times", verifier.ClaimMalformed},
		{"old", "lifetime", verifier.Expired},
		{"long", "longest life", verifier.TooLongLived},
		{"unknown", "answer", verifier.IntrospectionUnavailable},
		{"not a token!", "credential", verifier.CredentialsMalformed},
	} {
		e := v.Explain(t.Context(), bearer(tt.token), scopes.Authenticated(), nil)
		checkSteps(t, e)
		at := slices.IndexFunc(e.Steps, func(s verifier.Step) bool { return s.Outcome == verifier.Failed })
		if reasonOf(e.Err) != tt.reason || (at < 0) != (tt.check == "") || at >= 0 && e.Steps[at].Check != tt.check {
			t.Errorf("Explain(%s) = %+v, want %q at %q", tt.token, e, tt.reason, tt.check)
		}
	}
	if o.total != before {
		t.Errorf("%d questions, want %d", o.total, before)
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
		{"good", a.Token(spec{ClientID: "machine", Scopes: []string{"read"}}), []string{"passed   issuer", "exp is", "passed   algorithm", "ES256", "passed   requirement"}},
		{"another audience", a.Token(spec{Audience: []string{"other"}}), []string{"failed   audience      \"aud\" is [\"other\"]", "skipped  signature"}},
		{"no scope", a.Token(spec{ClientID: "machine"}), []string{"passed   signature", "passed   client ID     \"machine\"", "failed   requirement   granted no scopes"}},
	} {
		text := fmt.Sprintf("%+v", v.Explain(t.Context(), bearer(tt.token), scopes.All("read"), nil))
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
