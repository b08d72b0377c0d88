package jwks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mauth/m2mauth/internal/jose"
)

// Problem reports that a published key was dropped, or that another key took its
// place under the same ID.
type Problem struct {
	KeyID  string
	Text   string
	Secret bool // the key's secret part was published
}

// String returns p for use in an error, with the key ID quoted and cut.
func (p Problem) String() string {
	if p.KeyID == "" {
		return "a key without ID: " + p.Text
	}
	return "key " + strconv.QuoteToASCII(p.KeyID[:min(len(p.KeyID), maxNamed)]) + ": " + p.Text
}

const (
	maxNamed    = 64 // bytes of a key ID in an error
	maxListed   = 8  // problems in an error
	noAlgorithm = `it names no "alg", and more than one RSA algorithm is accepted: `
)

// whyNotUsable returns why k serves none of the accepted algorithms.
func whyNotUsable(k *jose.Key, accepted []string) string {
	list := strings.Join(accepted, ", ")
	switch {
	case k.Algorithm != "":
		return "it is for " + k.Algorithm + ", and accepted are " + list
	case slices.ContainsFunc(accepted, jose.IsRSA):
		return noAlgorithm + list
	default:
		return "it is an RSA key, and accepted are " + list
	}
}

// unusableError returns errNoUsableKey with the problem of each key.
func unusableError(problems []Problem) error {
	if len(problems) == 0 {
		return fmt.Errorf("%w: it is empty", errNoUsableKey)
	}
	var list []string
	for _, p := range problems[:min(len(problems), maxListed)] {
		list = append(list, p.String())
	}
	if more := len(problems) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w: %s", errNoUsableKey, strings.Join(list, "; "))
}

// withoutLeaked returns s without the keys whose secret part doc publishes, or s
// itself if there are none. It is for a doc that can't replace s: the keys of s
// stay in force, except those that anybody can sign with. problems are doc's.
func (s *Set) withoutLeaked(doc *jose.KeySet, problems []Problem) *Set {
	if !slices.ContainsFunc(s.keys, func(k Key) bool { return doc.Leaks(k.Key) }) {
		return s
	}
	rest := *s
	rest.keys, rest.byID, rest.unusable = nil, make(map[string][]Key), maps.Clone(s.unusable)
	for _, k := range s.keys {
		switch {
		case !doc.Leaks(k.Key):
			rest.keys = append(rest.keys, k)
		case k.ID != "":
			rest.unusable[k.ID] = true
		}
	}
	rest.index()
	rest.Problems = problems
	rest.digest = rest.digestOf()
	return &rest
}
