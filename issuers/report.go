package issuers

import (
	"fmt"
	"strings"
)

// Report is what became of a discovery.
type Report struct {
	// MetadataURL is where the metadata was found.
	MetadataURL string

	// Untold are the parts of the issuer that no metadata tells, and that are
	// defaults now: to be compared with one real token.
	Untold []Untold
}

// Untold is a field of verifier.Issuer that metadata says nothing about.
type Untold struct {
	Field  string // "Accept"
	Holds  string // what holds for it now
	Decide string // what to find out
}

// untold lists what metadata never tells, and what was not given either.
func untold(opts *DiscoverOptions) []Untold {
	var list []Untold
	if len(opts.Audiences) == 0 {
		list = append(list, Untold{"Audiences", "none, which verifier.New refuses", `what "aud" names this service by`})
	}
	return append(list,
		Untold{"Accept", "verifier.SubjectIsClient", "what tells a machine's token from a person's and from an ID token"},
		Untold{"ClientIDClaims", "client_id", "which claim names the client"},
		Untold{"ScopeClaims", "scope, then scp", "which claim holds what was granted"},
		Untold{"TokenTypes", "at+jwt and JWT", `which "typ" access tokens have, if any`},
		Untold{"Algorithms", "RS256, ES256 and EdDSA", "what access tokens are signed with: what metadata lists is for ID tokens"},
	)
}

// String is one line for each Untold.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "metadata: %s\n", r.MetadataURL)
	for _, u := range r.Untold {
		fmt.Fprintf(&b, "%s: %s; find out %s\n", u.Field, u.Holds, u.Decide)
	}
	return b.String()
}
