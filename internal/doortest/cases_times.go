package doortest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func times(f *Fixture) []Case {
	var malformed []Case
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, value := range []string{`"1"`, `true`, `null`, `-1`, `1e400`, `1e308`, `253402300800`, `-1e-300`, `{}`, `[1]`} {
			if value == "null" && name != "exp" {
				continue // as if it were absent
			}
			malformed = append(malformed, Case{Name: name + " " + value, Spec: claim(name, json.RawMessage(value))})
		}
	}
	at := func(clock time.Time) func(*verifier.Config) {
		return func(c *verifier.Config) { c.Now = func() time.Time { return clock } }
	}
	aged := func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }
	now := time.Now().Truncate(time.Second)
	until := spec{IssuedAt: now.Add(-time.Minute), ExpiresAt: now}
	return slices.Concat(
		[]Case{
			{Name: "a moment before the end of the leeway", Spec: until, Config: at(now.Add(30*time.Second - 1))},
			{Name: "nbf in the leeway", Spec: spec{IssuedAt: now.Add(-time.Minute), NotBefore: now}, Config: at(now.Add(-30 * time.Second))},
			{Name: "iat in the leeway, nbf before", Spec: spec{IssuedAt: now, NotBefore: now.Add(-time.Minute)}, Config: at(now.Add(-30 * time.Second))},
			{Name: "nbf 0.0", Spec: claim("nbf", json.RawMessage("0.0"))},
			{Name: "exp of 32 digits", Spec: claim("exp", json.RawMessage("4102444800."+strings.Repeat("0", 21)))},
		},
		invalid(verifier.ClaimMalformed, malformed...),
		invalid(verifier.ClaimMalformed,
			Case{Name: "exp of 33 digits", Spec: claim("exp", json.RawMessage("4102444800."+strings.Repeat("0", 22)))},
			Case{Name: "exp of 5,000 digits", Spec: claim("exp", json.RawMessage(strings.Repeat("1", 5000)))},
			Case{Name: "exp missing", Spec: claim("exp", m2mtest.Absent)},
			Case{Name: "iat missing under MaxTokenAge", Spec: claim("iat", m2mtest.Absent), Issuer: aged},
		),
		invalid(verifier.Expired,
			Case{Name: "expired", Spec: spec{ExpiresAt: now.Add(-31 * time.Second)}},
			Case{Name: "the end of the leeway", Spec: until, Config: at(now.Add(30 * time.Second))},
			Case{Name: "expired a year ago", Spec: spec{IssuedAt: now.AddDate(-1, 0, -1), ExpiresAt: now.AddDate(-1, 0, 0)}},
			// Two things are wrong with it, and neither hides the other.
			Case{Name: "expired, and of another key", Spec: spec{Key: f.Foreign, Header: map[string]any{"kid": f.Keys()[0]}, ExpiresAt: now.Add(-time.Hour)}},
			Case{Name: "expired, and nobody's key", Spec: spec{Key: f.Foreign, ExpiresAt: now.Add(-time.Hour)}},
			Case{Name: "expired, a fraction", Spec: claim("exp", float64(now.Unix()-60)+0.5)},
			Case{Name: "exp 0", Spec: claim("exp", 0)},
			Case{Name: "expired, without leeway", Spec: spec{ExpiresAt: now.Add(-time.Second)},
				Config: func(c *verifier.Config) { c.Leeway = -1 }},
		),
		invalid(verifier.TooOld,
			Case{Name: "older than MaxTokenAge", Issuer: aged, Spec: spec{IssuedAt: now.Add(-2 * time.Minute)}},
		),
		invalid(verifier.NotYetValid,
			Case{Name: "nbf in an hour, and of another key", Spec: spec{Key: f.Foreign, Header: map[string]any{"kid": f.Keys()[0]}, NotBefore: now.Add(time.Hour)}},
			Case{Name: "a moment before the leeway of nbf", Spec: spec{IssuedAt: now.Add(-time.Minute), NotBefore: now}, Config: at(now.Add(-30*time.Second - 1))},
			Case{Name: "nbf in an hour", Spec: spec{NotBefore: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour)}},
		),
		invalid(verifier.IssuedInFuture,
			Case{Name: "a moment before the leeway of iat", Spec: spec{IssuedAt: now, NotBefore: now.Add(-time.Minute)}, Config: at(now.Add(-30*time.Second - 1))},
			Case{Name: "iat in an hour", Spec: spec{Claims: map[string]any{"iat": now.Add(time.Hour).Unix()}}},
		),
	)
}
