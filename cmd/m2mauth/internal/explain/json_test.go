package explain

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestJSON checks that the JSON report has the same content and a fixed form.
func TestJSON(t *testing.T) {
	w := newWorld(t)
	for _, tt := range explainedTokens() {
		t.Run(tt.name, func(t *testing.T) {
			token := tt.input
			if token == "" {
				token = w.mint(tt.spec)
			}
			status, out, _ := explain(t, token, w.flags(append(tt.flags, "-json")...)...)
			if tt.input == "" {
				assertSecret(t, out, signature(token))
			} else {
				assertSecret(t, out, token)
			}
			var got jsonReport
			d := json.NewDecoder(strings.NewReader(out))
			d.DisallowUnknownFields()
			if err := d.Decode(&got); err != nil {
				t.Fatal(err)
			}
			verdict := map[int]string{0: "accepted", 1: "refused", 3: "unknown"}[tt.status]
			if status != tt.status || got.Verdict != verdict || got.Reason != tt.reason || got.Code == "" && tt.status != 0 {
				t.Fatalf("status %d, want %d, %s and %q; %s", status, tt.status, verdict, tt.reason, out)
			}
			// Passed or skipped ones, at most one other, then skipped ones.
			at := ""
			for _, c := range got.Checks {
				switch {
				case c.Result == "failed" && tt.status == 1, c.Result == "unknown" && tt.status == 3:
					at += c.Check
				case at != "" && (c.Result != "skipped" || c.Detail != ""):
					t.Errorf("%+v after %s, want it skipped", c, at)
				case c.Result == "skipped" && at == "" && c.Detail == "":
					t.Errorf("%+v is skipped for no reason", c)
				case c.Result != "passed" && c.Result != "skipped":
					t.Errorf("%+v, want a result that fits %s", c, verdict)
				}
			}
			if at != tt.at {
				t.Errorf("failed at %q, want %q", at, tt.at)
			}
			if tt.status == 0 && (got.Client == nil || got.Client.ID != "worker-7" || got.Client.Issuer != issuerName) {
				t.Errorf("client %+v", got.Client)
			}
		})
	}
}
