package doortest

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func claimsOf(f *Fixture) []Case {
	iss := "stytch.com/" + f.ProjectID()
	apart := func(i *verifier.Issuer) { i.ClientIDClaims, i.Accept = []string{"client_id"}, nil }
	with := func(id, sub any) spec { return spec{Claims: map[string]any{"client_id": id, "sub": sub}} }
	return slices.Concat(
		[]Case{
			{Name: "the subject is the client", Spec: with("c", "c"), Issuer: apart},
			{Name: "claim that marks machines is there", Spec: claim("gty", "client-credentials"), Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.AcceptAll(verifier.ClaimEquals("gty", "client-credentials"), verifier.ClaimAbsent("uid"), verifier.ClaimPrefixAbsent("user_"))
			}},
		},
		invalid(verifier.UnknownIssuer,
			Case{Name: "iss missing", Spec: claim("iss", m2mtest.Absent)},
			Case{Name: "iss null", Spec: claim("iss", nil)},
			Case{Name: "iss a list", Spec: claim("iss", []string{iss})},
			Case{Name: "iss empty", Spec: claim("iss", "")},
			Case{Name: "iss with a slash", Spec: claim("iss", iss+"/")},
			Case{Name: "iss in another case", Spec: claim("iss", strings.ToUpper(iss))},
			Case{Name: "iss as a URL", Spec: claim("iss", "https://"+iss)},
			Case{Name: "iss a part of it", Spec: claim("iss", iss[:len(iss)-1])},
			Case{Name: "iss the end of it", Spec: claim("iss", iss[1:])},
			Case{Name: "iss more than it", Spec: claim("iss", iss+"x")},
			Case{Name: "iss with a space", Spec: claim("iss", iss+" ")},
			Case{Name: "iss with a line feed", Spec: claim("iss", iss+"\n")},
			Case{Name: "iss with a NUL", Spec: claim("iss", iss+"\x00")},
			Case{Name: "iss a list with a stranger's", Spec: claim("iss", []string{"https://evil.example.com", iss})},
			Case{Name: "iss an object", Spec: claim("iss", map[string]any{iss: true})},
			Case{Name: "iss a number", Spec: claim("iss", 1)},
			Case{Name: "iss of a name in its other form", Spec: claim("iss", "https://xn--bcher-kva.example"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://bücher.example"} }},
			Case{Name: "iss with its default port", Spec: claim("iss", "https://alias.example.com:443"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
			Case{Name: "iss of a host in upper case", Spec: claim("iss", "https://ALIAS.example.com"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
			Case{Name: "a stranger's", Spec: claim("iss", "https://evil.example.com")},
		),
		invalid(verifier.Audience,
			Case{Name: "aud missing", Spec: claim("aud", m2mtest.Absent)},
			Case{Name: "aud null", Spec: claim("aud", nil)},
			Case{Name: "aud empty", Spec: claim("aud", "")},
			Case{Name: "aud an empty list", Spec: claim("aud", []string{})},
			Case{Name: "another service's", Spec: claim("aud", "other")},
			Case{Name: "a beginning of it", Spec: claim("aud", f.ProjectID()[:12])},
			Case{Name: "the end of it", Spec: claim("aud", f.ProjectID()[1:])},
			Case{Name: "aud in another case", Spec: claim("aud", strings.ToUpper(f.ProjectID()))},
			Case{Name: "aud with a space", Spec: claim("aud", f.ProjectID()+" ")},
			Case{Name: "several audiences in one string", Spec: claim("aud", "other "+f.ProjectID())},
			Case{Name: "a wildcard", Spec: claim("aud", "*")},
			Case{Name: "an empty one among others", Spec: claim("aud", []string{"", "other"})},
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
			Case{Name: "client ID a list", Spec: with([]string{"c"}, m2mtest.Absent), Issuer: apart},
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
			Case{Name: "claim that marks machines is missing", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.ClaimEquals("gty", "")
			}},
			Case{Name: "claim that marks machines is no string", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.ClaimEquals("gty", "")
			}, Spec: claim("gty", 1)},
			Case{Name: "an empty prefix marks nobody", Issuer: func(i *verifier.Issuer) { i.Accept = verifier.SubjectHasPrefix("") }},
			Case{Name: "the last of several rules refuses", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.AcceptAll(verifier.SubjectHasPrefix("m2m-"), verifier.ClaimPrefixAbsent("user_"))
			}, Spec: claim("user_id", 1)},
			Case{Name: "claim that marks people is there", Issuer: func(i *verifier.Issuer) {
				i.Accept = verifier.ClaimAbsent("uid")
			}, Spec: claim("uid", nil)},
		),
		invalid(verifier.ClaimMalformed,
			Case{Name: "sub a number", Spec: with("c", 1), Issuer: apart},
			Case{Name: "jti a number", Spec: claim("jti", 1)},
			Case{Name: "scope a number", Spec: claim("scope", 1)},
			Case{Name: "scope an object", Spec: claim("scope", map[string]any{"a": 1})},
			Case{Name: "scope a list with a number", Spec: claim("scope", []any{"a", 1})},
			Case{Name: "257 scopes", Spec: claim("scope", strings.Repeat("a ", 257))},
			Case{Name: "257 scopes in a list", Spec: claim("scope", slices.Repeat([]string{"a"}, 257))},
		),
	)
}
