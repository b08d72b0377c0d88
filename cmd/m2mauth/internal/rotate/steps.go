package rotate

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/stytch"
)

// Start starts a rotation and stores the next secret in the file path, or on stdout if
// path is "-". It refuses if current is not "" and not the end of the current secret.
//
// If the secret can't be stored, or its response was lost, nobody has it and nobody
// can get it: the error says how to cancel the rotation.
func Start(ctx context.Context, api Authority, id, current, path string, stdout io.Writer) (stytch.M2MClient, stytch.Secret, error) {
	fail := func(err error) (stytch.M2MClient, stytch.Secret, error) {
		return stytch.M2MClient{}, stytch.Secret{}, err
	}
	before, err := api.GetClient(ctx, id)
	if err != nil {
		return fail(err)
	}
	if current != "" && before.SecretLastFour != current {
		return fail(fmt.Errorf("the current secret ends in %s, not in %s: nothing was started", before.SecretLastFour, current))
	}
	if before.NextSecretLastFour != "" {
		return fail(inProgress(id, before.NextSecretLastFour))
	}
	file, err := create(path) // first, or the secret could have no place
	if err != nil {
		return fail(err)
	}
	c, secret, err := api.StartRotation(ctx, id)
	if err != nil {
		if file != nil {
			file.Discard()
		}
		return fail(lostStart(ctx, api, id, err))
	}
	if err := keep(file, secret, stdout); err != nil {
		return fail(fmt.Errorf("%w\n%w", err, Lost(id, operate.End(secret))))
	}
	return c, secret, nil
}

func inProgress(id, next string) error {
	return fmt.Errorf("a rotation is in progress already: its next secret ends in %s\n"+
		"If nobody has that secret: m2mauth rotate cancel -client %s -next %s", next, id, next)
}

// Lost says that a next secret exists that nobody has.
func Lost(id, next string) error {
	return fmt.Errorf("the next secret (it ends in %s) is lost, because Stytch shows it once. Nobody is cut off.\n"+
		"Start again after: m2mauth rotate cancel -client %s -next %s", next, id, next)
}

// lostStart adds to an error of StartRotation what has become of the rotation.
func lostStart(ctx context.Context, api Authority, id string, err error) error {
	if _, answered := errors.AsType[*stytch.Error](err); answered {
		return err
	}
	c, look := api.GetClient(ctx, id)
	switch {
	case look != nil:
		return fmt.Errorf("%w\nIt is not known whether the rotation has started", err)
	case c.NextSecretLastFour != "":
		return fmt.Errorf("%w\n%w", err, Lost(id, c.NextSecretLastFour))
	default:
		return fmt.Errorf("%w\nThe rotation has not started", err)
	}
}

// Complete completes the rotation whose next secret ends in next, and no other. It
// succeeds as well if that secret is the only one already. current may be "".
//
// Stytch has no conditional request: a rotation that somebody begins between the
// look and the request would be completed. The result is looked at as well.
func Complete(ctx context.Context, api Authority, id, current, next string) (stytch.M2MClient, error) {
	c, err := api.GetClient(ctx, id)
	if err != nil {
		return c, err
	}
	switch {
	case c.NextSecretLastFour == "" && c.SecretLastFour == next:
		return c, nil // completed by an earlier run
	case c.NextSecretLastFour == "":
		return c, fmt.Errorf("no rotation is in progress, and the current secret ends in %s, not in %s", c.SecretLastFour, next)
	case c.NextSecretLastFour != next:
		return c, fmt.Errorf("another rotation is in progress: its next secret ends in %s, not in %s: nothing was completed",
			c.NextSecretLastFour, next)
	case current != "" && c.SecretLastFour != current:
		return c, fmt.Errorf("the current secret ends in %s, not in %s: nothing was completed", c.SecretLastFour, current)
	}
	done, err := api.CompleteRotation(ctx, id)
	if err != nil {
		after, look := api.GetClient(ctx, id)
		switch {
		case look != nil:
			return c, fmt.Errorf("%w\nIt is not known whether the rotation was completed: run the command again", err)
		case after.SecretLastFour != next:
			return after, fmt.Errorf("%w\nThe rotation was not completed: the current secret ends in %s", err, after.SecretLastFour)
		}
		done = after
	}
	if done.SecretLastFour != next {
		return done, fmt.Errorf("the client's only secret now ends in %s, not in %s: somebody else has begun another "+
			"rotation in the meantime, and this command has completed it", done.SecretLastFour, next)
	}
	return done, nil
}

// Cancel cancels the rotation whose next secret ends in next, and no other. It
// succeeds as well if no rotation is in progress, unless that secret is the only one
// now. current may be "".
func Cancel(ctx context.Context, api Authority, id, current, next string) (stytch.M2MClient, error) {
	c, err := api.GetClient(ctx, id)
	if err != nil {
		return c, err
	}
	switch {
	case c.SecretLastFour == next && c.NextSecretLastFour == "":
		return c, fmt.Errorf("the secret that ends in %s is the only one already: its rotation was completed", next)
	case c.NextSecretLastFour == "":
		return c, nil // cancelled by an earlier run
	case c.NextSecretLastFour != next:
		return c, fmt.Errorf("another rotation is in progress: its next secret ends in %s, not in %s: nothing was cancelled",
			c.NextSecretLastFour, next)
	case current != "" && c.SecretLastFour != current:
		return c, fmt.Errorf("the current secret ends in %s, not in %s: nothing was cancelled", c.SecretLastFour, current)
	}
	done, err := api.CancelRotation(ctx, id)
	if err != nil {
		after, look := api.GetClient(ctx, id)
		if look != nil || after.NextSecretLastFour != "" || after.SecretLastFour != c.SecretLastFour {
			return c, fmt.Errorf("%w\nIt is not known whether the rotation was cancelled: run the command again", err)
		}
		done = after
	}
	return done, nil
}
