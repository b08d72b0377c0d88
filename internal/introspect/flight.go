package introspect

import (
	"context"
	"fmt"
	"time"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// flight is one question.
type flight[T any] struct {
	done  chan struct{}
	probe bool // it ends or prolongs the backoff of its lane
	slot  bool // it had a slot from the beginning: it was never queued
	value T
	err   error
}

// fly asks one question and completes its flight.
func (a *Asker[T]) fly(f *flight[T], k key, q Question, l *lane) {
	defer close(f.done)
	kind, err := a.question(f, &q, l)
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	isCurrent := a.flights[k] == f // not forgotten meanwhile
	if isCurrent {
		delete(a.flights, k)
	}
	if a.closed {
		f.err = ErrClosed
		return
	}
	if f.probe {
		l.probing = false
	}
	if err == nil && kind == Passing || err == errFull {
		l.budget.giveBack()
	}
	if err == nil {
		a.status.LastError, a.status.Confirmed = nil, q.At
		a.lanes[0].succeeded()
		a.lanes[1].succeeded()
		if kind == Refused && isCurrent {
			a.refused.put(k, f, now, a.opts.RefusedFor)
		}
		return
	}
	keep := max(FailedFor, retryAfter(err))
	wait := keep
	if err != errFull { // which says nothing about the authority
		a.status.LastError = err
		wait = max(wait, l.failed(k, err, now))
	}
	f.err = &Error{Err: err, After: wait}
	if isCurrent {
		a.refused.put(k, f, now, keep)
	}
}

// question waits for a slot, asks, and reads the answer into f.
func (a *Asker[T]) question(f *flight[T], q *Question, l *lane) (Kind, error) {
	err := a.queue(f, l)
	a.mu.Lock()
	if !f.slot {
		l.queued--
	}
	if err == nil {
		a.status.Questions++
	}
	a.mu.Unlock()
	if err != nil {
		return Passing, err
	}
	q.At = time.Now()
	answer, err := a.call(q.Token, l)
	if err != nil {
		return Passing, err
	}
	var kind Kind
	f.value, kind, err = a.opts.Read(*q, answer)
	return kind, err
}

// queue waits until f has a slot.
func (a *Asker[T]) queue(f *flight[T], l *lane) error {
	if f.slot {
		return nil
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-patience.C:
		return errFull
	case <-a.base.Done():
		return ErrClosed
	}
}

// call calls Options.Ask, and leaves it behind if it ignores its context. The slot
// is free once it has returned.
func (a *Asker[T]) call(token string, l *lane) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(a.base, baseKey{}, a.base), Timeout)
	type result struct {
		answer []byte
		err    error
	}
	done := make(chan result, 1)
	a.running.Go(func() {
		defer func() { <-l.slots }()
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				done <- result{err: &PanicError{redact.Quote(fmt.Sprint(r))}}
			}
		}()
		answer, err := a.opts.Ask(ctx, token)
		done <- result{answer, err}
	})
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		select {
		case r := <-done: // at the same time
			return r.answer, r.err
		default:
			return nil, errSlow
		}
	}
}

type baseKey struct{}

// Lifetime returns a context that ends when the Asker of the question with ctx is
// closed, or ctx itself outside a question.
func Lifetime(ctx context.Context) context.Context {
	if base, ok := ctx.Value(baseKey{}).(context.Context); ok {
		return base
	}
	return ctx
}
