package attack

import (
	"cmp"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
)

// place is the header in which a server expects tokens: Target.CredentialHeader.
type place string

func (p place) name() string { return cmp.Or(string(p), "Authorization") }

// values returns the values of the header for a credential.
func (p place) values(c hostile.Credential) []string {
	if p == "" || c.Authorization == nil {
		return c.Authorization
	}
	values := make([]string, len(c.Authorization))
	for i, value := range c.Authorization {
		values[i] = strings.TrimPrefix(value, "Bearer ")
	}
	return values
}

// holds reports whether c is an attack there: in a header of its own, a token has no
// scheme.
func (p place) holds(c hostile.Credential) bool {
	return p == "" || c.Name != "credential: token without a scheme"
}

// more returns the attacks that such a header adds: accepted is a good credential.
func (p place) more(accepted hostile.Credential) []hostile.Credential {
	if p == "" {
		return nil
	}
	elsewhere := map[string]string{"authorization": accepted.Authorization[0]}
	return []hostile.Credential{
		{Name: "elsewhere: in authorization", Elsewhere: elsewhere},
		{Name: "elsewhere: in authorization, beside a broken token", Authorization: []string{"Bearer x"}, Elsewhere: elsewhere},
	}
}
