package status

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mauth/m2mauth/telemetry"
)

// replica is what one status page says, or why it says nothing.
type replica struct {
	URL     string            `json:"url"`
	Error   string            `json:"error,omitempty"`
	Report  *telemetry.Report `json:"report,omitempty"`
	Keys    string            `json:"keys,omitempty"`    // equal on replicas that have the same keys
	Differs []string          `json:"differs,omitempty"` // service, keys, policy, revocations
}

// snapshot is what all replicas say, and is the JSON form.
type snapshot struct {
	Well     bool      `json:"well"`  // every replica answers and is well, and they are alike
	Alike    bool      `json:"alike"` // no replica that answers differs
	Replicas []replica `json:"replicas"`
}

// compare marks the replicas that differ from the most common value, or all of them if
// there is none.
func compare(list []replica) snapshot {
	s := snapshot{Well: true, Alike: true, Replicas: list}
	for i := range list {
		r := &list[i]
		if r.Report != nil {
			r.Keys = fingerprint(r.Report)
		}
		s.Well = s.Well && r.Report != nil && r.Report.State == telemetry.Well
	}
	for _, trait := range []struct {
		name string
		of   func(*replica) string
	}{
		{"service", func(r *replica) string { return r.Report.Service }},
		{"keys", func(r *replica) string { return r.Keys }},
		{"policy", func(r *replica) string { return r.Report.OperationsDigest }},
		{"revocations", func(r *replica) string { return view(r.Report.Revocations) }},
	} {
		counts := make(map[string]int)
		for i := range list {
			if list[i].Report != nil {
				counts[trait.of(&list[i])]++
			}
		}
		if len(counts) < 2 {
			continue
		}
		s.Well, s.Alike = false, false
		usual, is := mode(counts)
		for i := range list {
			if r := &list[i]; r.Report != nil && !(is && trait.of(r) == usual) {
				r.Differs = append(r.Differs, trait.name)
			}
		}
	}
	return s
}

// mode returns the value that is more common than any other, if there is one.
func mode(counts map[string]int) (value string, ok bool) {
	most := 0
	for v, n := range counts {
		switch {
		case n > most:
			value, most, ok = v, n, true
		case n == most:
			ok = false
		}
	}
	return value, ok
}

// fingerprint returns a short text that is equal for equal keys of the same issuers,
// whatever their order.
func fingerprint(r *telemetry.Report) string {
	var lines []string
	for _, issuer := range r.Issuers {
		lines = append(lines, fmt.Sprintf("%q %d", issuer.Issuer, issuer.KeysTotal))
		for _, key := range issuer.Keys {
			lines = append(lines, fmt.Sprintf("%q %q %q", issuer.Issuer, key.Thumbprint, key.ID))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strconv.Itoa(r.IssuersTotal) + "\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:4])
}

// view returns what two replicas must have alike in their views of revocations. A view
// of this replica alone is compared with no other.
func view(r *telemetry.RevocationsReport) string {
	switch {
	case r == nil:
		return "none"
	case !r.Shared:
		return "own"
	default:
		return fmt.Sprintf("%q %d", r.Position, r.Entries)
	}
}
