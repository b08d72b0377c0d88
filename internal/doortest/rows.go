package doortest

import (
	"hash/crc32"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// This file selects the rows that a door runs.

// transported returns the rows whose outcome a transport can change: every
// credential that is not just another token, every certificate, and one row of
// each Reason for the responses. The others differ in the token or proof alone, of
// which a transport sees base64url and dots, or in what is Unseen.
func transported(rows []Case) []Case {
	seen := map[[2]verifier.Reason]bool{}
	return slices.DeleteFunc(rows, func(c Case) bool {
		if c.Values != nil && !c.Unseen || len(c.Certificates) > 0 || strings.HasPrefix(c.Name, "credential: ") || strings.HasPrefix(c.Name, "elsewhere: ") {
			return false
		}
		reasons := [2]verifier.Reason{c.Reason, c.LaterReason}
		before := seen[reasons]
		seen[reasons] = true
		return before
	})
}

// sample returns one row of each Reason and a third of the others. Which third depends on
// the door. It keeps tests under the race detector short: without the detector, every
// door runs every row.
func sample(rows []Case, door string) (some []Case) {
	at := crc32.ChecksumIEEE([]byte(door))
	seen := map[[2]verifier.Reason]bool{}
	for i, c := range rows {
		if reasons := [2]verifier.Reason{c.Reason, c.LaterReason}; !seen[reasons] || (uint32(i)+at)%3 == 0 {
			seen[reasons] = true
			some = append(some, c)
		}
	}
	return some
}
