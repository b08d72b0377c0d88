package jwks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// authority gives scripted answers, and records the time and ETag of each fetch.
type authority struct {
	mu     sync.Mutex
	answer answer
	asked  []time.Time
	etags  []string
	active int
	most   int // at the same time
}

func (a *authority) fetch(ctx context.Context, etag string) (Document, error) {
	a.mu.Lock()
	a.asked = append(a.asked, time.Now())
	a.etags = append(a.etags, etag)
	a.active++
	a.most = max(a.most, a.active)
	answer := a.answer
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.active--
		a.mu.Unlock()
	}()
	return answer(ctx, etag)
}

// now sets the answer.
func (a *authority) now(answer answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *authority) fetches() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// log returns the time and the ETag of each fetch.
func (a *authority) log() (asked []time.Time, etags []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked), slices.Clone(a.etags)
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

// pass waits for d, and until everything that is due has happened.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// passUntil is pass until the time at.
func passUntil(at time.Time) { pass(time.Until(at)) }

// wantFetches checks the number of fetches so far.
func wantFetches(t *testing.T, a *authority, want int) {
	t.Helper()
	if n := a.fetches(); n != want {
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
	before := a.fetches()
	var key Key
	var set *Set
	d, err := timed(func() (err error) { key, set, err = s.Find(context.Background(), q); return err })
	synctest.Wait() // for a fetch that it did not wait for
	if n := a.fetches() - before; why(err) != want || d != took || n != fetches {
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
