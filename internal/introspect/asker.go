// Package introspect asks an authority about tokens (RFC 7662) on behalf of a
// Verifier. It bounds how often and how many questions are asked at once.
//
// Each token has at most one question on its way, detached from the contexts of the
// callers that wait for it. Negative results are remembered here for some seconds,
// under a keyed hash, in a bounded memory. The caller remembers positive ones.
//
// Tokens that were active before are asked about in a lane of their own: with slots
// and a backoff that tokens of the other lane can't use up. A flood of junk therefore
// delays no renewal. Questions of the other lane have a budget, into which those about
// active tokens do not count: junk causes at most 20 a second in the long run.
package introspect

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// The limits of an Asker.
const (
	Timeout     = 10 * time.Second // for one question
	Patience    = 2 * time.Second  // for a caller that waits for one
	RefusedFor  = 5 * time.Second  // how long a refusal is remembered at most
	FailedFor   = 1 * time.Second  // how long a failure is remembered at least, for its token alone
	maxRefused  = 4096             // remembered results
	maxQueued   = 256              // questions of a lane that wait for a slot
	newSlots    = 64               // questions at once about tokens that are not known to be active
	renewSlots  = 32               // questions at once about tokens that were active
	waitAtClose = 100 * time.Millisecond
)

// Kind says how long a reading counts.
type Kind int

const (
	Passing Kind = iota // for the callers that wait for it
	Refused             // for up to RefusedFor
)

// Question describes a question that was asked.
type Question struct {
	Token      string
	At         time.Time // when it was asked, by the monotonic clock
	Generation uint64    // see Asker.Forget
}

// Options configures an Asker. Every field is required.
type Options[T any] struct {
	// Ask sends the question and returns the answer. An error that is no *StatusError
	// is a failure to reach the authority. Ask may ignore its context: then it keeps
	// its slot, and its answer is dropped.
	Ask func(ctx context.Context, token string) ([]byte, error)

	// Read makes a result of an answer. An error reports an answer that can't be
	// understood. Read is called once for each answer.
	Read func(q Question, answer []byte) (T, Kind, error)

	// Known returns the result for a token that another question has found out and that
	// still counts. Ask calls it before it starts a question: a caller may have looked
	// just before the answer came.
	Known func(token string) (T, bool)

	// RefusedFor limits how long a refusal is remembered, by RefusedFor.
	RefusedFor time.Duration
}

// Asker asks about tokens. It is safe for concurrent use.
type Asker[T any] struct {
	opts    Options[T]
	hashKey [32]byte
	base    context.Context // of every question; ends at Close
	stop    context.CancelFunc
	running sync.WaitGroup // questions, and callbacks that ignore their context

	mu         sync.Mutex
	flights    map[key]*flight[T]
	refused    memory[T]
	lanes      [2]lane
	status     Status
	generation uint64
	closed     bool
}

// key is the keyed hash of a token: memory dumps and hash collisions tell nothing
// about tokens.
type key [sha256.Size]byte

// New returns an Asker. Close ends it.
func New[T any](opts Options[T]) *Asker[T] {
	opts.RefusedFor = min(opts.RefusedFor, RefusedFor)
	a := &Asker[T]{opts: opts, flights: make(map[key]*flight[T]), generation: 1}
	a.base, a.stop = context.WithCancel(context.Background())
	_, _ = rand.Read(a.hashKey[:]) // never fails
	a.lanes[0] = lane{slots: make(chan struct{}, newSlots), budget: newBudget(time.Now(), perSecond, atFirst)}
	a.lanes[1] = lane{slots: make(chan struct{}, renewSlots), known: true}
	return a
}

func (a *Asker[T]) hash(token string) key {
	h := sha256.New()
	h.Write(a.hashKey[:])
	h.Write([]byte(token))
	return key(h.Sum(nil))
}

// Ask returns the result for token. It waits for a question that is on its way, or
// starts one, for Patience at most. wasActive reports that the token was active
// before. The error is an *Error, ErrClosed or that of ctx.
func (a *Asker[T]) Ask(ctx context.Context, token string, wasActive bool) (T, error) {
	f, err := a.start(token, wasActive, a.opts.Known)
	var none T
	if err != nil {
		return none, err
	}
	select {
	case <-f.done:
		return f.value, f.err
	default:
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-patience.C:
		return none, &Error{Err: errSlow, After: FailedFor}
	}
}

// Remembered returns the refusal or the failure that Ask would return for token
// without a question. ok is false if there is none.
func (a *Asker[T]) Remembered(token string) (value T, err error, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return value, ErrClosed, true
	}
	if f := a.refused.get(a.hash(token), time.Now()); f != nil {
		return f.value, f.err, true
	}
	return value, nil, false
}

// Renew asks about a token that was active before, and calls then with the result in
// a goroutine of its own. It does not wait. then may be nil.
func (a *Asker[T]) Renew(token string, then func(T, error)) {
	f, err := a.start(token, true, unknown)
	if then == nil {
		return
	}
	if err != nil {
		f = &flight[T]{done: make(chan struct{}), err: err}
		close(f.done)
	}
	a.after(f, then)
}

// after calls then in a goroutine once f is done, unless a is closed.
func (a *Asker[T]) after(f *flight[T], then func(T, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.running.Go(func() {
		<-f.done
		then(f.value, f.err)
	})
}

// unknown is a Known for questions that renew what is known.
func unknown[T any](string) (value T, ok bool) { return value, false }

// start returns the flight for token: one that is done, because its result is remembered
// or known, one that is on its way, or a new one.
func (a *Asker[T]) start(token string, wasActive bool, known func(string) (T, bool)) (*flight[T], error) {
	k, now := a.hash(token), time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrClosed
	}
	if f := a.refused.get(k, now); f != nil {
		return f, nil
	}
	if f := a.flights[k]; f != nil {
		return f, nil
	}
	if value, ok := known(token); ok {
		f := &flight[T]{done: make(chan struct{}), value: value}
		close(f.done)
		return f, nil
	}
	l := a.lane(wasActive)
	probe, err := l.admit(now)
	if err != nil {
		return nil, err
	}
	f := &flight[T]{done: make(chan struct{}), probe: probe, slot: l.slot()}
	a.flights[k] = f
	q := Question{Token: token, Generation: a.generation}
	a.running.Go(func() { a.fly(f, k, q, l) })
	return f, nil
}

func (a *Asker[T]) lane(wasActive bool) *lane {
	if wasActive {
		return &a.lanes[1]
	}
	return &a.lanes[0]
}

// Forget drops every remembered result, and raises the generation: results of
// questions that began before are those of an earlier one.
func (a *Asker[T]) Forget() (generation uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.generation++
	a.refused = memory[T]{}
	clear(a.flights) // they complete for those that wait for them
	return a.generation
}

// Close ends every question and waits for the goroutines. It waits at most 100 ms
// for a callback that ignores its context, or that calls Close.
func (a *Asker[T]) Close() {
	a.mu.Lock()
	a.closed = true
	a.refused = memory[T]{}
	a.mu.Unlock()
	a.stop()
	ended := make(chan struct{})
	go func() {
		a.running.Wait()
		close(ended)
	}()
	wait := time.NewTimer(waitAtClose)
	defer wait.Stop()
	select {
	case <-ended:
	case <-wait.C:
	}
}
