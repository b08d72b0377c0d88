package doortest

import (
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// hostileCases returns the corpus, presented to an operation that requires
// scopes: tokens of the RS256 key, and ECDSA signatures of the other key.
func hostileCases(f *Fixture) []Case {
	m := hostile.Maker{
		Authority: f.Authority, Foreign: f.Foreign, Trap: f.Trap,
		Need: scopes.All("read:orders", "admin"), Others: []scopes.Requirement{scopes.All("write:orders")},
	}
	ecdsa := m
	ecdsa.Good, ecdsa.Foreign = m2mtest.TokenSpec{Key: f.Weak}, m2mtest.NewKey("ES256")
	corpus := m.Corpus()
	for _, c := range ecdsa.Signatures() {
		if strings.HasPrefix(c.Name, "signature: ECDSA") {
			corpus = append(corpus, c)
		}
	}
	seen := map[string]int{}
	var rows []Case
	for _, c := range corpus {
		name := c.Name
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprint(name, " ", seen[name])
		}
		rows = append(rows, Case{
			Name: name, Presents: &c, Need: m.Need, Code: c.Code, Reason: c.Reason,
			Issuer: func(i *verifier.Issuer) {
				*i = f.Issuer()
				i.Algorithms = []string{"RS256", "ES256"}
			},
		})
	}
	return rows
}
