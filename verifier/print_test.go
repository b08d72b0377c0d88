package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestPrinting compares what fmt, slog and JSON print for the types that end
// up in logs.
func TestPrinting(t *testing.T) {
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	client := verifier.Client{ID: "c", Issuer: "https://i", TokenID: "t", Scopes: scopes.Of("b", "a"), ExpiresAt: then}
	refused := &verifier.Error{Code: verifier.InsufficientScope, Reason: verifier.ScopeMissing, Err: errors.New("a cause")}
	problem := verifier.KeyProblem{KeyID: "k", Text: "too short", Compromised: true}
	for _, tt := range []struct {
		name                   string
		value                  any
		text, logText, logJSON string // by fmt, by slog's two handlers
		json                   string
	}{
		{"Client", client,
			`client "c" of "https://i"`,
			`v.client_id=c v.issuer=https://i v.token_id=t v.scopes="a b" v.expires_at=2026-01-02T03:04:05.000Z`,
			`"v":{"client_id":"c","issuer":"https://i","token_id":"t","scopes":"a b","expires_at":"2026-01-02T03:04:05Z"}`,
			`{"ID":"c","Issuer":"https://i","TokenID":"t","Scopes":"a b","ExpiresAt":"2026-01-02T03:04:05Z"}`},
		{"Decision, refused", verifier.Decision{Operation: "op", Issuer: "https://i", Client: client, Need: scopes.All("x"),
			Reason: refused.Reason, Err: refused, Cached: true, Took: time.Millisecond},
			"",
			`v.outcome=insufficient_scope v.reason=scope_missing v.cause="m2mauth: insufficient_scope: scope_missing: a cause" ` +
				`v.operation=op v.issuer=https://i v.scopes_required="all(\"x\")" v.client.client_id=c`,
			`"v":{"outcome":"insufficient_scope","reason":"scope_missing",`,
			`{"Operation":"op","Issuer":"https://i","Client":{"ID":"c",` +
				`"Issuer":"https://i","TokenID":"t","Scopes":"a b","ExpiresAt":"2026-01-02T03:04:05Z"},"Need":"all(\"x\")",` +
				`"Reason":"scope_missing","Err":"m2mauth: insufficient_scope: scope_missing: a cause","Cached":true,"Took":1000000}`},
		{"Decision, allowed", verifier.Decision{Operation: "op", Need: scopes.Public()},
			"",
			`v.outcome=allowed v.operation=op v.scopes_required=public v.cached=false v.took=0s`,
			`"v":{"outcome":"allowed","operation":"op","scopes_required":"public","cached":false,"took":0}`,
			`"Reason":"","Err":null,`},
		{"Error", refused,
			`m2mauth: insufficient_scope: scope_missing: a cause`,
			`v="m2mauth: insufficient_scope: scope_missing: a cause"`,
			`"v":"m2mauth: insufficient_scope: scope_missing: a cause"`,
			`"m2mauth: insufficient_scope: scope_missing: a cause"`},
		{"IssuerStatus", verifier.IssuerStatus{Issuer: "https://i", State: verifier.KeysStale, Confirmed: then, LastError: errors.New("no route"),
			Fetches: 3, Keys: []verifier.KeyStatus{{ID: "k1", Algorithm: "RS256"}}, Problems: []verifier.KeyProblem{problem}},
			`keys of "https://i": stale, 1 in use, confirmed 2026-01-02T03:04:05Z, problems [key "k": too short (compromised)], last error: no route`,
			`v.issuer=https://i v.state=stale v.confirmed=2026-01-02T03:04:05.000Z v.last_error="no route" v.fetches=3 ` +
				`v.keys="[\"k1\" (RS256)]" v.problems="[key \"k\": too short (compromised)]"`,
			`"last_error":"no route","fetches":3,"keys":[{"ID":"k1","Algorithm":"RS256","Thumbprint":""}],"problems":[{"KeyID":"k","Text":"too short","Compromised":true}]}`,
			`"LastError":"no route"`},
		{"IssuerStatus, cold", verifier.IssuerStatus{Issuer: "https://i", State: verifier.KeysCold},
			`keys of "https://i": cold, 0 in use`,
			`v.issuer=https://i v.state=cold v.fetches=0 v.keys=[]`,
			`"v":{"issuer":"https://i","state":"cold","fetches":0,"keys":null}`,
			`"State":"cold"`},
		{"KeyProblem", problem, `key "k": too short (compromised)`, `v="key \"k\": too short (compromised)"`,
			`"v":{"KeyID":"k","Text":"too short","Compromised":true}`, `{"KeyID":"k","Text":"too short","Compromised":true}`},
		{"KeyStatus", verifier.KeyStatus{Algorithm: "ES256"}, `"" (ES256)`, `v="\"\" (ES256)"`,
			`"v":{"ID":"","Algorithm":"ES256","Thumbprint":""}`, `{"ID":"","Algorithm":"ES256","Thumbprint":""}`},
	} {
		for _, format := range []string{"%v", "%+v", "%s"} {
			if got := fmt.Sprintf(format, tt.value); tt.text != "" && got != tt.text {
				t.Errorf("%s by %s = %s, want %s", tt.name, format, got, tt.text)
			}
		}
		var text, doc bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", tt.value)
		slog.New(slog.NewJSONHandler(&doc, nil)).Info("m", "v", tt.value)
		if !strings.Contains(text.String(), "msg=m "+tt.logText) {
			t.Errorf("%s by slog = %s, want %s", tt.name, &text, tt.logText)
		}
		if !strings.Contains(doc.String(), tt.logJSON) {
			t.Errorf("%s by slog in JSON = %s, want %s", tt.name, &doc, tt.logJSON)
		}
		if got, err := json.Marshal(tt.value); err != nil || !strings.Contains(string(got), tt.json) {
			t.Errorf("%s in JSON = %s, %v, want %s", tt.name, got, err, tt.json)
		}
	}
}

// TestPrintingShowsNoClaims: a printed Client shows neither its claims nor
// its token.
func TestPrintingShowsNoClaims(t *testing.T) {
	var told verifier.Decision
	a, v := local(t, func(c *verifier.Config) {
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { told = d }}
	})
	client, err := v.Verify(t.Context(), a.Token(claimed("secret", "c4n4ry")))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{client, &client, told, &told, []verifier.Client{client}} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", value)
		doc, err := json.Marshal(value)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&out, "%v %+v %s %s", value, value, value, doc)
		if strings.Contains(out.String(), "c4n4ry") || strings.Contains(out.String(), "payload") {
			t.Errorf("%T shows the claims: %s", value, &out)
		}
	}
}

// TestVerifierPrintsItsIssuers checks that no verb of fmt prints the
// configuration, where a JWKSURL may hold a secret.
func TestVerifierPrintsItsIssuers(t *testing.T) {
	s := newKeyServer(t, healthy)
	v := s.trust(t, func(c *verifier.Config) { c.Issuers[0].JWKSURL += "?key=secret" })
	want := fmt.Sprintf("verifier of %q", v.Issuers())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, v); got != want {
			t.Errorf("Sprintf(%q) = %s, want %s", verb, got, want)
		}
	}
}
