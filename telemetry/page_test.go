package telemetry_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

func operations(named map[string]scopes.Requirement) []iter.Seq2[string, scopes.Requirement] {
	return []iter.Seq2[string, scopes.Requirement]{func(yield func(string, scopes.Requirement) bool) {
		for name, need := range named {
			if !yield(name, need) {
				return
			}
		}
	}}
}

// TestPageStyle: the policy names the hash of the style that is in the page.
func TestPageStyle(t *testing.T) {
	w := get(statusOf(t, telemetry.StatusConfig{}), localRequest("GET", "/"))
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	hash := sha256.Sum256([]byte(style))
	want := "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
		t.Errorf("Content-Security-Policy = %q, want %s", policy, want)
	}
}

var (
	element = regexp.MustCompile(`(?i)<(script|img|iframe|form|object|embed|link|base)[\s>]`)
	handles = regexp.MustCompile(`(?i)<[^>]*\s(on[a-z]+|style)=`)
	links   = regexp.MustCompile(`href="([^"]*)"`)
)

// TestPageHostileText: text that others wrote is text. It makes no element, no link
// and no invisible character.
func TestPageHostileText(t *testing.T) {
	const hostile = `<script>alert(1)</script><a href="https://evil.example">x</a>` + "\u202e\u200b\n\x1b[31m"
	recent := new(telemetry.Recent)
	recent.Observe(context.Background(), verifier.Decision{
		Operation: hostile, Issuer: hostile, Reason: verifier.Reason(hostile),
		Client: verifier.Client{ID: hostile, KeyID: hostile},
		Err:    &verifier.Error{Code: verifier.InvalidToken, Reason: verifier.Reason(hostile), Err: errors.New(hostile + ", want " + hostile)},
	})
	h := statusOf(t, telemetry.StatusConfig{
		Service: hostile, Recent: recent,
		Operations: operations(map[string]scopes.Requirement{hostile: scopes.Public(), "https://evil.example/": {}}),
	})
	for _, r := range []string{"/", "/?operations=" + "%3Cscript%3E", "/?issuers=9999999999999999999999"} {
		body := get(h, localRequest("GET", r)).Body.String()
		if m := element.FindString(body); m != "" {
			t.Errorf("GET %s has the element %s", r, m)
		}
		if m := handles.FindString(body); m != "" {
			t.Errorf("GET %s has the attribute %s", r, m)
		}
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(m[1], "?") {
				t.Errorf("GET %s links to %q, want links to itself alone", r, m[1])
			}
		}
		if i := strings.IndexFunc(html.UnescapeString(body), func(c rune) bool { return c == 0x202e || c == 0x200b || c == 0x1b }); i >= 0 {
			t.Errorf("GET %s has an invisible character at %d", r, i)
		}
		if !strings.Contains(html.UnescapeString(body), `<script>alert(1)</script>`) {
			t.Errorf("GET %s does not show the hostile text", r)
		}
	}
}

// TestPageIsBounded: many issuers and operations are shown by the page.
func TestPageIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg verifier.Config
		for i := range 500 {
			cfg.Issuers = append(cfg.Issuers, verifier.Issuer{
				Name: fmt.Sprintf("https://tenant-%03d.example", i), Audiences: []string{"a"}, ClientIDClaims: []string{"client_id"}, Optional: true,
				FetchJWKS: func(context.Context) ([]byte, error) { return nil, errors.New("down") },
			})
		}
		_, v := m2mtest.Trust(t, &cfg)
		time.Sleep(time.Minute)
		named := make(map[string]scopes.Requirement)
		for i := range 6000 {
			named[fmt.Sprintf("GET /%04d/%s", i, strings.Repeat("x", 2000))] = scopes.All("read")
		}
		h := statusOf(t, telemetry.StatusConfig{Verifier: v, Operations: operations(named)})
		body := get(h, localRequest("GET", "/")).Body.String()
		if len(body) > 300_000 {
			t.Errorf("the page has %d bytes, want at most 300,000", len(body))
		}
		for _, want := range []string{"page 1 of 26", "page 1 of 100", "501 issuers", "6,000 operations", "and 480 more problems", `href="?issuers=2#keys"`} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		last := get(h, localRequest("GET", "/?issuers=26&operations=7")).Body.String()
		for _, want := range []string{"page 26 of 26", "page 7 of 100", `href="?issuers=25&amp;operations=7#keys"`, `href="?issuers=26&amp;operations=8#policy"`} {
			if !strings.Contains(last, want) {
				t.Errorf("the last page lacks %q", want)
			}
		}
		r := reportOf(t, h)
		if len(r.Issuers) != 501 || len(r.Operations) != 5000 || r.OperationsTotal != 6000 || len(r.Problems) != 21 {
			t.Errorf("the report has %d issuers, %d of %d operations, %d problems; want 501, 5000 of 6000, 21",
				len(r.Issuers), len(r.Operations), r.OperationsTotal, len(r.Problems))
		}
	})
}

// reportOf returns the page's JSON.
func reportOf(t *testing.T, h http.Handler) (report telemetry.Report) {
	t.Helper()
	r := localRequest("GET", "/")
	r.Header.Set("Accept", "application/json")
	w := get(h, r)
	decoder := json.NewDecoder(w.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&report); err != nil {
		t.Fatalf("the report: %v", err)
	}
	return report
}

// TestReport: what a service did is in the report.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recent := new(telemetry.Recent)
		a, v := m2mtest.Trust(t, &verifier.Config{Observe: []func(context.Context, verifier.Decision){recent.Observe}})
		list, err := revocation.New(revocation.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer list.Close()
		h := statusOf(t, telemetry.StatusConfig{
			Verifier: v, Service: "orders", Recent: recent, Revocations: list,
			Operations: operations(map[string]scopes.Requirement{"GET /orders": scopes.All("read:orders"), "GET /healthz": scopes.Public()}),
		})
		token := a.Token(m2mtest.TokenSpec{Scopes: []string{"read:orders"}})
		for range 3 {
			_, err := v.Authorize(context.Background(), verifier.Request{Operation: "GET /orders", Authorization: []string{"Bearer " + token}}, scopes.All("read:orders"))
			if err != nil {
				t.Fatal(err)
			}
		}
		v.Authorize(context.Background(), verifier.Request{Operation: "POST /orders", Authorization: []string{"Bearer " + token}}, scopes.All("write:orders"))

		r := reportOf(t, h)
		if r.Version != telemetry.ReportVersion || r.Service != "orders" || r.State != telemetry.Well || r.Verdict != "All is well: the keys of 1 issuer are fresh." {
			t.Errorf("the report begins %d %q %q %q", r.Version, r.Service, r.State, r.Verdict)
		}
		if i := r.Issuers[0]; i.State != "fresh" || i.Allowed != 3 || i.Refused != 1 || len(i.Keys) != 1 || i.Keys[0].Algorithm != "ES256" || len(i.Keys[0].Thumbprint) != 43 {
			t.Errorf("Issuers[0] = %+v, want fresh, 3 allowed, 1 refused, one key", i)
		}
		counts := make(map[string]uint64)
		for _, d := range r.Decisions {
			counts[fmt.Sprint(d.Outcome, " ", d.Reason, " ", d.Remembered)] = d.Count
		}
		if counts["allowed  false"] != 1 || counts["allowed  true"] != 2 || counts["insufficient_scope scope_missing true"] != 1 {
			t.Errorf("Decisions = %v, want 1 allowed, 2 of them remembered, 1 refused", counts)
		}
		if m := r.Minutes[59]; m.Allowed != 3 || m.Refused != 1 {
			t.Errorf("Minutes[59] = %+v, want 3 allowed, 1 refused", m)
		}
		if l := r.Refusals[0].Latest[0]; l.Operation != "POST /orders" || l.Found != `granted "read:orders"` || l.Expected != `all("write:orders")` {
			t.Errorf("Refusals[0].Latest[0] = %+v, want the refused call", l)
		}
		if r.Revocations == nil || r.Revocations.State != telemetry.Well || r.Revocations.Shared {
			t.Errorf("Revocations = %+v, want a list in memory", r.Revocations)
		}
		if r.OperationsTotal != 2 || len(r.OperationsDigest) != 16 {
			t.Errorf("%d operations with the digest %q, want 2", r.OperationsTotal, r.OperationsDigest)
		}
	})
}

// TestVerdict: the worst problem comes first, and an optional issuer is none that
// fails calls.
func TestVerdict(t *testing.T) {
	down := func(name string, optional bool) verifier.Issuer {
		return verifier.Issuer{
			Name: name, Audiences: []string{"a"}, ClientIDClaims: []string{"client_id"}, Optional: optional,
			FetchJWKS: func(context.Context) ([]byte, error) { return nil, errors.New("no route to host") },
		}
	}
	never := func(context.Context, func(revocation.Update) error) error { return errors.New("redis is down") }
	for _, test := range []struct {
		name    string
		issuers []verifier.Issuer
		follow  func(context.Context, func(revocation.Update) error) error // of a list; nil for none
		named   map[string]scopes.Requirement
		observe []verifier.Decision
		outage  bool // of the authority that was up
		state   telemetry.State
		verdict string
	}{
		{name: "well", state: telemetry.Well, verdict: "All is well: the keys of 1 issuer are fresh."},
		{name: "an issuer that is down", issuers: []verifier.Issuer{down("https://a", false)}, state: telemetry.Failing,
			verdict: "Calls are refused that should not be: the keys of https://a."},
		{name: "an optional issuer that is down", issuers: []verifier.Issuer{down("https://a", true)}, state: telemetry.Degraded,
			verdict: "It works, and something needs attention: the keys of https://a."},
		{name: "stale keys", outage: true, state: telemetry.Degraded, verdict: "It works, and something needs attention: the keys of stytch.com/"},
		{name: "a misspelt method", named: map[string]scopes.Requirement{"/a.B/Lst": {}}, state: telemetry.Degraded,
			verdict: "It works, and something needs attention: the policy."},
		{name: "Check fails", observe: []verifier.Decision{refused(verifier.Unavailable, verifier.CheckFailed, nil)}, state: telemetry.Failing,
			verdict: "Calls are refused that should not be: check_failed."},
		{name: "a refusal by others", observe: []verifier.Decision{refused(verifier.InvalidToken, verifier.Expired, nil)}, state: telemetry.Well,
			verdict: "All is well: the keys of 1 issuer are fresh."},
		{name: "a list that was never loaded", follow: never, state: telemetry.Failing,
			verdict: "Calls are refused that should not be: the list of revoked tokens."},
		{name: "several", issuers: []verifier.Issuer{down("https://a", true), down("https://b", false)}, state: telemetry.Failing,
			verdict: "Calls are refused that should not be: the keys of https://b and 1 more problem."},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				recent := new(telemetry.Recent)
				a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
				defer a.Close()
				v, err := verifier.New(verifier.Config{Issuers: append([]verifier.Issuer{a.Issuer()}, test.issuers...)})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				time.Sleep(time.Second)
				c := telemetry.StatusConfig{Verifier: v, Recent: recent, Operations: operations(test.named)}
				if test.follow != nil {
					list, err := revocation.New(revocation.Config{Source: source(test.follow)})
					if err != nil {
						t.Fatal(err)
					}
					defer list.Close()
					c.Revocations = list
				}
				if test.outage {
					a.Fail(m2mtest.Outage{})
				}
				time.Sleep(10 * time.Minute)
				for _, d := range test.observe {
					recent.Observe(context.Background(), d)
				}
				r := reportOf(t, statusOf(t, c))
				if r.State != test.state || !strings.HasPrefix(r.Verdict, test.verdict) {
					t.Errorf("the report says %q %q, want %q %q", r.State, r.Verdict, test.state, test.verdict)
				}
				if (len(r.Problems) > 0) != (r.State != telemetry.Well) {
					t.Errorf("State = %q with %d problems", r.State, len(r.Problems))
				}
			})
		})
	}
}

type source func(context.Context, func(revocation.Update) error) error

func (s source) Follow(ctx context.Context, apply func(revocation.Update) error) error {
	return s(ctx, apply)
}
