package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/oauth2"

	"github.com/m2mauth/m2mauth/stytch"
)

// Phases of a rotation. Calls are counted for each.
const (
	before    = iota // one secret
	started          // two secrets work, and nobody has the next one yet
	handedOut        // two secrets work, and new instances use the next one
	completed        // the next one is the only one
	phases
)

// rotate makes the three calls of a rotation, while the load runs.
func rotate(ctx context.Context, out io.Writer, w *world, l *load, id string) error {
	if err := l.reach(ctx, 20); err != nil {
		return err
	}
	old := l.vault.get()
	machine, next, err := w.project.API.StartRotation(ctx, id)
	if err != nil {
		return err
	}
	l.phase.Store(started)
	fmt.Fprintf(out, "started: …%s and …%s both work\n", machine.SecretLastFour, machine.NextSecretLastFour)

	// Each instance reads its secret there when it needs a token.
	if err := l.reach(ctx, 40); err != nil {
		return err
	}
	l.vault.set(next)
	l.phase.Store(handedOut)
	fmt.Fprintf(out, "handed out: instances request tokens with …%s\n", machine.NextSecretLastFour)

	if err := l.reach(ctx, 60); err != nil {
		return err
	}
	if machine, err = w.project.API.CompleteRotation(ctx, id); err != nil {
		return err
	}
	l.phase.Store(completed)
	fmt.Fprintf(out, "completed: only …%s works\n", machine.SecretLastFour)

	if err := l.reach(ctx, 80); err != nil {
		return err
	}
	return refused(ctx, w, id, old)
}

// refused returns an error unless the old secret is refused.
func refused(ctx context.Context, w *world, id string, old stytch.Secret) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	source, err := w.tokens(ctx, stytch.StaticCredentials(id, old))
	if err != nil {
		return err
	}
	_, err = source.Token()
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.ErrorCode == "invalid_client" {
		return nil
	}
	return fmt.Errorf("the old secret is not refused: %v", err)
}
