package doortest

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// cases is the table, by the parts of a token.
func cases(f *Fixture) []Case {
	return slices.Concat(good(f), credential(), structure(), header(f), signature(f), claimsOf(f), times(), sender(), policy())
}

type spec = m2mtest.TokenSpec

func claim(name string, value any) spec { return spec{Claims: map[string]any{name: value}} }
func head(name string, value any) spec  { return spec{Header: map[string]any{name: value}} }

// refused makes rows that are refused for one reason.
func refused(code verifier.Code, reason verifier.Reason, rows ...Case) []Case {
	for i := range rows {
		rows[i].Code, rows[i].Reason = code, reason
	}
	return rows
}

func invalid(reason verifier.Reason, rows ...Case) []Case {
	return refused(verifier.InvalidToken, reason, rows...)
}

func good(f *Fixture) []Case {
	values := func(prefix string) func(*Fixture) []string {
		return func(f *Fixture) []string { return []string{prefix + f.Token(spec{})} }
	}
	rs512 := m2mtest.Key{ID: "512", Algorithm: "RS512", Private: f.Foreign.Private}
	return []Case{
		{Name: "good"},
		{Name: "lower-case scheme", Values: values("bearer ")},
		{Name: "upper-case scheme", Values: values("BEARER ")},
		{Name: "several spaces", Values: values("Bearer   ")},
		{Name: "application/ before the type", Spec: head("typ", "application/JWT")},
		{Name: "type in another case", Spec: head("typ", "At+JwT")},
		{Name: "no type, where that is admitted", Spec: head("typ", m2mtest.Absent),
			Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
		{Name: "another algorithm", Spec: spec{Key: f.Weak}},
		{Name: "a larger hash, where that is admitted", Spec: spec{Key: &rs512}, Issuer: func(i *verifier.Issuer) {
			i.Algorithms = []string{"RS512"}
			i.FetchJWKS = keySet(rs512.JWK())
		}},
		{Name: "no key ID, and one key that fits", Spec: head("kid", m2mtest.Absent)},
		{Name: "keys of its own in the header", Spec: spec{Header: map[string]any{
			"jwk": f.Foreign.JWK(), "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/", "x5c": []string{"AA=="}}}},
		{Name: "unknown members", Spec: spec{Header: map[string]any{"ALG": "none", "x": 1}, Claims: map[string]any{"Exp": 1, "x": nil}}},
		{Name: "audience as a string", Spec: claim("aud", f.ProjectID())},
		{Name: "one of several audiences", Spec: claim("aud", []string{"other", f.ProjectID()})},
		{Name: "alias", Spec: spec{Issuer: "https://alias.example.com"},
			Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
		{Name: "fraction of a second", Spec: claim("exp", float64(time.Now().Add(time.Hour).UnixMilli())/1000)},
		{Name: "expired within the leeway", Spec: spec{ExpiresAt: time.Now().Add(-20 * time.Second)}},
		{Name: "issued within the leeway", Spec: spec{IssuedAt: time.Now().Add(20 * time.Second)}},
		{Name: "without iat and nbf", Spec: spec{Claims: map[string]any{"iat": m2mtest.Absent, "nbf": m2mtest.Absent}}},
		{Name: "without a scope claim", Spec: claim("scope", m2mtest.Absent)},
		{Name: "subject absent", Spec: spec{Claims: map[string]any{"sub": m2mtest.Absent, "client_id": "c"}},
			Issuer: func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = nil, nil }},
	}
}

// keySet is a FetchJWKS of fixed keys.
func keySet(keys ...map[string]any) func(context.Context) ([]byte, error) {
	doc, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return func(context.Context) ([]byte, error) { return doc, nil }
}

func credential() []Case {
	value := func(values ...string) func(*Fixture) []string {
		return func(f *Fixture) []string {
			out := []string{}
			for _, v := range values {
				out = append(out, strings.ReplaceAll(v, "TOKEN", f.Token(spec{})))
			}
			return out
		}
	}
	const none, request = verifier.NoCredentials, verifier.InvalidRequest
	long := strings.Repeat("a", 64<<10)
	return slices.Concat(
		refused(none, verifier.CredentialsMissing,
			Case{Name: "none", Values: value()},
		),
		refused(none, verifier.SchemeUnsupported,
			Case{Name: "Basic", Values: value("Basic dTpw")},
			Case{Name: "DPoP", Values: value("DPoP TOKEN")},
			Case{Name: "a scheme that begins with Bearer", Values: value("BearerX TOKEN")},
			Case{Name: "the token alone", Values: value("TOKEN")},
			Case{Name: "a long one of another scheme", Values: value("Negotiate " + long)},
		),
		refused(request, verifier.CredentialsMultiple,
			Case{Name: "two tokens", Values: value("Bearer TOKEN", "Bearer x")},
			Case{Name: "the same token twice", Values: value("Bearer TOKEN", "Bearer TOKEN")},
			Case{Name: "Basic beside it", Values: value("Basic dTpw", "Bearer TOKEN")},
			Case{Name: "an empty value beside it", Values: value("Bearer TOKEN", "")},
		),
		refused(request, verifier.CredentialsMalformed,
			Case{Name: "empty value", Values: value("")},
			Case{Name: "empty token", Values: value("Bearer ")},
			Case{Name: "scheme alone", Values: value("Bearer")},
			Case{Name: "spaces alone", Values: value("   ")},
			Case{Name: "leading space", Values: value(" Bearer TOKEN")},
			Case{Name: "leading tab", Values: value("\tBearer TOKEN")},
			Case{Name: "trailing space", Values: value("Bearer TOKEN ")},
			Case{Name: "trailing tab", Values: value("Bearer TOKEN\t")},
			Case{Name: "tab for a space", Values: value("Bearer\tTOKEN")},
			Case{Name: "tab after the space", Values: value("Bearer \tTOKEN")},
			Case{Name: "space inside", Values: value("Bearer TOKEN x")},
			Case{Name: "comma inside", Values: value("Bearer TOKEN,x")},
			Case{Name: "two credentials in one value", Values: value("Bearer TOKEN, Bearer TOKEN")},
			Case{Name: "comma after the scheme", Values: value("Bearer,TOKEN")},
			Case{Name: "line feed at the end", Values: value("Bearer TOKEN\n")},
			Case{Name: "carriage return inside", Values: value("Bearer a\rb")},
			Case{Name: "NUL", Values: value("Bearer TOKEN\x00")},
			Case{Name: "DEL", Values: value("Bearer TOKEN\x7f")},
			Case{Name: "byte order mark", Values: value("\ufeffBearer TOKEN")},
			Case{Name: "zero-width space", Values: value("Bearer TOKEN\u200b")},
			Case{Name: "no-break space", Values: value("Bearer\u00a0TOKEN")},
			Case{Name: "Kelvin sign", Values: value("BeareR\u212a TOKEN")},
			Case{Name: "invalid UTF-8", Values: value("Bearer TOKEN\xff")},
			Case{Name: "control character in another scheme", Values: value("Basic \x01")},
		),
		invalid(verifier.TooLarge,
			Case{Name: "longer than MaxTokenBytes", Values: value("Bearer " + long)},
			Case{Name: "many dots", Values: value("Bearer " + strings.Repeat(".", 1_000_000))},
			Case{Name: "many spaces", Values: value("Bearer " + strings.Repeat(" ", 1_000_000) + "TOKEN")},
			Case{Name: "one byte too long", Values: value("Bearer " + long[:8193])},
		),
		invalid(verifier.Malformed,
			Case{Name: "the longest that is looked at", Values: value("Bearer " + long[:8192])},
		),
	)
}

func structure() []Case {
	replace := func(old, new string) func(string) string {
		return func(token string) string { return strings.Replace(token, old, new, 1) }
	}
	suffix := func(s string) func(string) string { return func(token string) string { return token + s } }
	part := func(i int, change func(string) string) func(string) string {
		return func(token string) string {
			parts := strings.Split(token, ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		}
	}
	payload := func(format string, args ...any) spec { return spec{RawPayload: fmt.Sprintf(format, args...)} }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	var many strings.Builder
	for i := range 257 {
		fmt.Fprintf(&many, `"%d":0,`, i)
	}
	return slices.Concat(
		invalid(verifier.Malformed,
			Case{Name: "one segment", Mangle: func(string) string { return "abc" }},
			Case{Name: "two segments", Mangle: func(s string) string { return s[:strings.LastIndex(s, ".")] }},
			Case{Name: "four segments", Mangle: suffix(".AA")},
			Case{Name: "five segments, as in JWE", Mangle: suffix(".AA.AA")},
			Case{Name: "only dots", Mangle: func(string) string { return ".." }},
			Case{Name: "JSON serialization", Mangle: func(string) string { return `{"payload":"e30"}` }},
			Case{Name: "empty header", Mangle: part(0, func(string) string { return "" })},
			Case{Name: "empty payload", Mangle: part(1, func(string) string { return "" })},
			Case{Name: "signature stripped", Mangle: part(2, func(string) string { return "" })},
			Case{Name: "padding", Mangle: suffix("=")},
			Case{Name: "plus", Mangle: replace("ey", "+y")},
			Case{Name: "slash", Mangle: replace("ey", "/y")},
			Case{Name: "non-zero trailing bits", Spec: payload(`{"a":1}`), Mangle: part(1, func(s string) string {
				return s[:len(s)-1] + string(s[len(s)-1]+1)
			})},
			Case{Name: "a payload that is no object", Spec: payload(`[]`)},
			Case{Name: "a payload that is no JSON", Spec: payload(`hello`)},
			Case{Name: "a payload with trailing bytes", Spec: payload(`{}x`)},
			Case{Name: "a header that is no object", Spec: spec{RawHeader: `"RS256"`}},
			Case{Name: "byte order mark", Spec: payload("\ufeff{}")},
			Case{Name: "invalid UTF-8", Spec: payload("{\"a\":\"\xff\"}")},
			Case{Name: "lone surrogate", Spec: payload(`{"a":"\ud800"}`)},
			Case{Name: "duplicate claim", Spec: payload(`{"iss":"a","iss":"a"}`)},
			Case{Name: "duplicate claim, escaped", Spec: payload(`{"iss":"a","\u0069ss":"a"}`)},
			Case{Name: "duplicate claim, nested", Spec: payload(`{"x":[{"a":1,"a":1}]}`)},
			Case{Name: "duplicate header member", Spec: spec{RawHeader: `{"alg":"RS256","alg":"none"}`}},
			Case{Name: "duplicate header member, escaped", Spec: spec{RawHeader: `{"alg":"RS256","\u0061lg":"none"}`}},
			Case{Name: "payload nested 17 deep", Spec: payload("%s", nested(17))},
			Case{Name: "header nested 5 deep", Spec: spec{RawHeader: nested(5)}},
			Case{Name: "257 members", Spec: payload("{%s}", strings.TrimSuffix(many.String(), ","))},
			Case{Name: "typ is no string", Spec: head("typ", 1)},
		),
		invalid(verifier.HeaderExtension,
			Case{Name: "nested JWT", Spec: head("cty", "JWT")},
			Case{Name: "crit", Spec: head("crit", []string{"exp"})},
			Case{Name: "empty crit", Spec: head("crit", []string{})},
			Case{Name: "b64", Spec: head("b64", true)},
			Case{Name: "zip", Spec: head("zip", "DEF")},
			Case{Name: "enc", Spec: head("enc", "A256GCM")},
		),
	)
}

func header(f *Fixture) []Case {
	var rows []Case
	for _, alg := range []any{"none", "None", "NONE", "nOnE", "", nil, 1, []string{"RS256"}, m2mtest.Absent,
		"HS256", "HS512", "hs256", "rs256", "RS1", "ES256K"} {
		rows = append(rows, Case{Name: fmt.Sprintf("alg %v", alg), Spec: head("alg", alg)})
	}
	return slices.Concat(
		invalid(verifier.Algorithm, rows...),
		invalid(verifier.Algorithm,
			Case{Name: "known, and not the issuer's", Spec: head("alg", "PS256")},
			Case{Name: "another's algorithm with this key's ID", Spec: head("alg", "ES256")},
			Case{Name: "EC key, RSA algorithm", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}}},
			Case{Name: "PS256 under an RS256 key", Spec: head("alg", "PS256"),
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256", "PS256"} }},
		),
		invalid(verifier.KeyID,
			Case{Name: "kid is a number", Spec: head("kid", 1)},
			Case{Name: "kid is null", Spec: head("kid", nil)},
			Case{Name: "kid is empty", Spec: head("kid", "")},
			Case{Name: "kid of 257 bytes", Spec: head("kid", strings.Repeat("k", 257))},
			Case{Name: "no kid, and no key that fits", Spec: spec{Header: map[string]any{"kid": m2mtest.Absent, "alg": "EdDSA"}}},
			Case{Name: "no kid, and two keys that fit", Spec: head("kid", m2mtest.Absent),
				Issuer: func(i *verifier.Issuer) {
					i.FetchJWKS = keySet(f.Foreign.JWK(), (&m2mtest.Key{ID: "b", Algorithm: "RS256", Private: m2mtest.NewKey("RS256").Private}).JWK())
				}},
		),
		invalid(verifier.TokenType,
			Case{Name: "no typ", Spec: head("typ", m2mtest.Absent)},
			Case{Name: "empty typ", Spec: head("typ", "")},
			Case{Name: "ID token's typ", Spec: head("typ", "id+jwt")},
			Case{Name: "logout token's typ", Spec: head("typ", "logout+jwt")},
			Case{Name: "another media type", Spec: head("typ", "application/x/JWT")},
			Case{Name: "empty typ is not an absent one", Spec: head("typ", ""),
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
			Case{Name: "typ where only an absent one is admitted",
				Issuer: func(i *verifier.Issuer) { i.TokenTypes = []string{""} }},
		),
	)
}

func signature(f *Fixture) []Case {
	kid := f.Keys()[0]
	flip := func(token string) string {
		at := len(token) - 10
		return token[:at] + swap(token[at:at+1]) + token[at+1:]
	}
	weakened := f.Weak.JWK()
	weakened["use"] = "enc"
	return slices.Concat(
		invalid(verifier.BadSignature,
			Case{Name: "of another key", Spec: spec{Key: f.Foreign, Header: map[string]any{"kid": kid}}},
			Case{Name: "changed", Mangle: flip},
			Case{Name: "cut", Spec: spec{Sign: func(in []byte) []byte { return f.Foreign.Sign(in)[:255] }}},
			Case{Name: "of zeros", Spec: spec{Signature: make([]byte, 256)}},
			Case{Name: "of another payload", Mangle: func(token string) string {
				parts := strings.Split(token, ".")
				parts[1] = strings.Split(f.Token(spec{Scopes: []string{"admin"}}), ".")[1]
				return strings.Join(parts, ".")
			}},
			Case{Name: "ECDSA of zeros", Spec: spec{Key: f.Weak, Signature: make([]byte, 64)}},
			Case{Name: "ECDSA too long", Spec: spec{Key: f.Weak, Sign: func(in []byte) []byte { return append(f.Weak.Sign(in), 0) }}},
			Case{Name: "HMAC over the public key", Spec: spec{Sign: func(in []byte) []byte {
				sum := sha256.Sum256(append([]byte(kid), in...))
				return sum[:]
			}}},
		),
		invalid(verifier.KeyUnusable,
			Case{Name: "a key that is for encryption", Spec: spec{Key: f.Weak}, Issuer: func(i *verifier.Issuer) {
				i.FetchJWKS = keySet(f.Foreign.JWK(), weakened)
			}},
			Case{Name: "a key of an algorithm that is not accepted", Spec: spec{Key: f.Weak, Header: map[string]any{"alg": "RS256"}},
				Issuer: func(i *verifier.Issuer) { i.Algorithms = []string{"RS256"} }},
		),
		invalid(verifier.KeyUnknown,
			Case{Name: "a key that nobody publishes", Spec: spec{Key: f.Foreign, IssuedAt: time.Now().Add(-time.Minute)}},
			Case{Name: "a key that nobody publishes, no iat", Spec: spec{Key: f.Foreign, Claims: map[string]any{"iat": m2mtest.Absent}}},
		),
		refused(verifier.Unavailable, verifier.KeysUnavailable,
			Case{Name: "a key that may be newer than what is known", Spec: spec{Key: f.Foreign}},
		),
	)
}

// swap is another character than the given one.
func swap(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}

func claimsOf(f *Fixture) []Case {
	iss := "stytch.com/" + f.ProjectID()
	apart := func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = []string{"client_id"}, nil }
	with := func(id, sub any) spec { return spec{Claims: map[string]any{"client_id": id, "sub": sub}} }
	return slices.Concat(
		invalid(verifier.UnknownIssuer,
			Case{Name: "iss missing", Spec: claim("iss", m2mtest.Absent)},
			Case{Name: "iss null", Spec: claim("iss", nil)},
			Case{Name: "iss a list", Spec: claim("iss", []string{iss})},
			Case{Name: "iss empty", Spec: claim("iss", "")},
			Case{Name: "iss with a slash", Spec: claim("iss", iss+"/")},
			Case{Name: "iss in another case", Spec: claim("iss", strings.ToUpper(iss))},
			Case{Name: "iss as a URL", Spec: claim("iss", "https://"+iss)},
			Case{Name: "a stranger's", Spec: claim("iss", "https://evil.example.com")},
		),
		invalid(verifier.Audience,
			Case{Name: "aud missing", Spec: claim("aud", m2mtest.Absent)},
			Case{Name: "aud null", Spec: claim("aud", nil)},
			Case{Name: "aud empty", Spec: claim("aud", "")},
			Case{Name: "aud an empty list", Spec: claim("aud", []string{})},
			Case{Name: "another service's", Spec: claim("aud", "other")},
			Case{Name: "a beginning of it", Spec: claim("aud", f.ProjectID()[:12])},
			Case{Name: "more than it", Spec: claim("aud", f.ProjectID()+"x")},
			Case{Name: "a list with a number", Spec: claim("aud", []any{f.ProjectID(), 1})},
			Case{Name: "257 audiences", Spec: claim("aud", append(slices.Repeat([]string{"a"}, 256), f.ProjectID()))},
			Case{Name: "a nested list", Spec: claim("aud", []any{[]string{f.ProjectID()}})},
			Case{Name: "an object", Spec: claim("aud", map[string]any{f.ProjectID(): true})},
			Case{Name: "first present claim decides", Spec: claim("resource", "other"),
				Issuer: func(i *verifier.Issuer) { i.AudienceClaims = []string{"resource", "aud"} }},
		),
		invalid(verifier.ClientIDMissing,
			Case{Name: "client ID missing", Issuer: apart},
			Case{Name: "client ID empty", Spec: with("", m2mtest.Absent), Issuer: apart},
			Case{Name: "client ID null, no fall-through", Spec: claim("client_id", nil),
				Issuer: func(i *verifier.Issuer) { i.ClientIDClaims = []string{"client_id", "sub"} }},
			Case{Name: "client ID a number", Spec: with(1, m2mtest.Absent), Issuer: apart},
		),
		invalid(verifier.NotMachine,
			Case{Name: "a user's access token", Spec: with("app", "user-1"), Issuer: apart},
			Case{Name: "an ID token for the API's own app", Spec: with(f.ProjectID(), "user-1"), Issuer: apart},
			Case{Name: "a person named as the client ID claim says", Spec: claim("sub", "user-1")},
			Case{Name: "a session token of Stytch", Issuer: func(i *verifier.Issuer) { *i = f.Issuer() },
				Spec: spec{Claims: map[string]any{"scope": m2mtest.Absent, "https://stytch.com/session": map[string]any{}}}},
			Case{Name: "a user's token of Stytch", Issuer: func(i *verifier.Issuer) { *i = f.Issuer() }, Spec: claim("sub", "user-test-1")},
			Case{Name: "a connected app's token of Stytch", Issuer: func(i *verifier.Issuer) { *i = f.Issuer() }, Spec: claim("client_id", "connected-app-test-1")},
			Case{Name: "claim that marks machines is another", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.ClaimEquals("gty", "client-credentials")
			}, Spec: claim("gty", "password")},
			Case{Name: "claim that marks people is there", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.ClaimAbsent("uid")
			}, Spec: claim("uid", nil)},
		),
		invalid(verifier.NotAccepted,
			Case{Name: "refused by Accept", Issuer: func(i *verifier.Issuer) {
				i.Accept = func(verifier.Client) error { return errors.New("no") }
			}},
			Case{Name: "Accept: a Reason of another Code", Issuer: func(i *verifier.Issuer) {
				i.Accept = func(verifier.Client) error { return verifier.Canceled }
			}},
			Case{Name: "Accept: an empty Reason", Issuer: func(i *verifier.Issuer) {
				i.Accept = func(verifier.Client) error { return &verifier.Error{Code: verifier.Unavailable} }
			}},
			Case{Name: "AcceptAll without a rule", Issuer: func(i *verifier.Issuer) { i.Accept = verifier.AcceptAll() }},
		),
		refused(verifier.Unavailable, verifier.Panicked,
			Case{Name: "Accept returns a nil pointer", Issuer: func(i *verifier.Issuer) {
				i.Accept = func(verifier.Client) error { return (*net.OpError)(nil) }
			}},
			Case{Name: "Accept panics", Issuer: func(i *verifier.Issuer) {
				i.Accept = func(verifier.Client) error { panic("no") }
			}},
			Case{Name: "ScopesFrom panics", Issuer: func(i *verifier.Issuer) {
				i.ScopesFrom = func(verifier.Client) (scopes.Set, error) { panic("no") }
			}},
		),
		invalid(verifier.ClaimMalformed,
			Case{Name: "sub a number", Spec: with("c", 1), Issuer: apart},
			Case{Name: "sub empty", Spec: with("c", ""), Issuer: apart},
			Case{Name: "jti a number", Spec: claim("jti", 1)},
			Case{Name: "scope a number", Spec: claim("scope", 1)},
			Case{Name: "scope null, no fall-through", Spec: spec{Claims: map[string]any{"scope": nil, "scp": "a"}}},
			Case{Name: "scope an object", Spec: claim("scope", map[string]any{"a": 1})},
			Case{Name: "scope a list with a number", Spec: claim("scope", []any{"a", 1})},
			Case{Name: "257 scopes", Spec: claim("scope", strings.Repeat("a ", 257))},
			Case{Name: "257 scopes in a list", Spec: claim("scope", slices.Repeat([]string{"a"}, 257))},
			Case{Name: "ScopesFrom fails", Issuer: func(i *verifier.Issuer) {
				i.ScopesFrom = func(verifier.Client) (scopes.Set, error) { return scopes.Of("a"), errors.New("no") }
			}},
		),
	)
}

func times() []Case {
	var malformed []Case
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, value := range []string{`"1"`, `true`, `null`, `-1`, `1e400`, `1e308`, `253402300800`, `-1e-300`, `{}`, `[1]`} {
			malformed = append(malformed, Case{Name: name + " " + value, Spec: claim(name, json.RawMessage(value))})
		}
	}
	aged := func(i *verifier.Issuer) { i.MaxTokenAge = time.Minute }
	now := time.Now()
	return slices.Concat(
		invalid(verifier.ClaimMalformed, malformed...),
		invalid(verifier.ClaimMalformed,
			Case{Name: "exp of 5,000 digits", Spec: claim("exp", json.RawMessage(strings.Repeat("1", 5000)))},
			Case{Name: "exp missing", Spec: claim("exp", m2mtest.Absent)},
			Case{Name: "iat missing under MaxTokenAge", Spec: claim("iat", m2mtest.Absent), Issuer: aged},
		),
		invalid(verifier.Expired,
			Case{Name: "expired", Spec: spec{ExpiresAt: now.Add(-31 * time.Second)}},
			Case{Name: "exp 0", Spec: claim("exp", 0)},
			Case{Name: "expired, without leeway", Spec: spec{ExpiresAt: now.Add(-time.Second)},
				Config: func(c *verifier.Config) { c.Leeway = -1 }},
		),
		invalid(verifier.TooOld,
			Case{Name: "older than MaxTokenAge", Issuer: aged, Spec: spec{IssuedAt: now.Add(-2 * time.Minute)}},
		),
		invalid(verifier.NotYetValid,
			Case{Name: "nbf in an hour", Spec: spec{NotBefore: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour)}},
		),
		invalid(verifier.IssuedInFuture,
			Case{Name: "iat in an hour", Spec: spec{Claims: map[string]any{"iat": now.Add(time.Hour).Unix()}}},
		),
	)
}

func sender() []Case {
	mine := &x509.Certificate{Raw: []byte("my certificate")}
	other := &x509.Certificate{Raw: []byte("another")}
	digest := sha256.Sum256(mine.Raw)
	thumbprint := base64.RawURLEncoding.EncodeToString(digest[:])
	bound := claim("cnf", map[string]any{"x5t#S256": thumbprint})
	rows := []Case{
		{Name: "bound, no certificate", Spec: bound},
		{Name: "bound, another certificate", Spec: bound, Certificates: []*x509.Certificate{other, mine}},
		{Name: "cnf with a member more", Certificates: []*x509.Certificate{mine},
			Spec: claim("cnf", map[string]any{"x5t#S256": thumbprint, "jkt": "x"})},
	}
	for _, cnf := range []string{`null`, `{}`, `"x"`, `[]`, `1`, `{"jkt":"x"}`, `{"x5t#S256":null}`, `{"x5t#S256":""}`,
		`{"x5t#S256":"` + thumbprint + `="}`, `{"x5t#S256":"` + thumbprint[:42] + `"}`, `{"x5t#s256":"` + thumbprint + `"}`,
		`{"x5t#S256":"` + thumbprint[:20] + `\n` + thumbprint[20:] + `"}`} {
		rows = append(rows, Case{Name: "cnf " + cnf, Spec: claim("cnf", json.RawMessage(cnf)), Certificates: []*x509.Certificate{mine}})
	}
	return slices.Concat(
		invalid(verifier.Bound, rows...),
		[]Case{{Name: "bound, its certificate", Spec: bound, Certificates: []*x509.Certificate{mine, other}}},
	)
}

func policy() []Case {
	check := func(err error) func(*verifier.Config) {
		return func(c *verifier.Config) {
			c.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
				if r.Authorization != nil {
					panic("Check was shown the credential")
				}
				return err
			}
		}
	}
	granted := func(names ...string) spec { return spec{Scopes: names} }
	wildcards := func(i *verifier.Issuer) { i.WildcardScopes = true }
	const insufficient = verifier.InsufficientScope
	return slices.Concat(
		[]Case{
			{Name: "scope granted", Spec: granted("a", "b"), Need: scopes.All("a", "b")},
			{Name: "one of two", Spec: granted("b"), Need: scopes.Any("a", "b")},
			{Name: "scopes in a list", Spec: claim("scope", []string{"a", "b c"}), Need: scopes.All("a")},
			{Name: "wildcard", Spec: granted("read:*"), Need: scopes.All("read:users"), Issuer: wildcards},
			{Name: "scp, where scope is absent", Need: scopes.All("a"),
				Spec: spec{Claims: map[string]any{"scope": m2mtest.Absent, "scp": []string{"a"}}}},
			{Name: "ScopesFrom", Need: scopes.All("role"), Issuer: func(i *verifier.Issuer) {
				i.ScopesFrom = func(c verifier.Client) (scopes.Set, error) { return scopes.Of("role"), nil }
			}},
			{Name: "Check agrees", Config: check(nil)},
			{Name: "public, no token", Need: scopes.Public(), Values: func(*Fixture) []string { return nil }},
			{Name: "public, a broken token", Need: scopes.Public(), Values: func(*Fixture) []string { return []string{"Bearer \x00", ""} }},
			{Name: "public, Check is not asked", Need: scopes.Public(), Config: check(errors.New("no"))},
		},
		refused(insufficient, verifier.ScopeMissing,
			Case{Name: "scope missing", Spec: granted("a"), Need: scopes.All("a", "b")},
			Case{Name: "no scopes", Need: scopes.Any("a", "b")},
			Case{Name: "no scope claim", Spec: claim("scope", m2mtest.Absent), Need: scopes.All("a")},
			Case{Name: "scope in another case", Spec: granted("A"), Need: scopes.All("a")},
			Case{Name: "a tab does not split", Spec: claim("scope", "a\tadmin"), Need: scopes.All("admin")},
			Case{Name: "a list's item is not split", Spec: claim("scope", []string{"a admin"}), Need: scopes.All("admin")},
			Case{Name: "no union of claims", Spec: spec{Scopes: []string{"a"}, Claims: map[string]any{"scp": "admin"}}, Need: scopes.All("admin")},
			Case{Name: "empty scope, no fall-through", Spec: claim("scp", "admin"), Need: scopes.All("admin")},
			Case{Name: "wildcards off", Spec: granted("read:*"), Need: scopes.All("read:users")},
			Case{Name: "bare star", Spec: granted("*"), Need: scopes.All("read:users"), Issuer: wildcards},
		),
		refused(insufficient, verifier.NoRequirement,
			Case{Name: "no requirement", NoNeed: true},
		),
		invalid(verifier.Revoked,
			Case{Name: "Check: revoked", Config: check(fmt.Errorf("client 1: %w", verifier.Revoked))},
			Case{Name: "Check: revoked, before the scope", Config: check(verifier.Revoked), Need: scopes.All("a")},
		),
		invalid(verifier.Denied,
			Case{Name: "Check: InvalidToken", Config: check(&verifier.Error{Code: verifier.InvalidToken})},
		),
		refused(insufficient, verifier.Forbidden,
			Case{Name: "Check: InsufficientScope", Config: check(fmt.Errorf("x: %w", &verifier.Error{Code: verifier.InsufficientScope}))},
		),
		refused(verifier.Unavailable, verifier.CheckFailed,
			Case{Name: "Check: a nil Error", Config: check((*verifier.Error)(nil))},
			Case{Name: "Check: an error", Config: check(errors.New("no database"))},
			Case{Name: "Check: Unavailable", Config: check(&verifier.Error{Code: verifier.Unavailable})},
			Case{Name: "Check: a Code that is not its own", Config: check(&verifier.Error{Code: verifier.NoCredentials})},
		),
		refused(verifier.Unavailable, verifier.Panicked,
			Case{Name: "Check returns a nil pointer", Config: check((*net.OpError)(nil))},
			Case{Name: "Check panics", Config: func(c *verifier.Config) {
				c.Check = func(context.Context, verifier.Client, verifier.Request) error { panic("no") }
			}},
		),
	)
}
