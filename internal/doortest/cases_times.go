package doortest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func times() []Case {
	at := func(clock time.Time) func(*verifier.Config) {
		return func(c *verifier.Config) { c.Now = func() time.Time { return clock } }
	}
	aged := func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }
	lived := func(i *verifier.Issuer) { i.MaxTokenLife = time.Hour }
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
		[]Case{
			{Name: "MaxTokenLife", Issuer: lived, Spec: spec{IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(59 * time.Minute)}},
			{Name: "MaxTokenLife, iat missing, in the leeway", Issuer: lived, Config: at(now),
				Spec: spec{ExpiresAt: now.Add(time.Hour + 30*time.Second), Claims: map[string]any{"iat": m2mtest.Absent}}},
		},
		invalid(verifier.TooLongLived,
			Case{Name: "longer than MaxTokenLife", Issuer: lived, Spec: spec{IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(59*time.Minute + time.Second)}},
			Case{Name: "longer than MaxTokenLife, nearly expired", Issuer: lived, Spec: spec{IssuedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(time.Minute)}},
			Case{Name: "longer than MaxTokenLife, iat missing", Issuer: lived, Config: at(now),
				Spec: spec{ExpiresAt: now.Add(time.Hour + 31*time.Second), Claims: map[string]any{"iat": m2mtest.Absent}}},
		),
		invalid(verifier.ClaimMalformed,
			Case{Name: "iat missing under MaxTokenAge", Spec: claim("iat", m2mtest.Absent), Issuer: aged},
		),
		invalid(verifier.Expired,
			Case{Name: "expired", Spec: spec{ExpiresAt: now.Add(-31 * time.Second)}},
			Case{Name: "the end of the leeway", Spec: until, Config: at(now.Add(30 * time.Second))},
			Case{Name: "expired, without leeway", Spec: spec{ExpiresAt: now.Add(-time.Second)},
				Config: func(c *verifier.Config) { c.Leeway = -1 }},
		),
		invalid(verifier.TooOld,
			Case{Name: "older than MaxTokenAge", Issuer: aged, Spec: spec{IssuedAt: now.Add(-2 * time.Minute)}},
		),
		invalid(verifier.NotYetValid,
			Case{Name: "a moment before the leeway of nbf", Spec: spec{IssuedAt: now.Add(-time.Minute), NotBefore: now}, Config: at(now.Add(-30*time.Second - 1))},
		),
		invalid(verifier.IssuedInFuture,
			Case{Name: "a moment before the leeway of iat", Spec: spec{IssuedAt: now, NotBefore: now.Add(-time.Minute)}, Config: at(now.Add(-30*time.Second - 1))},
		),
	)
}
