package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch"
)

const (
	replicas = 3
	machines = 8

	// promised is how long a thief may go on after a cut-off was published.
	promised = 2 * time.Second
)

// world holds the authority, the replicas, and who calls them.
type world struct {
	authority *m2mtest.Authority
	api       *stytch.Client
	publisher *redisfleet.Publisher
	replicas  []*replica
	transport *http.Transport
	vault     vault
	calls     calls
	began     time.Time
}

func newWorld(ctx context.Context, server redisfleet.Server) (w *world, err error) {
	w = &world{authority: m2mtest.NewAuthority(nil), transport: &http.Transport{MaxIdleConnsPerHost: 64}, began: time.Now()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	id, secret := w.authority.CreateClient("worker", "read:orders")
	w.vault.id, w.vault.secret = id, stytch.NewSecret(secret)
	w.api, err = stytch.New(w.authority.ProjectID(), stytch.NewSecret(w.authority.Secret()), &stytch.Options{
		BaseURL: w.authority.URL(), Transport: w.transport,
	})
	if err != nil {
		return w, err
	}
	if w.publisher, err = redisfleet.NewPublisher(redisfleet.Options{Server: server}); err != nil {
		return w, err
	}
	if err := w.publisher.Init(ctx); err != nil {
		return w, err
	}
	for i := range replicas {
		r, err := newReplica(ctx, w.authority.Issuer(), server, fmt.Sprintf("replica-%d", i+1))
		if err != nil {
			return w, err
		}
		w.replicas = append(w.replicas, r)
	}
	return w, nil
}

func (w *world) close() {
	for _, r := range w.replicas {
		r.close()
	}
	w.transport.CloseIdleConnections()
	w.authority.Close()
}

// play plays the story, and returns an error unless it ends as it should.
func (w *world) play(ctx context.Context, out io.Writer) (err error) {
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%5.2fs  "+format+"\n", append([]any{time.Since(w.began).Seconds()}, args...)...)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	var group sync.WaitGroup
	run := func(f func() error) {
		group.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	}
	for range machines {
		run(func() error { return w.honest(ctx, stop) })
	}
	leaked, _ := w.vault.get(ctx)
	t := &thief{w: w}
	if t.token, err = w.getToken(ctx, leaked.ClientSecret); err != nil {
		return err
	}
	for _, r := range w.replicas {
		run(func() error { return t.call(ctx, r, stop) })
		run(func() error { return t.watch(ctx, r) })
	}
	say("%d machines call %d replicas. A thief has their secret, and calls them too", machines, replicas)
	var published time.Time
	err = w.waitFor(ctx, func() bool { return t.streams.Load() == replicas && t.accepted.Load() > 50 })
	if err == nil {
		say("the thief: %d calls accepted, %d streams open", t.accepted.Load(), t.streams.Load())
		published, err = w.operate(ctx, say, leaked.ClientSecret, t)
	}
	if err == nil {
		err = w.pause(ctx, 2500*time.Millisecond) // the honest machines go on with new tokens
	}
	close(stop)
	if err != nil {
		cancel(err)
	}
	group.Wait()
	if err != nil {
		return err
	}
	say("the machines: %d calls over HTTP and %d over gRPC succeeded, %d failed", w.calls.http.Load(), w.calls.grpc.Load(), w.calls.failed.Load())
	say("the longest of them took %v: it waited for a token from after the cut-off", w.calls.longest.Round(10*time.Millisecond))
	return w.judge(say, t, published)
}

// operate does what the operator does, in the one order that is safe.
func (w *world) operate(ctx context.Context, say func(string, ...any), leaked stytch.Secret, t *thief) (published time.Time, err error) {
	_, next, err := w.api.StartRotation(ctx, w.vault.id)
	if err != nil {
		return published, err
	}
	say("1. rotation started: the leaked secret and the next one work")
	w.vault.set(next)
	say("2. the next secret is distributed")
	if _, err := w.api.CompleteRotation(ctx, w.vault.id); err != nil {
		return published, err
	}
	if _, err := w.getToken(ctx, leaked); err == nil {
		return published, errors.New("the leaked secret still gets tokens")
	}
	before := t.accepted.Load()
	if err := w.pause(ctx, 200*time.Millisecond); err != nil {
		return published, err
	}
	say("3. rotation completed: the thief gets no new token. Its old one goes on:\n        %d more calls accepted, %d streams open", t.accepted.Load()-before, t.streams.Load())
	probe, err := w.getToken(ctx, next)
	if err != nil {
		return published, err
	}
	issued, err := issuedAt(probe)
	if err != nil {
		return published, err
	}
	published = time.Now()
	receipt, err := w.publisher.Publish(ctx, revocation.Cutoff{
		Issuer: w.authority.Issuer().Name, Select: revocation.Client(w.vault.id),
		IssuedUpTo: issued.Add(time.Second), Note: "the secret leaked",
	})
	if err != nil {
		return published, err
	}
	say("4. cut-off published: tokens issued up to %s are refused", issued.Add(time.Second).Format(time.TimeOnly))
	err = w.waitFor(ctx, func() bool {
		seen, err := w.publisher.Seen(ctx, receipt.ID)
		return err == nil && len(seen.Have) == replicas
	})
	say("5. %d of %d replicas have reported that they have it", replicas, replicas)
	return published, err
}

// judge tells when the thief was shut out, and returns an error if that, or the honest
// machines' calls, are not as promised.
func (w *world) judge(say func(string, ...any), t *thief, published time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := published.Sub(w.began)
	if len(t.refused) != replicas || len(t.ended) != replicas {
		return fmt.Errorf("%d replicas have refused the thief and %d have ended its stream, want %d", len(t.refused), len(t.ended), replicas)
	}
	refused := slices.Max(t.refused) - since
	ended := time.Duration(0)
	for _, e := range t.ended {
		ended = max(ended, e.after-since)
		if e.status.Code() != codes.Unauthenticated {
			return fmt.Errorf("a stream ended with %v, want Unauthenticated", e.status)
		}
	}
	say("the thief: refused by the last replica %v after the cut-off, its last stream\n        ended after %v (%s)", refused.Round(time.Millisecond), ended.Round(time.Millisecond), t.ended[0].status.Message())
	switch {
	case w.calls.failed.Load() > 0:
		return fmt.Errorf("%d honest calls failed, the first of them: %w", w.calls.failed.Load(), w.calls.first)
	case w.calls.http.Load() == 0 || w.calls.grpc.Load() == 0:
		return errors.New("the honest machines made no calls")
	case t.last.Sub(published) > promised || refused > promised || ended > promised:
		return fmt.Errorf("the thief was let in for more than %v", promised)
	}
	return nil
}

// issuedAt returns the "iat" of a token.
func issuedAt(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("the token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		IssuedAt int64 `json:"iat"`
	}
	if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil {
		return time.Time{}, err
	}
	return time.Unix(claims.IssuedAt, 0).UTC(), nil
}

func (w *world) waitFor(ctx context.Context, ok func() bool) error {
	for !ok() {
		if err := w.pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
