package thirdparty

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/spiffeid"
	theirs "github.com/spiffe/go-spiffe/v2/spiffeid"
)

// pieces are parts of IDs, and of what could pass for one.
var pieces = []string{"spiffe://", "SPIFFE://", "spiffe:/", "https://", "/", "//", ".", "..", "...", "a", "Z", "0", "-", "_", "example.org",
	"example.org.evil", "EXAMPLE.org", ":443", ":", "@", "user@", "user:pw@", "?", "?q=/x", "#", "#/x", "%", "%2F", "%2e", "%00", `\`, ";", "*", "~", "+",
	" ", "\t", "\n", "\r", "\x00", "\x7f", "é", "\u2215", "\u202e", "\ufeff", "\xff", "[::1]", "xn--bcher-kva", strings.Repeat("a", 255), strings.Repeat("/a", 1100)}

// TestSPIFFEIDs compares what is an ID with go-spiffe, on IDs that are put together
// from pieces. Of go-spiffe's IDs, ours leaves out those without a path, which name no
// workload, and those beyond the specification's lengths (SPIFFE-ID §2.1, §2.3).
func TestSPIFFEIDs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	both := 0
	for range 200_000 {
		id := ""
		if random.IntN(4) > 0 {
			id = "spiffe://example.org/"
		}
		for range random.IntN(6) {
			piece := pieces[random.IntN(len(pieces))]
			if random.IntN(8) == 0 {
				piece = string(rune(random.IntN(0x250)))
			}
			id += piece
		}
		compareIDs(t, id)
		if _, _, ok := spiffeid.Split(id); ok {
			both++
		}
	}
	if both < 1000 {
		t.Errorf("IDs of %d that both accept, want 1000 or more: the pieces do not fit", both)
	}
}

// TestSPIFFEBytes compares every byte at every place of an ID.
func TestSPIFFEBytes(t *testing.T) {
	const id = "spiffe://a.example/ns/b.c"
	for i := range len(id) + 1 {
		for c := range 256 {
			compareIDs(t, id[:i]+string([]byte{byte(c)})+id[i:])
			if i < len(id) {
				compareIDs(t, id[:i]+string([]byte{byte(c)})+id[i+1:])
			}
		}
	}
}

func compareIDs(t *testing.T, id string) {
	t.Helper()
	domain, path, ok := spiffeid.Split(id)
	parsed, err := theirs.FromString(id)
	want := err == nil && parsed.Path() != "" && len(id) <= 2048 && len(parsed.TrustDomain().Name()) <= 255
	if ok != want {
		t.Errorf("Split(%q) = %t, want %t: go-spiffe says %v", id, ok, want, err)
	}
	if ok && (domain != parsed.TrustDomain().Name() || path != parsed.Path()) {
		t.Errorf("Split(%q) = %q, %q, want go-spiffe's %q, %q", id, domain, path, parsed.TrustDomain().Name(), parsed.Path())
	}
	if _, err := theirs.TrustDomainFromString(id); !strings.Contains(id, ":/") && len(id) <= 255 && spiffeid.IsTrustDomain(id) != (err == nil) {
		t.Errorf("IsTrustDomain(%q) = %t, want %t", id, spiffeid.IsTrustDomain(id), err == nil)
	}
}
