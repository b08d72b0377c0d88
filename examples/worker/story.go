package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/tokensource"
)

// between is how many calls succeed between two steps of the story, at least.
const between = 100

// story changes the world while the pipeline calls. After each step it waits for
// what the step causes, and for more calls.
func story(ctx context.Context, out io.Writer, w *world, p *pipeline) error {
	tell := func(format string, args ...any) error {
		if err := p.reach(ctx, between); err != nil {
			return err
		}
		fmt.Fprintf(out, "%5d calls: %s\n", p.http.Load()+p.grpc.Load(), fmt.Sprintf(format, args...))
		return nil
	}
	if err := tell("the pipeline calls %s, and gRPC at %s", w.httpURL, w.grpcAddr); err != nil {
		return err
	}

	if err := w.rotateSecret(ctx); err != nil {
		return err
	}
	if err := tell("the secret is rotated, and the old one refused"); err != nil {
		return err
	}
	kid := w.authority.RotateKeys()
	if err := tell("the authority signs with another key, %s", kid); err != nil {
		return err
	}
	if err := p.after(ctx, func() {}, tokensource.Fetched, true); err != nil {
		return err
	}
	if err := tell("a token was fetched with the new secret, and is signed with the new key"); err != nil {
		return err
	}

	if err := p.after(ctx, func() { w.authority.Fail(m2mtest.Outage{}) }, tokensource.Fetched, false); err != nil {
		return err
	}
	if err := tell("the authority is down: a fetch failed, and the token in use serves on"); err != nil {
		return err
	}
	if err := p.after(ctx, w.authority.Restore, tokensource.Fetched, true); err != nil {
		return err
	}
	if err := tell("the authority is up again, and a token was fetched"); err != nil {
		return err
	}

	if err := p.after(ctx, func() { w.revoke(time.Now()) }, tokensource.Replaced, true); err != nil {
		return err
	}
	if err := tell("the token was revoked and replaced: refused calls were repeated"); err != nil {
		return err
	}
	if w.refusals.Load() == 0 {
		return errors.New("the service refused nothing: the story proves nothing")
	}
	return nil
}
