package verifier_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// refusal is one refused call, and what Observe receives about it.
type refusal struct {
	name   string
	issuer func(*verifier.Issuer)
	config func(*verifier.Config)
	spec   spec
	values []string // instead of spec
	peer   *x509.Certificate
	need   scopes.Requirement
	reason verifier.Reason
	text   string // what Observe reads after the Reason; AUD and ISS are the fixture's
}

// TestRefusalTexts: every refusal says what was found and what was expected,
// and shows times with their distance from now.
func TestRefusalTexts(t *testing.T) {
	long := strings.Repeat("x", 200)
	peer := &x509.Certificate{Raw: []byte("mine")}
	bound := claimed("cnf", map[string]any{"x5t#S256": thumbprint(&x509.Certificate{Raw: []byte("another")})})
	rule := func(accept func(verifier.Client) error) func(*verifier.Issuer) {
		return func(i *verifier.Issuer) { i.Accept = accept }
	}
	byDefault := func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = []string{"client_id", "azp"}, nil }
	for _, tt := range []refusal{
		// The credential.
		{name: "two credentials", values: []string{"Bearer a", "Bearer b"}, reason: verifier.CredentialsMultiple, text: `found 2 Authorization values, want 1`},
		{name: "Basic", values: []string{"Basic dXNlcjpzZWNyZXQ="}, reason: verifier.SchemeUnsupported, text: `the scheme is "Basic", want "Bearer"`},
		{name: "DPoP", values: []string{"dpop abc"}, reason: verifier.SchemeUnsupported, text: `the scheme is "DPoP", want "Bearer"`},
		{name: "no scheme: the secret is not shown", values: []string{"s3cr3t.s3cr3t.s3cr3t"}, reason: verifier.SchemeUnsupported,
			text: `the Authorization value does not begin with "Bearer" and a space`},
		{name: "an unknown scheme may be a secret", values: []string{"s3cr3t x"}, reason: verifier.SchemeUnsupported,
			text: `the Authorization value does not begin with "Bearer" and a space`},
		{name: "empty", values: []string{""}, reason: verifier.CredentialsMalformed, text: `the Authorization value is empty, want "Bearer" and a token`},
		{name: "no token", values: []string{"Bearer  "}, reason: verifier.CredentialsMalformed, text: `nothing follows the scheme, want "Bearer", a space and a token`},
		{name: "tab", values: []string{"Bearer\ta"}, reason: verifier.CredentialsMalformed,
			text: `the Authorization value holds a tab, a control or a non-ASCII character, want printable ASCII`},
		{name: "no scheme at all", values: []string{`"a"`}, reason: verifier.CredentialsMalformed,
			text: `the Authorization value does not begin with a scheme, want "Bearer", a space and a token`},
		{name: "a comma", values: []string{"Bearer a,b"}, reason: verifier.CredentialsMalformed, text: `the token holds a space or a comma, want one token`},
		{name: "size", values: []string{"Bearer " + strings.Repeat("a", 8193)}, reason: verifier.TooLarge, text: `the token has 8193 bytes, want at most 8192`},
		{name: "a large size", values: []string{"Bearer " + strings.Repeat("a", 100_000)}, reason: verifier.TooLarge, text: `the token has 100000 bytes, want at most 8192`},

		// The header.
		{name: "alg HS256", spec: headed("alg", "HS256"), reason: verifier.Algorithm,
			text: `algorithm not accepted: "alg" is not an asymmetric signature algorithm, found "HS256"`},
		{name: "alg null", spec: headed("alg", nil), reason: verifier.Algorithm,
			text: `algorithm not accepted: "alg" is not an asymmetric signature algorithm, found null`},
		{name: "alg of another issuer", spec: headed("alg", "PS256"), issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"ES256", "RS256"} },
			reason: verifier.Algorithm, text: `"alg" is "PS256", want "ES256" or "RS256"`},
		{name: "kid", spec: headed("kid", 7), reason: verifier.KeyID, text: `malformed key ID: "kid" is not a string of 1 to 256 bytes, found 7`},
		{name: "typ", spec: headed("typ", "logout+jwt"), reason: verifier.TokenType, text: `"typ" is "logout+jwt", want "at+jwt" or "JWT"`},
		{name: "typ long", spec: headed("typ", long), reason: verifier.TokenType, text: `"typ" is "` + long[:64] + `"..., want "at+jwt" or "JWT"`},
		{name: "typ missing", spec: headed("typ", m2mtest.Absent), reason: verifier.TokenType, text: `"typ" is missing, want "at+jwt" or "JWT"`},
		{name: "typ where none is wanted", spec: headed("typ", "x"), issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{"", "JWT"} },
			reason: verifier.TokenType, text: `"typ" is "x", want none or "JWT"`},

		// Issuer and audience.
		{name: "iss", spec: spec{Issuer: "https://evil.example.com"}, reason: verifier.UnknownIssuer, text: `"iss" is "https://evil.example.com", want "ISS"`},
		{name: "iss missing", spec: claimed("iss", m2mtest.Absent), reason: verifier.UnknownIssuer, text: `"iss" is missing, want "ISS"`},
		{name: "iss, beside an alias", spec: claimed("iss", 1), issuer: func(i *verifier.Issuer) { i.Aliases = []string{"a"} },
			reason: verifier.UnknownIssuer, text: `"iss" is 1, want "ISS" or "a"`},
		{name: "aud", spec: claimed("aud", "other"), reason: verifier.Audience, text: `"aud" is "other", want "AUD"`},
		{name: "aud of several", spec: claimed("aud", []string{"a", "b\n"}), reason: verifier.Audience, text: `"aud" is ["a", "b\n"], want "AUD"`},
		{name: "aud of many", spec: claimed("aud", strings.Split(strings.Repeat("a,", 9)+"a", ",")), reason: verifier.Audience,
			text: `"aud" is ["a", "a", "a", "a", "a", "a", "a", "a" and 2 more], want "AUD"`},
		{name: "aud with a number", spec: claimed("aud", []any{"a", 1}), reason: verifier.Audience, text: `"aud" is an array with other things than strings, want "AUD"`},
		{name: "aud missing", spec: claimed("aud", m2mtest.Absent), reason: verifier.Audience, text: `"aud" is missing, want "AUD"`},
		{name: "no claim of several", spec: claimed("aud", m2mtest.Absent), issuer: func(i *verifier.Issuer) { i.AudienceClaims = []string{"aud", "resource"} },
			reason: verifier.Audience, text: `"aud" and "resource" are missing, want "AUD"`},
		{name: "a configured name is not cut", spec: claimed("aud", "other"), issuer: func(i *verifier.Issuer) { i.Audiences = []string{long, "b"} },
			reason: verifier.Audience, text: `"aud" is "other", want "` + long + `" or "b"`},

		// Times. The bubble's clock stands at 2000-01-01.
		{name: "expired", spec: spec{IssuedAt: at(-2 * time.Hour), ExpiresAt: at(-90 * time.Second)}, reason: verifier.Expired,
			text: `"exp" was 1999-12-31T23:58:30Z, 1m30s ago; the leeway is 30s`},
		{name: "nbf", spec: spec{NotBefore: at(time.Hour), ExpiresAt: at(2 * time.Hour)}, reason: verifier.NotYetValid,
			text: `"nbf" is 2000-01-01T01:00:00Z, 1h0m0s from now; the leeway is 30s`},
		{name: "iat", spec: claimed("iat", at(45*time.Second).Unix()), reason: verifier.IssuedInFuture,
			text: `"iat" is 2000-01-01T00:00:45Z, 45s from now; the leeway is 30s`},
		{name: "too old", spec: spec{IssuedAt: at(-3 * time.Minute)}, issuer: func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute },
			reason: verifier.TooOld, text: `"iat" was 1999-12-31T23:57:00Z, 3m0s ago; MaxTokenAge is 1m0s, the leeway is 30s`},
		{name: "without leeway", spec: spec{ExpiresAt: at(0)}, config: func(c *verifier.Config) { c.Leeway = -1 }, reason: verifier.Expired,
			text: `"exp" was 2000-01-01T00:00:00Z, 0s ago; the leeway is 0s`},
		{name: "exp text", spec: claimed("exp", "never"), reason: verifier.ClaimMalformed, text: `"exp" is "never", want a number of seconds since 1970, before the year 10000`},
		{name: "exp null", spec: claimed("exp", nil), reason: verifier.ClaimMalformed, text: `"exp" is null, want a number of seconds since 1970, before the year 10000`},
		{name: "exp long", spec: claimed("exp", json.RawMessage(strings.Repeat("1", 100))), reason: verifier.ClaimMalformed,
			text: `"exp" is a number of 100 characters, want a number of seconds since 1970, before the year 10000`},
		{name: "iat missing", spec: claimed("iat", m2mtest.Absent), issuer: func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }, reason: verifier.ClaimMalformed,
			text: `"iat" is missing, want a number of seconds since 1970, before the year 10000: the issuer has a MaxTokenAge`},

		// The client, its scopes and its rules.
		{name: "client ID", issuer: byDefault, reason: verifier.ClientIDMissing, text: `"client_id" and "azp" are missing, want the client ID, a string`},
		{name: "client ID empty", spec: claimed("azp", ""), issuer: byDefault, reason: verifier.ClientIDMissing, text: `"azp" is "", want the client ID, a string`},
		{name: "sub", spec: spec{Claims: map[string]any{"sub": "user-1", "azp": "app"}}, issuer: byDefault, reason: verifier.NotMachine,
			text: `"sub" is "user-1", want the client ID "app"`},
		{name: "a person's mark", spec: spec{Claims: map[string]any{"sub": "", "azp": "app", "acr": "1"}}, issuer: byDefault, reason: verifier.NotMachine,
			text: `"sub" is missing, and "acr" marks a person's token`},
		{name: "jti", spec: claimed("jti", map[string]any{"a": 1}), reason: verifier.ClaimMalformed, text: `"jti" is an object {"a"}, want a string`},
		{name: "scope", spec: claimed("scope", 1), reason: verifier.ClaimMalformed, text: `"scope" is 1, want a string or an array of strings, of at most 256 scopes`},
		{name: "prefix", issuer: rule(verifier.SubjectHasPrefix("m2m-")), spec: claimed("sub", "user-1"), reason: verifier.NotMachine, text: `"sub" is "user-1", want the prefix "m2m-"`},
		{name: "ClientIDIn", issuer: rule(verifier.ClientIDIn("b", "a")), spec: claimed("sub", "c"), reason: verifier.NotAccepted, text: `the client ID is "c", want "a" or "b"`},
		{name: "ClientIDIn of none", issuer: rule(verifier.ClientIDIn()), reason: verifier.NotAccepted, text: `ClientIDIn has no ID`},
		{name: "ClaimEquals", issuer: rule(verifier.ClaimEquals("gty", "m")), spec: claimed("gty", "password"), reason: verifier.NotMachine, text: `"gty" is "password", want "m"`},
		{name: "ClaimEquals of an array", issuer: rule(verifier.ClaimEquals("gty", "m")), spec: claimed("gty", []string{"m"}), reason: verifier.NotMachine,
			text: `"gty" is ["m"], want "m": ClaimContains reads arrays, ClaimEquals strings`},
		{name: "ClaimEquals of nothing", issuer: rule(verifier.ClaimEquals("gty", "m")), reason: verifier.NotMachine, text: `"gty" is missing, want "m"`},
		{name: "ClaimContains", issuer: rule(verifier.ClaimContains("roles", "m")), spec: claimed("roles", []string{"a"}), reason: verifier.NotMachine,
			text: `"roles" is ["a"], want an array with "m"`},
		{name: "ClaimContains of a string", issuer: rule(verifier.ClaimContains("roles", "m")), spec: claimed("roles", "m"), reason: verifier.NotMachine,
			text: `"roles" is "m", want an array with "m": ClaimEquals reads strings, ClaimContains arrays`},
		{name: "ClaimAbsent", issuer: rule(verifier.ClaimAbsent("uid")), spec: claimed("uid", 1), reason: verifier.NotMachine, text: `"uid" is 1, want it missing`},
		{name: "AcceptAll", issuer: rule(verifier.AcceptAll()), reason: verifier.NotAccepted, text: `AcceptAll has no rule`},
		{name: "scopes", spec: spec{Scopes: []string{"b", "a"}}, need: scopes.All("admin"), reason: verifier.ScopeMissing, text: `granted "a", "b", want all("admin")`},
		{name: "no scopes", need: scopes.Any("a", "b"), reason: verifier.ScopeMissing, text: `granted no scopes, want any("a", "b")`},
		{name: "a long scope", spec: spec{Scopes: []string{long}}, need: scopes.All("a"), reason: verifier.ScopeMissing, text: `granted "` + long[:64] + `"..., want all("a")`},

		// The binding.
		{name: "no certificate", spec: bound, reason: verifier.Bound,
			text: `the token is bound to the certificate ` + thumbprint(&x509.Certificate{Raw: []byte("another")}) + `, the caller proved none`},
		{name: "another certificate", spec: bound, peer: peer, reason: verifier.Bound,
			text: `the token is bound to the certificate ` + thumbprint(&x509.Certificate{Raw: []byte("another")}) + `, the caller proved ` + thumbprint(peer)},
		{name: "jkt", spec: claimed("cnf", map[string]any{"jkt": "abc"}), reason: verifier.Bound, text: `"cnf" is an object {"jkt"}, want an object of "x5t#S256" alone: Config.DPoP is not set`},
		{name: "jkt too", spec: claimed("cnf", json.RawMessage(`{"jkt":"abc","x5t#S256":"a"}`)), reason: verifier.Bound,
			text: `"cnf" is an object {"jkt", "x5t#S256"}, want an object of "x5t#S256" alone: Config.DPoP is not set`},
		{name: "no thumbprint", spec: claimed("cnf", map[string]any{"x5t#S256": "abc"}), reason: verifier.Bound,
			text: `"x5t#S256" is "abc", want the SHA-256 of the certificate in base64url`},
	} {
		t.Run(tt.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { tt.run(t) }) })
	}
}

// at is a time by its distance from the beginning of a bubble.
func at(d time.Duration) time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d) }

func headed(name string, value any) spec { return spec{Header: map[string]any{name: value}} }

func claimed(name string, value any) spec { return spec{Claims: map[string]any{name: value}} }

func (tt refusal) run(t *testing.T) {
	var told []verifier.Decision
	a, v := local(t, func(c *verifier.Config) {
		if tt.issuer != nil {
			tt.issuer(&c.Issuers[0])
		}
		if tt.config != nil {
			tt.config(c)
		}
		c.Observe = []func(context.Context, verifier.Decision){func(_ context.Context, d verifier.Decision) { told = append(told, d) }}
	})
	defer v.Close()
	r := verifier.Request{Authorization: tt.values}
	if tt.values == nil {
		r = bearer(a.Token(tt.spec))
	}
	if tt.peer != nil {
		r.PeerCertificates = []*x509.Certificate{tt.peer}
	}
	if tt.need.IsZero() {
		tt.need = scopes.Authenticated()
	}
	_, err := v.Authorize(t.Context(), r, tt.need)
	if len(told) != 1 || err == nil {
		t.Fatalf("Authorize = %v, with %d decisions; want a refusal", err, len(told))
	}
	text := strings.NewReplacer("ISS", "stytch.com/"+a.ProjectID(), "AUD", a.ProjectID()).Replace(tt.text)
	code := verifier.AsError(err).Code
	want := fmt.Sprintf("m2mauth: %s: %s: %s", code, tt.reason, text)
	if got := told[0].Err.Error(); told[0].Reason != tt.reason || got != want || err.Error() != want {
		t.Errorf("refused with\n%s\nwant\n%s", got, want)
	}
}

// TestCallbackTexts: the text of a callback's error appears once, however
// the error is wrapped.
func TestCallbackTexts(t *testing.T) {
	cause := errors.New("a cause")
	own := &verifier.Error{Code: verifier.InsufficientScope, Reason: "suspended", Err: cause}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{verifier.Revoked, "invalid_token: revoked"},
		{fmt.Errorf("client 1: %w", verifier.Revoked), "invalid_token: revoked: client 1"},
		{fmt.Errorf("%w: client 1", verifier.Revoked), "invalid_token: revoked: client 1"},
		{fmt.Errorf("%w", verifier.Revoked), "invalid_token: revoked"},
		{fmt.Errorf("a %w client", verifier.Revoked), "invalid_token: revoked: a revoked client"},
		{verifier.Forbid(nil), "insufficient_scope: operation_not_allowed"},
		{verifier.Forbid(cause), "insufficient_scope: operation_not_allowed: a cause"},
		{verifier.Forbid(verifier.Forbidden), "insufficient_scope: operation_not_allowed"},
		{fmt.Errorf("tenant 1: %w", verifier.Forbid(cause)), "insufficient_scope: operation_not_allowed: tenant 1: a cause"},
		{fmt.Errorf("tenant 1: %w", verifier.Forbid(nil)), "insufficient_scope: operation_not_allowed: tenant 1"},
		{fmt.Errorf("%w", verifier.Forbid(cause)), "insufficient_scope: operation_not_allowed: a cause"},
		{own, "insufficient_scope: suspended: a cause"},
		{fmt.Errorf("x: %w", own), "insufficient_scope: suspended: x: a cause"},
		{cause, "unavailable: check_failed: a cause"},
		{fmt.Errorf("x: %w", fmt.Errorf("y: %w", verifier.Forbidden)), "insufficient_scope: operation_not_allowed: x: y"},
	} {
		a, v := local(t, func(c *verifier.Config) {
			c.Check = func(context.Context, verifier.Client, verifier.Request) error { return tt.err }
		})
		_, err := v.Verify(t.Context(), a.Token(spec{}))
		if got := fmt.Sprint(err); got != "m2mauth: "+tt.want {
			t.Errorf("Check = %v: %s, want m2mauth: %s", tt.err, got, tt.want)
		}
		// The cause of the callback's error stays within reach.
		if errors.Is(tt.err, cause) && !errors.Is(err, cause) {
			t.Errorf("Check = %v: %v does not wrap its cause", tt.err, err)
		}
	}
}

// TestRulesOfTheirOwn: the error of a rule is complete without the verifier.
func TestRulesOfTheirOwn(t *testing.T) {
	err := verifier.SubjectHasPrefix("m2m-")(verifier.Client{Subject: "user"})
	if want := `not_machine: "sub" is "user", want the prefix "m2m-"`; err.Error() != want || !errors.Is(err, verifier.NotMachine) {
		t.Errorf("SubjectHasPrefix = %v, want %s", err, want)
	}
	err = verifier.ClientIDIn("a")(verifier.Client{ID: "b"})
	if want := `not_accepted: the client ID is "b", want "a"`; err.Error() != want || !errors.Is(err, verifier.NotAccepted) {
		t.Errorf("ClientIDIn = %v, want %s", err, want)
	}
	if err := verifier.ClientIDIn("")(verifier.Client{}); !errors.Is(err, verifier.NotAccepted) {
		t.Errorf("ClientIDIn of an empty ID = %v, want %s", err, verifier.NotAccepted)
	}
}

// TestWhileValidSaysWhen: the cause of an ended context names the time at
// which the token expired.
func TestWhileValidSaysWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, v := local(t)
		defer v.Close()
		ctx, err := v.Authorize(t.Context(), bearer(a.Token(spec{IssuedAt: at(0), TTL: time.Minute})), scopes.Authenticated())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := v.WhileValid(ctx)
		defer cancel()
		<-ctx.Done()
		want := `m2mauth: invalid_token: expired: "exp" was 2000-01-01T00:01:00Z, 30s ago; the leeway is 30s`
		if got := context.Cause(ctx).Error(); got != want {
			t.Errorf("Cause = %s, want %s", got, want)
		}
	})
}
