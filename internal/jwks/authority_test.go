package jwks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// The tests of a Source run in virtual time, with a RandomFraction of 0.5. So the
// first periodic fetch is half an interval after the first good one, later ones a
// whole interval, and the wait after the nth failure is 2^n/4 s.

// answer is a scripted Fetcher.
type answer = Fetcher

var errDown = errors.New("the authority is down")

func down(context.Context, string) (Document, error) { return Document{}, errDown }

// hang waits until its context ends.
func hang(ctx context.Context, _ string) (Document, error) {
	<-ctx.Done()
	return Document{}, ctx.Err()
}

func serves(keys ...jwk) answer {
	return func(context.Context, string) (Document, error) { return Document{Body: document(keys...)}, nil }
}

// tagged serves keys with an ETag, and answers 304 if it was sent.
func tagged(etag string, keys ...jwk) answer {
	return func(_ context.Context, sent string) (Document, error) {
		if sent == etag {
			return Document{NotModified: true, ETag: etag}, nil
		}
		return Document{Body: document(keys...), ETag: etag}, nil
	}
}

// after delays an answer by d.
func after(d time.Duration, a answer) answer {
	return func(ctx context.Context, etag string) (Document, error) {
		select {
		case <-time.After(d):
			return a(ctx, etag)
		case <-ctx.Done():
			return Document{}, ctx.Err()
		}
	}
}

// authority gives scripted answers, and records the ETag of each fetch, and how
// many there were at the same time.
type authority struct {
	keytest.Script[answer]

	mu     sync.Mutex
	etags  []string
	active int
	most   int
}

// answering returns an authority that gives a until the test says otherwise.
func answering(a answer) *authority {
	s := new(authority)
	s.Now(a)
	return s
}

func (a *authority) fetch(ctx context.Context, etag string) (Document, error) {
	answer := a.Next()
	a.mu.Lock()
	a.etags = append(a.etags, etag)
	a.active++
	a.most = max(a.most, a.active)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.active--
		a.mu.Unlock()
	}()
	return answer(ctx, etag)
}

// log returns the time and the ETag of each fetch.
func (a *authority) log() (asked []time.Time, etags []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Asked(), slices.Clone(a.etags)
}

func options(a *authority) Options {
	return Options{
		Fetch:          a.fetch,
		Algorithms:     everything,
		MaxBytes:       256 << 10,
		Interval:       5 * time.Minute,
		MaxStale:       24 * time.Hour,
		Timeout:        5 * time.Second,
		Backdating:     10 * time.Minute,
		Slots:          NewSlots(8),
		Now:            time.Now,
		RandomFraction: func() float64 { return 0.5 },
	}
}

// open starts a Source that fetches from a. change may change its options.
func open(t *testing.T, a *authority, change ...func(*Options)) *Source {
	t.Helper()
	opts := options(a)
	for _, f := range change {
		f(&opts)
	}
	s := New(opts)
	t.Cleanup(s.Close)
	synctest.Wait()
	return s
}

// passUntil is pass until the time at.
func passUntil(at time.Time) { keytest.Pass(time.Until(at)) }

// wantFetches checks the number of fetches so far.
func wantFetches(t *testing.T, a *authority, want int) {
	t.Helper()
	if n := a.Fetches(); n != want {
		t.Errorf("%d fetches, want %d", n, want)
	}
}

// timed returns how long f took, and its error.
func timed(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}

// asks returns a Query for an Ed25519 key, of a token that was issued the given
// time ago.
func asks(id string, ago time.Duration) Query {
	return Query{KeyID: id, Algorithm: "EdDSA", IssuedAt: time.Now().Add(-ago), Now: time.Now()}
}

// undated returns a Query of a token without "iat".
func undated(id string) Query { return Query{KeyID: id, Algorithm: "EdDSA", Now: time.Now()} }

// why returns the Why of err, Found if it is nil, and -1 if it is another error.
func why(err error) Why {
	if err == nil {
		return Found
	}
	if e, ok := errors.AsType[*MissingError](err); ok {
		return e.Why
	}
	return -1
}

// wantFind checks the result of Find for q, how long it takes, and the number of
// fetches meanwhile.
func wantFind(t *testing.T, s *Source, a *authority, q Query, want Why, took time.Duration, fetches int) {
	t.Helper()
	before := a.Fetches()
	var key Key
	var set *Set
	d, err := timed(func() (err error) { key, set, err = s.Find(context.Background(), q); return err })
	synctest.Wait() // for a fetch that it did not wait for
	if n := a.Fetches() - before; why(err) != want || d != took || n != fetches {
		t.Errorf("Find(%q): %v after %v and %d fetches; want %d after %v and %d", q.KeyID, err, d, n, want, took, fetches)
	}
	if want == Found && (set == nil || key.Key == nil || q.KeyID != "" && key.ID != q.KeyID || !set.Holds(key)) {
		t.Errorf("Find(%q) = key %+v of set %p, want the key and a set that holds it", q.KeyID, key, set)
	}
}

// refresh calls Refresh, which must succeed.
func refresh(t *testing.T, s *Source) {
	t.Helper()
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatalf("Refresh: %v", err)
	}
}
