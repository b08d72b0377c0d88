package doortest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// opaqueToken has dots, as a token of Ory Hydra, and is no JWT.
const opaqueToken = "ory_at_JsWzx3lTBpGmK0c7R2uNfA9qEwYd8h.4iVbXtOe6LkZ1sPyHr5DgMjQnUaFvCo"

// introspected are the rows with opaque tokens (RFC 7662), and with an issuer that is
// asked about them beside one that has keys.
func introspected(t *testing.T, f *Fixture) []Case {
	const name = "https://opaque.example.com"
	issued := time.Now().Add(-time.Minute).Truncate(time.Second)
	answer := func(more map[string]any) map[string]any {
		a := map[string]any{"active": true, "aud": f.ProjectID(), "client_id": "m2m-client-o", "sub": "m2m-client-o", "scope": "read",
			"iss": name, "token_type": "Bearer", "jti": "o", "iat": issued.Unix(), "exp": issued.Add(time.Hour).Unix()}
		maps.Copy(a, more)
		maps.DeleteFunc(a, func(_ string, v any) bool { return v == m2mtest.Absent })
		return a
	}
	asks := func(ask func(context.Context, string) ([]byte, error)) func(*verifier.Issuer) {
		return func(i *verifier.Issuer) {
			i.Name, i.Audiences, i.Introspect = name, []string{f.ProjectID()}, ask
			i.FetchJWKS, i.ClientIDClaims, i.Accept = nil, nil, nil
		}
	}
	text := func(answer any) func(context.Context, string) ([]byte, error) {
		return func(context.Context, string) ([]byte, error) { return json.Marshal(answer) }
	}
	never := func(context.Context, string) ([]byte, error) {
		t.Error("the authority was asked, want the token not to leave the process")
		return nil, errors.New("must not be asked")
	}
	bearer := func(token string) func(*Fixture) []string {
		return func(*Fixture) []string { return []string{"Bearer " + token} }
	}
	by := func(name string, ask func(context.Context, string) ([]byte, error)) Case {
		return Case{Name: "an opaque token: " + name, Values: bearer(opaqueToken), Issuer: asks(ask), Unseen: true}
	}
	row := func(name string, more map[string]any) Case { return by(name, text(answer(more))) }
	with := func(c Case, edit func(*Case)) Case {
		edit(&c)
		return c
	}
	failing := func(name, body string) Case {
		return by(name, func(context.Context, string) ([]byte, error) { return []byte(body), nil })
	}
	jws := func(claims string) string {
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"ES256","typ":"at+jwt"}`)) + "." + part([]byte(claims)) + "." + part(make([]byte, 64))
	}
	presents := func(name, token string) Case {
		return with(by(name, never), func(c *Case) { c.Values, c.Unseen = bearer(token), false })
	}
	// both returns a row of a Verifier with the fixture's issuer, which has keys, and
	// the opaque one.
	both := func(c Case) Case {
		opaque := c.Issuer
		c.Issuer = nil
		c.Config = func(cfg *verifier.Config) {
			second := f.Base()
			opaque(&second)
			cfg.Issuers = append(cfg.Issuers, second)
		}
		return c
	}
	x5t := map[string]any{"cnf": map[string]any{"x5t#S256": f.Mine.Thumbprint()}}
	certified := func(name string, certificates ...tlstest.Pair) Case {
		return with(row("bound to a certificate, "+name, x5t), func(c *Case) { c.Certificates = certificates })
	}
	withoutAudience := func(c *Case) {
		ask := c.Issuer
		c.Issuer = func(i *verifier.Issuer) { ask(i); i.AllowNoAudience = true }
	}
	// number returns a row whose exp is this text.
	number := func(literal string) Case {
		return row("exp "+literal, map[string]any{"exp": json.RawMessage(literal)})
	}
	rows := []Case{
		row("active", nil),
		row("without exp, iat, jti and iss", map[string]any{"exp": m2mtest.Absent, "iat": m2mtest.Absent, "jti": m2mtest.Absent, "iss": m2mtest.Absent}),
		row("scopes as an array", map[string]any{"scope": []string{"read"}}),
		with(row("without an audience, where that is allowed", map[string]any{"aud": m2mtest.Absent}), withoutAudience),
		with(row("a JWT of the issuer", nil), func(c *Case) { c.Values = bearer(jws(`{"iss":"` + name + `"}`)) }),
		certified("which the caller has", f.Mine),
		both(row("beside an issuer with keys", nil)),
		both(with(by("a JWT of the issuer with keys", never), func(c *Case) { c.Values = nil })),
		row("a fraction of a second, and an exponent", map[string]any{"exp": json.RawMessage(fmt.Sprintf("%d.5e1", issued.Add(time.Hour).Unix()/10))}),
		row("nulls", map[string]any{"exp": nil, "iat": nil, "nbf": nil, "iss": nil, "token_type": nil, "username": nil}),
		by("white space around the answer", func(context.Context, string) ([]byte, error) {
			text, err := json.MarshalIndent(answer(nil), "\t", "\r\n ")
			return append([]byte("\r\n \t"), append(text, "\n\n"...)...), err
		}),
		opaqueLater(f, name, "the authority revokes it", asks, answer(nil), verifier.Inactive),
	}
	return slices.Concat(rows, opaqueRows{newProofRows(t, f), by, answer}.bound(),
		invalid(verifier.Inactive,
			by("inactive", text(map[string]any{"active": false})),
			by("inactive, and nothing else of the answer counts", text(map[string]any{"active": false, "aud": 7, "username": "ada"})),
			both(by("inactive, beside an issuer with keys", text(map[string]any{"active": false})))),
		invalid(verifier.TokenType,
			row("a refresh token", map[string]any{"token_use": "refresh_token"}),
			row("a refresh token, by token_type", map[string]any{"token_type": "refresh_token"}),
			row("a refresh token of Keycloak", map[string]any{"typ": "Refresh"}),
			row("an ID token", map[string]any{"token_use": "id"}),
			row("an ID token of Keycloak", map[string]any{"typ": "ID"})),
		invalid(verifier.Audience,
			row("another audience", map[string]any{"aud": []string{"other"}}),
			row("no audience", map[string]any{"aud": m2mtest.Absent}),
			row("an audience that begins like ours", map[string]any{"aud": f.ProjectID() + "/x"}),
			row("an audience within a list of a list", map[string]any{"aud": []any{[]string{f.ProjectID()}}}),
			row("an audience as the name of a member", map[string]any{"aud": map[string]any{f.ProjectID(): true}}),
			row("two audiences in one text", map[string]any{"aud": f.ProjectID() + " other"}),
			with(row("an empty list of audiences, where none is allowed", map[string]any{"aud": []string{}}), withoutAudience),
			with(row("an empty audience, where none is allowed", map[string]any{"aud": ""}), withoutAudience)),
		invalid(verifier.UnknownIssuer,
			row("another issuer", map[string]any{"iss": "https://other.example.com"}),
			row("the issuer with a slash", map[string]any{"iss": name + "/"}),
			presents("a JWT of another issuer", jws(`{"iss":"https://other.example.com"}`)),
			presents("a JWT without iss", jws(`{}`)),
			both(presents("a JWT of an unknown issuer, beside one with keys", jws(`{"iss":"https://other.example.com"}`)))),
		invalid(verifier.Malformed,
			presents("a JWT that is cut", jws(`{"iss":"` + name + `"}`)[:60]+"."),
			presents("a JWE", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`))+".a.b.c.d")),
		invalid(verifier.NotMachine,
			row("a person, by username", map[string]any{"username": "ada"}),
			row("a person, by sub", map[string]any{"sub": "ada"}),
			row("a person without sub", map[string]any{"sub": m2mtest.Absent, "email": "ada@example.com"})),
		invalid(verifier.ClientIDMissing, row("no client ID", map[string]any{"client_id": m2mtest.Absent}),
			row("a client ID that is a list", map[string]any{"client_id": []string{"m2m-client-o"}})),
		invalid(verifier.Expired, row("expired", map[string]any{"exp": issued.Add(-time.Hour).Unix()})),
		invalid(verifier.NotYetValid, row("not yet valid", map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})),
		invalid(verifier.Expired, number("0"), number("-0"), number("0.1"), number("1e9")),
		invalid(verifier.ClaimMalformed,
			row("exp as a string", map[string]any{"exp": "soon"}),
			row("exp as a string of digits", map[string]any{"exp": fmt.Sprint(issued.Add(time.Hour).Unix())}),
			row("exp in milliseconds", map[string]any{"exp": issued.Add(time.Hour).UnixMilli()}),
			number("-1"), number("1e99"), number("1e999"), number("-1e999"), number("true"), number("[9999999999]"), number("9999999999."+strings.Repeat("0", 40)),
			row("a scope that is a number", map[string]any{"scope": 1}),
			row("a scope that is an object", map[string]any{"scope": map[string]any{"admin": true}}),
			row("a jti that is a number", map[string]any{"jti": 1})),
		invalid(verifier.Bound,
			certified("none presented"),
			certified("another presented", f.Other),
			row("bound to a key, where no proofs are taken", map[string]any{"cnf": map[string]any{"jkt": base64.RawURLEncoding.EncodeToString(make([]byte, 32))}}),
			row("bound to something unknown", map[string]any{"cnf": map[string]any{"kid": "k"}}),
			row("cnf that is no object", map[string]any{"cnf": "x"}),
			row("token_type DPoP without a key", map[string]any{"token_type": "DPoP"})),
		invalid(verifier.Unbound,
			with(row("bound to nothing, with RequireBound", nil), func(c *Case) {
				ask := c.Issuer
				c.Issuer = func(i *verifier.Issuer) { ask(i); i.RequireBound = true }
			})),
		invalid(verifier.Revoked, with(row("cut off", nil), func(c *Case) {
			list, err := revocation.New(revocation.Config{})
			if err == nil {
				err = list.Add(revocation.Cutoff{Issuer: name, Select: revocation.Client("m2m-client-o"), IssuedUpTo: issued})
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { list.Close() })
			c.Config = func(cfg *verifier.Config) { cfg.Revocations = list }
		})),
		refused(verifier.InsufficientScope, verifier.ScopeMissing,
			with(row("another scope", nil), func(c *Case) { c.Need = scopes.All("write") }),
			with(row("the scope after a space within an item", map[string]any{"scope": []string{"read write"}}), func(c *Case) { c.Need = scopes.All("write") }),
			with(row("the scope in another member", map[string]any{"scopes": "write", "permissions": []string{"write"}}), func(c *Case) { c.Need = scopes.All("write") })),
		refused(verifier.Unavailable, verifier.IntrospectionUnavailable,
			by("the authority is down", func(context.Context, string) ([]byte, error) { return nil, errors.New("connection refused") }),
			failing("an empty answer", ""),
			failing("HTML", "<html>"),
			failing("an array", "[]"),
			failing("active as a string", `{"active":"true"}`),
			failing("active missing", `{"aud":"`+f.ProjectID()+`"}`),
			failing("active twice", `{"active":false,"active":true}`),
			failing("active twice, once escaped", `{"\u0061ctive":false,"active":true}`),
			failing("active in capitals", `{"ACTIVE":true,"Active":true}`),
			failing("active null", `{"active":null}`),
			failing("active a number", `{"active":1}`),
			failing("active a list", `{"active":[true]}`),
			failing("a member twice, within another", `{"active":true,"cnf":{"jkt":"a","jkt":"b"}}`),
			failing("exp NaN", `{"active":true,"exp":NaN}`),
			failing("exp Infinity", `{"active":true,"exp":Infinity}`),
			failing("exp with a plus sign", `{"active":true,"exp":+9999999999}`),
			failing("exp with a leading zero", `{"active":true,"exp":09999999999}`),
			failing("a byte order mark", "\ufeff"+`{"active":true}`),
			failing("UTF-16", "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00"),
			failing("not UTF-8", "{\"active\":true,\"x\":\"\xff\"}"),
			failing("half a surrogate", `{"active":true,"x":"\ud800"}`),
			failing("a comma too many", `{"active":true,}`),
			failing("a comment", `{"active":true/**/}`),
			failing("text after the answer", `{"active":true}x`),
			failing("NUL after the answer", `{"active":true}`+"\x00"),
			failing("text before the answer", `)]}',{"active":true}`),
			failing("a string", `"{\"active\":true}"`),
			failing("true", `true`),
			failing("deeper than 16", `{"active":true,"x":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)+`}`),
			failing("longer than 64 KiB", `{"active":true}`+strings.Repeat(" ", 64<<10)),
			failing("a compressed answer", "\x1f\x8b\x08\x00"),
			failing("more than one object", `{"active":true}{}`)),
		refused(verifier.Unavailable, verifier.Panicked,
			by("Introspect panics", func(context.Context, string) ([]byte, error) { panic("a bug") })),
	)
}

// opaqueLater returns a row whose token the authority no longer reports as active once
// it was accepted, and whose answer was then forgotten.
func opaqueLater(f *Fixture, issuer, what string, asks func(func(context.Context, string) ([]byte, error)) func(*verifier.Issuer), first any, reason verifier.Reason) Case {
	var ended atomic.Bool
	return Case{
		Name: "an opaque token: " + what, LaterCode: verifier.InvalidToken, LaterReason: reason,
		Values: func(*Fixture) []string { return []string{"Bearer " + opaqueToken} },
		Issuer: asks(func(context.Context, string) ([]byte, error) {
			if ended.Load() {
				return []byte(`{"active":false}`), nil
			}
			return json.Marshal(first)
		}),
		Then: func(t *testing.T, v *verifier.Verifier) {
			ended.Store(true)
			if err := v.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	}
}
