package doortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/verifier"
)

// revoked are the rows with Config.Revocations: tokens that are shut out at first
// sight, and once they are remembered.
func revoked(t *testing.T, f *Fixture) []Case {
	issued := time.Now().Add(-time.Minute).Truncate(time.Second)
	token := spec{IssuedAt: issued, ClientID: "m2m-client-cut", Claims: map[string]any{"jti": "cut"}, Key: f.Weak}
	name := f.Base().Name
	cut := func(s revocation.Selector, after time.Duration) revocation.Cutoff {
		return revocation.Cutoff{Issuer: name, Select: s, IssuedUpTo: issued.Add(after), Note: "a secret leaked"}
	}
	list := func(cfg revocation.Config, cutoffs ...revocation.Cutoff) *revocation.List {
		l, err := revocation.New(cfg)
		if err == nil {
			err = l.Add(cutoffs...)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	with := func(l *revocation.List) func(*verifier.Config) { return func(c *verifier.Config) { c.Revocations = l } }
	first := func(name string, cutoffs ...revocation.Cutoff) Case {
		return Case{Name: "cut off: " + name, Spec: token, Config: with(list(revocation.Config{}, cutoffs...))}
	}
	later := func(name string, c revocation.Cutoff) Case {
		l := list(revocation.Config{})
		return Case{Name: "cut off once remembered: " + name, Spec: token, Config: with(l), LaterCode: verifier.InvalidToken, LaterReason: verifier.Revoked,
			Then: func(t *testing.T, _ *verifier.Verifier) {
				if err := l.Add(c); err != nil {
					t.Fatal(err)
				}
			}}
	}
	selected := map[string]revocation.Cutoff{
		"client":     cut(revocation.Client("m2m-client-cut"), 0),
		"token":      cut(revocation.Token("cut"), 0),
		"key":        cut(revocation.Key(f.Weak.Thumbprint()), 0),
		"everything": cut(revocation.Everything(), 0),
	}
	var rows []Case
	for name, c := range selected {
		rows = append(rows, later(name, c))
		rows = append(rows, invalid(verifier.Revoked, first(name, c))...)
	}
	alias := cut(revocation.Everything(), 0)
	alias.Issuer = "https://alias.example.com"
	byAlias := first("by an alias of the issuer", alias)
	byAlias.Issuer = func(i *verifier.Issuer) { i.Aliases = []string{alias.Issuer} }
	noDate := first("a token without iat", cut(revocation.Client("m2m-client-cut"), -time.Hour))
	noDate.Spec.Claims = map[string]any{"iat": m2mtest.Absent}
	checked := first("before Check is called", selected["client"])
	checked.Config = func(c *verifier.Config) {
		c.Revocations = list(revocation.Config{}, selected["client"])
		c.Check = func(context.Context, verifier.Client, verifier.Request) error { return errors.New("a bug") }
	}
	ends := list(revocation.Config{})
	long := first("nothing, but the token lives longer than a cut-off")
	long.Spec = spec{IssuedAt: issued, ExpiresAt: issued.Add(25 * time.Hour)}
	return slices.Concat(rows,
		[]Case{
			first("nothing"),
			first("what was issued before the token", cut(revocation.Client("m2m-client-cut"), -time.Second), cut(revocation.Everything(), -time.Second)),
			first("another client, token and key", cut(revocation.Client("m2m-client-other"), 0), cut(revocation.Token("m2m-client-cut"), 0),
				cut(revocation.Key(f.Mine.Thumbprint()), 0)),
		},
		invalid(verifier.Revoked, byAlias, noDate, checked),
		invalid(verifier.TooLongLived, long),
		[]Case{{
			Name: "cut off: the list is closed", Spec: token, Config: with(ends), LaterCode: verifier.Unavailable, LaterReason: verifier.RevocationsUnavailable,
			Then: func(*testing.T, *verifier.Verifier) { ends.Close() },
		}},
	)
}
