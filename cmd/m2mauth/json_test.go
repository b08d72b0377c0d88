package main

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
			if status != tt.status || got.Verdict != verdict || got.Reason != tt.reason || len(got.Checks) != int(checkEnd) {
				t.Fatalf("status %d; %s", status, out)
			}
			// Passed ones, at most one other, then those not reached.
			want := "passed"
			for _, c := range got.Checks {
				if c.Check == tt.at {
					if tt.status == 3 && c.Result != "unknown" || tt.status == 1 && c.Result != "failed" {
						t.Errorf("%s: %s", c.Check, c.Result)
					}
					want = "not_reached"
					continue
				}
				if c.Result != want || (c.Result == "passed") != (c.Found != "" && c.Want != "") {
					t.Errorf("%+v, want %s", c, want)
				}
			}
			if tt.status == 0 && (got.Client == nil || got.Client.ID != "worker-7" || got.Client.Issuer != issuerName) {
				t.Errorf("client %+v", got.Client)
			}
		})
	}
}
