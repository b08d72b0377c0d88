package doortest

import (
	"github.com/m2mauth/m2mauth/verifier"
	"slices"
	"strings"
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
