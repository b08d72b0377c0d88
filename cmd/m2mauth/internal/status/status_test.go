package status

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/telemetry"
	"github.com/m2mauth/m2mauth/verifier"
)

// page serves the status page of a Verifier that trusts a, which has the operation
// "GET /reports" with the scope need and has refused one expired token.
func page(t *testing.T, a *m2mtest.Authority, need string, list *revocation.List) string {
	t.Helper()
	recent := new(telemetry.Recent)
	v, err := verifier.New(verifier.Config{
		Issuers:     []verifier.Issuer{a.Issuer()},
		Revocations: list,
		Observe:     []func(context.Context, verifier.Decision){recent.Observe},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	for _, spec := range []m2mtest.TokenSpec{{Scopes: []string{need}}, {ExpiresAt: time.Now().Add(-time.Hour)}} {
		request := verifier.Request{Authorization: []string{"Bearer " + a.Token(spec)}}
		_, _ = v.Authorize(t.Context(), request, scopes.All(need))
	}
	operations := func(yield func(string, scopes.Requirement) bool) { yield("GET /reports", scopes.All(need)) }
	h, err := telemetry.Status(telemetry.StatusConfig{
		Verifier: v, Service: "billing", Recent: recent, Revocations: list,
		Operations: []iter.Seq2[string, scopes.Requirement]{operations},
	})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func authority(t *testing.T) *m2mtest.Authority {
	t.Helper()
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, ProjectID: "project-test-1"})
	t.Cleanup(a.Close)
	return a
}

// command runs the command.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// row returns the line of out that begins with the host of a URL.
func row(out, url string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, strings.TrimPrefix(url, "http://")+" ") {
			return line
		}
	}
	return ""
}

func TestAlike(t *testing.T) {
	a := authority(t)
	one, two := page(t, a, "reports:read", nil), page(t, a, "reports:read", nil)
	status, out, stderr := command(t, one, two)
	if status != 0 || stderr != "" || strings.Contains(out, "*") {
		t.Errorf("Run(two that are alike) = %d, error %q, want 0 and no mark\n%s", status, stderr, out)
	}
	for _, want := range []string{"billing: 2 of 2 replicas answer", "REPLICA", "refused in the last hour: expired 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	if fields := strings.Fields(row(out, one)); len(fields) != 9 || fields[1] != "well" || strings.Join(fields[5:], " ") != "none 1 1 0" {
		t.Errorf("row = %q, want the state, one call allowed, one refused and none undecided", fields)
	}
}

// TestDiffers: of three replicas the one that differs is marked, of two both.
func TestDiffers(t *testing.T) {
	a := authority(t)
	one, two := page(t, a, "reports:read", nil), page(t, a, "reports:read", nil)
	policy := page(t, a, "reports:write", nil)
	keys := page(t, authority(t), "reports:read", nil)
	list, err := revocation.New(revocation.Config{MaxTokenLife: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { list.Close() })
	view := page(t, a, "reports:read", list)
	for _, tt := range []struct {
		name   string
		urls   []string
		marked map[string]string // by URL
	}{
		{"the policy of one", []string{one, policy, two}, map[string]string{policy: "policy"}},
		{"the keys of one", []string{keys, one, two}, map[string]string{keys: "keys"}},
		{"the list of one", []string{one, two, view}, map[string]string{view: "revocations"}},
		{"one of two", []string{one, policy}, map[string]string{one: "policy", policy: "policy"}},
		{"two things", []string{one, policy, keys, two}, map[string]string{policy: "policy", keys: "keys"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, _ := command(t, append([]string{"-json"}, tt.urls...)...)
			var s snapshot
			if err := json.Unmarshal([]byte(out), &s); err != nil {
				t.Fatal(err)
			}
			if status != 1 || s.Alike || s.Well {
				t.Errorf("Run() = %d, alike %v, well %v, want 1, false, false", status, s.Alike, s.Well)
			}
			for _, r := range s.Replicas {
				if got := strings.Join(r.Differs, " "); got != tt.marked[r.URL] {
					t.Errorf("%s differs in %q, want %q", r.URL, got, tt.marked[r.URL])
				}
			}
			_, out, _ = command(t, tt.urls...)
			for _, u := range tt.urls {
				if got, want := strings.Contains(row(out, u), "*"), tt.marked[u] != ""; got != want {
					t.Errorf("the row of %s is marked: %v, want %v\n%s", u, got, want, out)
				}
			}
		})
	}
}

// TestNoAnswer: a replica that does not answer is a row with the reason, and the status
// is 1, although the other is well.
func TestNoAnswer(t *testing.T) {
	good := page(t, authority(t), "reports:read", nil)
	respond := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", good)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, tt := range []struct {
		name string
		url  string
		want string
	}{
		{"nobody listens", closed.URL, "refused"},
		{"it hangs", serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })), "no answer after 300ms"},
		{"a redirect", serve(t, respond(302, "text/plain", "")), "a redirect, which is not followed"},
		{"another machine's", serve(t, respond(421, "text/plain", "")), "StatusConfig.Hosts"},
		{"a guard", serve(t, respond(401, "text/plain", "")), "a guard before it"},
		{"an error", serve(t, respond(500, "text/plain", "\x1b[2J")), "status 500"},
		{"a page for people", serve(t, respond(200, "text/html", "<p>")), "not JSON"},
		{"other JSON", serve(t, respond(200, "application/json", `{"status":"ok"}`)), "no report"},
		{"no JSON", serve(t, respond(200, "application/json", "\x1b[2J")), "no report"},
		{"another version", serve(t, respond(200, "application/json", `{"version":2}`)), "version 2"},
		{"an unknown state", serve(t, respond(200, "application/json", `{"version":1,"state":"fine"}`)), "a state"},
		{"without end", serve(t, respond(200, "application/json", strings.Repeat(" ", maxReport+1))), "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, _ := command(t, "-timeout", "300ms", tt.url, good)
			if line := row(out, tt.url); status != 1 || !strings.Contains(line, "no answer: ") || !strings.Contains(line, tt.want) {
				t.Errorf("Run(%s) = %d, row %q, want 1 and %q", tt.name, status, line, tt.want)
			}
			if !strings.Contains(row(out, good), "well") || strings.Contains(out, "\x1b") {
				t.Errorf("the other row is missing, or the terminal is not safe: %q", out)
			}
		})
	}
}

// TestHostile: text of a page that lies moves no cursor, reverses no line and adds none.
func TestHostile(t *testing.T) {
	const evil = "\x1b[2J\u202egnorw\u202c\n\u0085\x7f\U000e0001 well"
	report := telemetry.Report{
		Version: 1, State: telemetry.Failing, Service: evil, OperationsDigest: evil,
		Issuers:     []telemetry.IssuerReport{{Issuer: evil, Keys: []telemetry.Key{{ID: evil, Thumbprint: evil}}}},
		Refusals:    []telemetry.Refusals{{Reason: evil, Hour: 1}},
		Revocations: &telemetry.RevocationsReport{Shared: true, Position: evil, Age: -1, Confirmed: time.Now()},
		Decisions:   []telemetry.Decisions{{Outcome: evil, Count: 1}},
	}
	for range 100 {
		report.Problems = append(report.Problems, telemetry.Problem{State: evil, Subject: evil, Text: strings.Repeat(evil, 100), Hint: evil})
	}
	u := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report)
	}))
	for _, form := range []string{"-json=false", "-json"} {
		status, out, _ := command(t, form, u)
		if status != 1 {
			t.Errorf("Run(%s) = %d, want 1", form, status)
		}
		for _, c := range out {
			if c != '\n' && (c < ' ' || c > '~') {
				t.Fatalf("Run(%s) wrote %q:\n%q", form, c, out)
			}
		}
		if n := strings.Count(out, "\n"); n > 15 {
			t.Errorf("Run(%s) wrote %d lines, want few", form, n)
		}
	}
}

// TestWatch: -watch draws until it is interrupted, and clears the terminal alone.
func TestWatch(t *testing.T) {
	u := page(t, authority(t), "reports:read", nil)
	for _, tt := range []struct {
		name   string
		clear  bool
		json   bool
		clears int
		lines  int // of JSON
	}{
		{"terminal", true, false, 3, 0},
		{"file", false, false, 0, 0},
		{"JSON", false, true, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parse([]string{"-watch", u})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			drawn := 0
			tick := func() <-chan time.Time {
				c := make(chan time.Time, 1)
				if drawn++; drawn == 3 {
					cancel()
				} else {
					c <- time.Time{}
				}
				return c
			}
			var out bytes.Buffer
			status := o.run(ctx, &display{out: &out, json: tt.json, clear: tt.clear}, io.Discard, tick)
			if status != 0 || drawn != 3 {
				t.Errorf("run() = %d after %d tables, want 0 after 3", status, drawn)
			}
			if got := strings.Count(out.String(), "\x1b[H\x1b[2J"); got != tt.clears {
				t.Errorf("run() cleared %d times, want %d", got, tt.clears)
			}
			if got := strings.Count(out.String(), "REPLICA"); !tt.json && got != 3 {
				t.Errorf("run() drew %d tables, want 3", got)
			}
			if got := strings.Count(out.String(), "\n"); tt.json && got != tt.lines {
				t.Errorf("run() wrote %d lines, want %d", got, tt.lines)
			}
		})
	}
}

// TestUsage: mistakes in the arguments give status 2, and no credentials are repeated.
func TestUsage(t *testing.T) {
	many := []string{}
	for range maxReplicas + 1 {
		many = append(many, "http://localhost")
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"help", []string{"-help"}, "usage:"},
		{"no URL", nil, "there is no URL"},
		{"an unknown flag", []string{"-follow"}, "a flag is unknown"},
		{"a flag after a URL", []string{"http://localhost", "-watch"}, "write it before the URLs"},
		{"no scheme", []string{"localhost:9464"}, "is no URL"},
		{"another scheme", []string{"file:///etc/passwd"}, "is no URL"},
		{"credentials", []string{"http://worker:correcthorse@localhost"}, "holds credentials"},
		{"a query", []string{"http://localhost?key=correcthorse"}, "holds a query"},
		{"twice", []string{"http://localhost", "http://localhost"}, "is there twice"},
		{"too many", many, "want at most 100"},
		{"timeout", []string{"-timeout", "0s", "http://localhost"}, "-timeout"},
		{"every", []string{"-every", "1ms", "http://localhost"}, "-every"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, stderr := command(t, tt.args...)
			if status != 2 || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("Run(%q) = %d, output %q, error %q, want 2 and %q", tt.args, status, out, stderr, tt.want)
			}
			if strings.Contains(stderr, "correcthorse") {
				t.Errorf("the error %q repeats a secret", stderr)
			}
		})
	}
	t.Run("output that fails", func(t *testing.T) {
		var errs bytes.Buffer
		if status := Run(t.Context(), []string{page(t, authority(t), "a", nil)}, broken{}, &errs); status != 1 {
			t.Errorf("Run() = %d, want 1", status)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
