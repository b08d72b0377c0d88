package revocation_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// BenchmarkMemory reports the memory of a cut-off with a note of 40 bytes.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l, n := newList(b, revocation.Config{MaxEntries: 1 << 30}), 0
	for b.Loop() {
		add(b, l, revocation.Cutoff{
			Issuer: issuer, Select: revocation.Client(fmt.Sprintf("m2m-client-live-%020d", n)), IssuedUpTo: time.Now(),
			Note: fmt.Sprintf("%040d", n),
		})
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "bytes/entry")
	runtime.KeepAlive(l)
}
