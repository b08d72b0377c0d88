package issuers_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// row is an authority without a preset: a row of docs/issuers.md, with the fields that
// it names, and tokens of its form.
type row struct {
	fixture
	accept string // Accept, as the row writes it
}

// field returns how a row writes a list, such as {"azp"}.
func field(list []string) string {
	if list == nil {
		return ""
	}
	return `{"` + strings.Join(list, `", "`) + `"}`
}

// TestRows runs the tokens of every row, and compares the row with the fields that
// accept them.
func TestRows(t *testing.T) {
	doc, err := os.ReadFile("../docs/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(doc), "\n")
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			var line string
			for _, l := range lines {
				if strings.HasPrefix(l, "| "+r.name+" |") || strings.HasPrefix(l, "| "+r.name+",") {
					line = l
				}
			}
			iss := r.issuer
			for name, want := range map[string]string{
				"AudienceClaims": field(iss.AudienceClaims), "ClientIDClaims": field(iss.ClientIDClaims),
				"ScopeClaims": field(iss.ScopeClaims), "TokenTypes": field(iss.TokenTypes), "Accept": r.accept,
			} {
				if want != "" && !strings.Contains(line, name+"` `"+want+"`") {
					t.Errorf("the row %q does not say %s %s", line, name, want)
				}
				if want == "" && strings.Contains(line, name) {
					t.Errorf("the row %q says %s, want it to be the default", line, name)
				}
			}
			r.run(t)
		})
	}
}

// newRow returns a row of which tokens are signed by RS256.
func newRow(name, accept string, iss verifier.Issuer, header object, tokens ...token) row {
	iss.Algorithms = []string{"RS256"}
	machine := tokens[0].claims
	tokens = append(tokens,
		token{name: "another issuer", claims: with(machine, object{"iss": iss.Name + "x"}), want: verifier.UnknownIssuer},
		token{name: "a stranger's key", claims: machine,
			key: &m2mtest.Key{ID: testKeys().sign.ID, Algorithm: "RS256", Private: testKeys().stranger.Private}, want: verifier.BadSignature},
	)
	return row{fixture{name: name, issuer: iss, header: header, keys: []object{jwk(testKeys().sign, []string{"use", "alg"}, nil)},
		key: testKeys().sign, tokens: tokens}, accept}
}

// near returns a token that is refused.
func near(name string, want verifier.Reason, base, changes object) token {
	return token{name: name, claims: with(base, changes), want: want}
}

// both returns the changes of a and b; those of b win.
func both(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func good(claims object, id, scopes string) token {
	return token{name: "a machine", claims: claims, id: id, scopes: scopes}
}

// Claims of near misses that every authority has.
const (
	absent = m2mtest.Absent
	other  = "https://other.example.com"
)
