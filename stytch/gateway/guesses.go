package gateway

import (
	"crypto/sha256"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// guesses counts the addresses from which authentication as each client failed. The
// limits of TokenEndpointOptions.Failures are by address, so that a guess from many
// addresses exceeds none of them.
type guesses struct {
	clients *otter.Cache[[sha256.Size]byte, *failedAddrs]
	seed    maphash.Seed
	began   time.Time
}

const (
	guessWindow   = 3600 // seconds
	guessAlarm    = 5    // addresses in the window
	guessMaxAddrs = 8    // that are counted
)

// failedAddrs holds the last addresses. The zero value has none.
type failedAddrs struct {
	mu    sync.Mutex
	addrs [guessMaxAddrs]struct {
		hash uint32
		last uint32 // seconds since guesses.began, plus guessWindow; 0 for a free place
	}
}

func newGuesses(tracked int) *guesses {
	return &guesses{seed: maphash.MakeSeed(), began: time.Now(), clients: otter.Must(&otter.Options[[sha256.Size]byte, *failedAddrs]{
		MaximumSize: tracked,
		Executor:    func(upkeep func()) { upkeep() }, // no goroutine
	})}
}

// failed records a failure, and returns Answer.FailedFrom.
func (g *guesses) failed(clientID string, addr netip.Addr) int {
	client, _ := g.clients.ComputeIfAbsent(sha256.Sum256([]byte(clientID)), func() (*failedAddrs, bool) {
		return new(failedAddrs), false
	})
	now := uint32(time.Since(g.began)/time.Second) + guessWindow
	n := client.record(uint32(maphash.Comparable(g.seed, addr)), now)
	if n < guessAlarm {
		return 0
	}
	return n
}

// record returns how many addresses there are in the window, this one included. It
// takes the place of the oldest.
func (f *failedAddrs) record(hash, now uint32) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	place, others := 0, 0
	for i := range f.addrs {
		a := &f.addrs[i]
		if a.hash == hash {
			a.last = 0 // takes its own place
		} else if now-a.last < guessWindow {
			others++
		}
		if a.last < f.addrs[place].last {
			place = i
		}
	}
	f.addrs[place].hash, f.addrs[place].last = hash, now
	return min(others+1, guessMaxAddrs)
}
