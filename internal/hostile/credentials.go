package hostile

import (
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// credentials are values of the Authorization field that are ambiguous, or no
// bearer token (RFC 6750 §2.1, RFC 9110 §11.6.2).
func (m *maker) credentials() []Credential {
	token := m.token(nil)
	forged := m.token(func(s *spec) { s.Key, s.Header["kid"] = m.Foreign, m.key.ID })
	values := func(name string, values ...string) Credential {
		fill := strings.NewReplacer("TOKEN", token, "FORGED", forged)
		filled := []string{}
		for _, v := range values {
			filled = append(filled, fill.Replace(v))
		}
		return Credential{Name: name, Authorization: filled}
	}
	spaced := func(name, value string) Credential {
		c := values(name, value)
		c.Spaced = true
		return c
	}
	long := strings.Repeat("a", 64<<10)
	return slices.Concat(
		refused(verifier.NoCredentials, verifier.CredentialsMissing,
			values("none"),
		),
		refused(verifier.NoCredentials, verifier.SchemeUnsupported,
			values("Basic", "Basic TOKEN"),
			values("DPoP", "DPoP TOKEN"),
			values("a scheme that begins with Bearer", "BearerX TOKEN"),
			values("token without a scheme", "TOKEN"),
			values("two schemes, the other first", "Basic Bearer TOKEN"),
			values("a long one of another scheme", "Negotiate "+long),
		),
		refused(verifier.InvalidRequest, verifier.CredentialsMultiple,
			values("the same twice", "Bearer TOKEN", "Bearer TOKEN"),
			values("a good one before a forged one", "Bearer TOKEN", "Bearer FORGED"),
			values("a forged one before a good one", "Bearer FORGED", "Bearer TOKEN"),
			values("Basic before it", "Basic eDp5", "Bearer TOKEN"),
			values("Basic after it", "Bearer TOKEN", "Basic eDp5"),
			values("an empty value after it", "Bearer TOKEN", ""),
			values("a value that is no text after it", "Bearer TOKEN", "Bearer \xff"),
		),
		refused(verifier.InvalidRequest, verifier.CredentialsMalformed,
			values("empty", ""),
			values("empty token", "Bearer "),
			values("scheme alone", "Bearer"),
			values("spaces alone", "   "),
			spaced("space before", " Bearer TOKEN"),
			spaced("tab before", "\tBearer TOKEN"),
			spaced("space after", "Bearer TOKEN "),
			spaced("tab after", "Bearer TOKEN\t"),
			spaced("line feed", "Bearer TOKEN\n"),
			values("tab for a space", "Bearer\tTOKEN"),
			values("tab after the space", "Bearer \tTOKEN"),
			values("tab inside", "Bearer TOKEN\tx"),
			values("two schemes", "Bearer Bearer TOKEN"),
			values("colon after the scheme", "Bearer: TOKEN"),
			values("equals sign after the scheme", "Bearer=TOKEN"),
			values("quoted as a whole", `"Bearer TOKEN"`),
			values("JSON serialization, without a protected header", `Bearer {"payload":"e30","signature":"AA"}`),
			values("JSON serialization, general", `Bearer {"payload":"e30","signatures":[{"signature":"AA"},{"signature":"AA"}]}`),
			values("space inside", "Bearer TOKEN x"),
			values("comma inside", "Bearer TOKEN,x"),
			values("comma after it", "Bearer TOKEN,"),
			values("two in one value", "Bearer TOKEN, Bearer TOKEN"),
			values("comma before the token", "Bearer ,TOKEN"),
			values("a brace in the scheme", "B{ TOKEN"),
			values("a bracket in the scheme", "B[ TOKEN"),
			values("comma after the scheme", "Bearer,TOKEN"),
			values("carriage return inside", "Bearer a\rb"),
			values("NUL", "Bearer TOKEN\x00"),
			values("DEL", "Bearer TOKEN\x7f"),
			values("byte order mark", "\ufeffBearer TOKEN"),
			values("zero-width space", "Bearer TOKEN\u200b"),
			values("no-break space", "Bearer\u00a0TOKEN"),
			values("Kelvin sign", "BeareR\u212a TOKEN"),
			values("invalid UTF-8", "Bearer TOKEN\xff"),
			values("control character in another scheme", "Basic \x01"),
		),
		invalid(verifier.TooLarge,
			values("one byte longer than the default limit", "Bearer "+long[:8193]),
			values("a hundred thousand dots", "Bearer "+strings.Repeat(".", 100_000)),
			values("a hundred thousand spaces", "Bearer "+strings.Repeat(" ", 100_000)+"TOKEN"),
			m.claim("a token of 80 KiB", "pad", strings.Repeat("x", 60<<10)),
		),
		invalid(verifier.Malformed,
			values("as long as the default limit", "Bearer "+long[:8192]),
			values("as many dots as the default limit", "Bearer "+strings.Repeat(".", 8192)),
			values("dots around it", "Bearer .TOKEN."),
			values("quoted", `Bearer "TOKEN"`),
			values("as a parameter", "Bearer token=TOKEN"),
		),
	)
}

// elsewhere are accepted tokens in places that no guard reads.
func (m *maker) elsewhere() []Credential {
	token := m.token(nil)
	rows := each(map[string]string{
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
		"cookie":                      "access_token=TOKEN; token=TOKEN; authorization=Bearer TOKEN",
	}, func(name, value string) Credential {
		return Credential{Name: "in " + name, Elsewhere: map[string]string{name: strings.ReplaceAll(value, "TOKEN", token)}}
	})
	query := "access_token=" + token + "&token=" + token + "&authorization=Bearer%20" + token
	return slices.Concat(
		refused(verifier.NoCredentials, verifier.CredentialsMissing, rows...),
		refused(verifier.NoCredentials, verifier.CredentialsMissing,
			Credential{Name: "in the query", Query: query}, // RFC 6750 §2.3
			Credential{Name: "in the form", Form: query},   // RFC 6750 §2.2
		),
		refused(verifier.NoCredentials, verifier.SchemeUnsupported,
			Credential{Name: "beside another scheme", Authorization: []string{"Basic dTpw"},
				Elsewhere: map[string]string{"proxy-authorization": "Bearer " + token}, Query: query},
		),
		invalid(verifier.Malformed,
			Credential{Name: "beside a broken token", Authorization: []string{"Bearer x"},
				Elsewhere: map[string]string{"x-authorization": "Bearer " + token}, Form: query},
		),
	)
}
