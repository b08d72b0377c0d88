package doortest

import (
	"slices"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

func claimsOf(f *Fixture) []Case {
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
			Case{Name: "iss of a name in its other form", Spec: claim("iss", "https://xn--bcher-kva.example"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://bücher.example"} }},
			Case{Name: "iss with its default port", Spec: claim("iss", "https://alias.example.com:443"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
			Case{Name: "iss of a host in upper case", Spec: claim("iss", "https://ALIAS.example.com"),
				Issuer: func(i *verifier.Issuer) { i.Aliases = []string{"https://alias.example.com"} }},
		),
		invalid(verifier.Audience,
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
		),
	)
}
