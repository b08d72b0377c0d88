package doortest

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

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
			Case{Name: "two schemes, the other first", Values: value("Basic Bearer TOKEN")},
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
			Case{Name: "leading space", Values: value(" Bearer TOKEN"), Spaced: true},
			Case{Name: "leading tab", Values: value("\tBearer TOKEN"), Spaced: true},
			Case{Name: "trailing space", Values: value("Bearer TOKEN "), Spaced: true},
			Case{Name: "trailing tab", Values: value("Bearer TOKEN\t"), Spaced: true},
			Case{Name: "tab for a space", Values: value("Bearer\tTOKEN")},
			Case{Name: "tab after the space", Values: value("Bearer \tTOKEN")},
			Case{Name: "tab inside", Values: value("Bearer TOKEN\tx")},
			Case{Name: "the scheme twice", Values: value("Bearer Bearer TOKEN")},
			Case{Name: "colon after the scheme", Values: value("Bearer: TOKEN")},
			Case{Name: "equals sign after the scheme", Values: value("Bearer=TOKEN")},
			Case{Name: "quoted as a whole", Values: value(`"Bearer TOKEN"`)},
			Case{Name: "JSON serialization, without a protected header", Values: value(`Bearer {"payload":"e30","signature":"AA"}`)},
			Case{Name: "JSON serialization, general", Values: value(`Bearer {"payload":"e30","signatures":[{"signature":"AA"},{"signature":"AA"}]}`)},
			Case{Name: "space inside", Values: value("Bearer TOKEN x")},
			Case{Name: "comma inside", Values: value("Bearer TOKEN,x")},
			Case{Name: "two credentials in one value", Values: value("Bearer TOKEN, Bearer TOKEN")},
			Case{Name: "comma before the token", Values: value("Bearer ,TOKEN")},
			Case{Name: "a brace in the scheme", Values: value("B{ TOKEN")},
			Case{Name: "a bracket in the scheme", Values: value("B[ TOKEN")},
			Case{Name: "comma after the scheme", Values: value("Bearer,TOKEN")},
			Case{Name: "line feed at the end", Values: value("Bearer TOKEN\n"), Spaced: true},
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
			Case{Name: "as many dots as are looked at", Values: value("Bearer " + strings.Repeat(".", 8192))},
			Case{Name: "dots around it", Values: value("Bearer .TOKEN.")},
			Case{Name: "quoted", Values: value(`Bearer "TOKEN"`)},
			Case{Name: "as a parameter", Values: value("Bearer token=TOKEN")},
		),
	)
}

// elsewhere are good tokens in places that nobody looks at.
func elsewhere() []Case {
	none := func(*Fixture) []string { return nil }
	rows := []Case{
		{Name: "in the query", Values: none, Query: "access_token=TOKEN&authorization=Bearer%20TOKEN&token=TOKEN"},
		{Name: "in a form", Values: none, Form: "access_token=TOKEN&authorization=Bearer+TOKEN"},
	}
	for name, value := range map[string]string{
		"authorization-bin":           "Bearer TOKEN",
		"grpcgateway-authorization":   "Bearer TOKEN",
		"grpc-metadata-authorization": "Bearer TOKEN",
		"proxy-authorization":         "Bearer TOKEN",
		"x-authorization":             "Bearer TOKEN",
		"x-forwarded-authorization":   "Bearer TOKEN",
		"x-original-authorization":    "Bearer TOKEN",
		"authentication":              "Bearer TOKEN",
		"x-access-token":              "TOKEN",
		"x-goog-iap-jwt-assertion":    "TOKEN",
		"sec-websocket-protocol":      "bearer, TOKEN",
		"cookie":                      "access_token=TOKEN; authorization=Bearer TOKEN",
	} {
		rows = append(rows, Case{Name: "in " + name, Values: none, Elsewhere: map[string]string{name: value}})
	}
	slices.SortFunc(rows, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return slices.Concat(
		refused(verifier.NoCredentials, verifier.CredentialsMissing, rows...),
		refused(verifier.NoCredentials, verifier.SchemeUnsupported,
			Case{Name: "another scheme, and a token elsewhere", Values: func(*Fixture) []string { return []string{"Basic dTpw"} },
				Elsewhere: map[string]string{"proxy-authorization": "Bearer TOKEN"}, Query: "access_token=TOKEN"},
		),
		invalid(verifier.Malformed,
			Case{Name: "a broken token, and a good one elsewhere", Values: func(*Fixture) []string { return []string{"Bearer x"} },
				Elsewhere: map[string]string{"x-authorization": "Bearer TOKEN"}, Form: "access_token=TOKEN"},
		),
	)
}
