package promm2m_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
)

const docs = "../../docs/"

// TestAlerts: the alert rules fire when they should, by Prometheus's own engine.
func TestAlerts(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{
		{"check", "rules", docs + "alerts.yaml"},
		{"test", "rules", docs + "alerts_test.yaml"},
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	rules, tests := read(t, "alerts.yaml"), read(t, "alerts_test.yaml")
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		for _, sign := range []string{"exp_alerts: []", "exp_alerts:\n"} {
			tested := regexp.MustCompile(`alertname: ` + m[1] + `\b,?\s+` + regexp.QuoteMeta(sign))
			if !tested.MatchString(tests) && (sign != "exp_alerts: []" || !strings.Contains(tests, m[1]+", "+sign)) {
				t.Errorf("alerts_test.yaml has no case with %q for %s", sign, m[1])
			}
		}
	}
}

// TestQueries: the alerts, the dashboard and the document name only metrics and labels
// that a scrape has, and the expressions of the dashboard are valid.
func TestQueries(t *testing.T) {
	w := newWorld(t)
	_, _ = w.verifier.Authorize(t.Context(), w.request(m2mtest.TokenSpec{}), scopes.All("a"))
	known := make(map[string]bool)
	for _, m := range word.FindAllString(string(w.scrape(t)), -1) {
		known[m] = true
	}
	for _, file := range []string{"alerts.yaml", "alerts_test.yaml", "grafana.json", "metrics.md"} {
		found := word.FindAllString(read(t, file), -1)
		if len(found) < 10 {
			t.Errorf("%s names %d metrics: were they found?", file, len(found))
		}
		for _, name := range found {
			if !known[name] {
				t.Errorf("%s names %s, which no scrape has", file, name)
			}
		}
	}

	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	tool := promtool(t)
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("the panel %q has no query", p.Title)
		}
		for _, q := range p.Targets {
			text, err := json.Marshal(strings.ReplaceAll(q.Expr, "$__rate_interval", "5m"))
			if err != nil {
				t.Fatal(err)
			}
			rules += "  - record: panel\n    expr: " + string(text) + "\n    labels: {n: \"" + string(rune('a'+strings.Count(rules, "record"))) + "\"}\n"
		}
	}
	file := t.TempDir() + "/rules.yaml"
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules, of the dashboard: %v\n%s", err, out)
	}
}

// word matches the names of metrics and labels of this package.
var word = regexp.MustCompile(`\bm2mauth_[a-z0-9_]+`)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(docs + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
