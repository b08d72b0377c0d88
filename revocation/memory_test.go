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

// BenchmarkAdd adds 100,000 cut-offs, singly and in batches of 1,000, to a list that
// holds none of them, and to one that is full of them.
func BenchmarkAdd(b *testing.B) {
	const n = 100_000
	cutoffs := make([]revocation.Cutoff, n)
	for i := range cutoffs {
		cutoffs[i] = revocation.Cutoff{Issuer: issuer, Select: revocation.Client(fmt.Sprintf("m2m-client-live-%020d", i)), IssuedUpTo: time.Now()}
	}
	for _, batch := range []int{1, 1000} {
		b.Run(fmt.Sprintf("new/%d", batch), func(b *testing.B) {
			for b.Loop() {
				l := newList(b, revocation.Config{MaxEntries: n})
				for i := 0; i < n; i += batch {
					add(b, l, cutoffs[i:i+batch]...)
				}
			}
		})
		b.Run(fmt.Sprintf("again/%d", batch), func(b *testing.B) {
			l := newList(b, revocation.Config{MaxEntries: n})
			add(b, l, cutoffs...)
			for b.Loop() {
				for i := 0; i < n; i += batch {
					add(b, l, cutoffs[i:i+batch]...)
				}
			}
		})
	}
}

// BenchmarkFindMeanwhile looks up a token while another goroutine adds cut-offs and
// asks for the Status of 100,000.
func BenchmarkFindMeanwhile(b *testing.B) {
	l := newList(b, revocation.Config{})
	for i := range 100_000 {
		add(b, l, revocation.Cutoff{Issuer: issuer, Select: revocation.Client(fmt.Sprint(i)), IssuedUpTo: bound})
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			l.Add(revocation.Cutoff{Issuer: issuer, Select: revocation.Client(fmt.Sprint(i % 1000)), IssuedUpTo: bound.Add(time.Duration(i) * time.Second)})
			l.Status()
		}
	}()
	token := revocation.Issued{Issuer: issuer, ClientID: "x", TokenID: "j", IssuedAt: bound}
	for b.Loop() {
		l.Find(token)
	}
	close(stop)
	<-done
}
