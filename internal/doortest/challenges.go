package doortest

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// Origin is the address of every door's service, for DPoP proofs (RFC 9449).
const Origin = "https://api.example.com"

// Challenges returns the WWW-Authenticate values, joined by " | ", that a response
// to c may have (RFC 6750 §3, RFC 9449 §7.1), each with the Code that it stands for.
func (c Call) Challenges() map[string]verifier.Code {
	const realm = `realm="api"`
	scope := ""
	if names := c.Need.Scopes(); len(names) > 0 {
		scope = `, scope="` + strings.Join(names, " ") + `"`
	}
	m := map[string]verifier.Code{}
	for parameters, code := range map[string]verifier.Code{
		scope:                                  verifier.NoCredentials,
		`, error="invalid_request"`:            verifier.InvalidRequest,
		`, error="invalid_token"`:              verifier.InvalidToken,
		`, error="invalid_dpop_proof"`:         verifier.InvalidToken,
		`, error="insufficient_scope"` + scope: verifier.InsufficientScope,
	} {
		algs := `, algs="` + strings.Join(c.ProofAlgorithms, " ") + `"`
		isDPoP := len(c.Authorization) == 1 && strings.HasPrefix(strings.ToLower(c.Authorization[0]), "dpop")
		switch bearer, dpop := "Bearer "+realm, "DPoP "+realm; {
		case c.ProofAlgorithms == nil:
			m[bearer+parameters] = code
		case code == verifier.NoCredentials:
			m[bearer+parameters+" | "+dpop+parameters+algs] = code
		case isDPoP:
			m[bearer+" | "+dpop+parameters+algs] = code
		default:
			m[bearer+parameters+" | "+dpop+algs] = code
		}
	}
	return m
}
