package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/m2mauth/m2mauth/stytch"
)

const instances = 8

// vault holds the client's secret.
type vault struct {
	mu     sync.Mutex
	secret stytch.Secret
}

func (v *vault) get() stytch.Secret {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.secret
}

func (v *vault) set(s stytch.Secret) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secret = s
}

// load runs the instances, and counts their calls.
type load struct {
	world *world
	id    string
	vault *vault
	opts  options

	phase atomic.Int32
	ok    [phases]atomic.Int64
	began atomic.Int64 // calls
	ended atomic.Int64
	lives atomic.Int64 // instances that were started

	mu         sync.Mutex
	failed     []error
	milestones map[int64]chan struct{} // closed when so many calls have ended
}

func newLoad(w *world, id string, secret stytch.Secret, o options) *load {
	l := &load{world: w, id: id, vault: &vault{secret: secret}, opts: o, milestones: map[int64]chan struct{}{}}
	for _, percent := range []int{20, 40, 60, 80} {
		l.milestones[l.calls(percent)] = make(chan struct{})
	}
	return l
}

func (l *load) calls(percent int) int64 { return int64(l.opts.calls) * int64(percent) / 100 }

// start starts the instances. The channel is closed after the last call.
func (l *load) start(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range instances {
		wg.Go(func() {
			for ctx.Err() == nil && l.began.Load() < int64(l.opts.calls) {
				l.instance(ctx)
			}
		})
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}

// instance runs one instance: it gets a token with the secret in the vault, and calls
// the API.
func (l *load) instance(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.lives.Add(1)
	source, err := l.world.tokens(ctx, func(context.Context) (stytch.Credentials, error) {
		return stytch.Credentials{ClientID: l.id, ClientSecret: l.vault.get()}, nil
	})
	if err != nil {
		l.fail(err)
		return
	}
	transport, err := source.RoundTripper(l.world.http.Transport, l.world.apiURL)
	if err != nil {
		l.fail(err)
		return
	}
	client := &http.Client{Transport: transport}
	for range l.opts.restart {
		if l.began.Add(1) > int64(l.opts.calls) {
			return
		}
		phase := l.phase.Load()
		if err := call(ctx, client, l.world.apiURL+"/orders"); err != nil {
			l.fail(err)
		} else {
			l.ok[phase].Add(1)
		}
		if milestone := l.milestones[l.ended.Add(1)]; milestone != nil {
			close(milestone)
		}
	}
}

func call(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s", res.Status)
	}
	return nil
}

// reach waits until that many calls were made.
func (l *load) reach(ctx context.Context, percent int) error {
	select {
	case <-l.milestones[l.calls(percent)]:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, err)
}

func (l *load) report(out io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(out, "%6d calls with one secret\n%6d after the start\n%6d after it was handed out\n%6d after the completion\n",
		l.ok[before].Load(), l.ok[started].Load(), l.ok[handedOut].Load(), l.ok[completed].Load())
	fmt.Fprintf(out, "%6d calls succeeded, %d failed; %d instances got a token each\n", l.succeeded(), len(l.failed), l.lives.Load())
}

func (l *load) succeeded() (n int64) {
	for i := range l.ok {
		n += l.ok[i].Load()
	}
	return n
}

// failure returns an error if a call failed, or if calls are missing.
func (l *load) failure(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.failed) > 0:
		return fmt.Errorf("%d calls failed, the first with: %w", len(l.failed), l.failed[0])
	case l.succeeded() != int64(l.opts.calls):
		return fmt.Errorf("%d of %d calls were made: %w", l.succeeded(), l.opts.calls, context.Cause(ctx))
	default:
		return nil
	}
}
