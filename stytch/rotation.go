package stytch

import (
	"context"
	"errors"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// StartRotation makes a next secret for a machine and returns it; it is shown
// only now. From here on both secrets work, until CompleteRotation makes the
// next one the only one, or CancelRotation throws it away. Hand it to every
// instance in between, and nothing is ever down.
//
// It is sent once. If the answer is lost, the next secret is lost with it: when
// GetClient shows a NextSecretLastFour, call CancelRotation and start again. It
// fails with [AlreadyRotating] while a rotation is under way.
func (c *Client) StartRotation(ctx context.Context, id string) (M2MClient, Secret, error) {
	wire, err := c.oneWire(ctx, id, call{
		name: "StartRotation", method: "POST", path: stytchwire.RotationStartPath(id), body: struct{}{},
	})
	if err != nil {
		return M2MClient{}, Secret{}, err
	}
	if wire.NextClientSecret == "" {
		return M2MClient{}, Secret{}, errors.New("stytch: StartRotation: the answer holds no next_client_secret")
	}
	return fromWire(wire), NewSecret(wire.NextClientSecret), nil
}

// CancelRotation throws the next secret away; the current one stays.
//
// It is sent once: repeated after a lost answer, it could throw away the secret
// of a rotation that somebody else has started since. It fails with
// [NotRotating] if there is nothing to cancel.
func (c *Client) CancelRotation(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "CancelRotation", method: "POST", path: stytchwire.RotationCancelPath(id), body: struct{}{},
	})
}

// CompleteRotation makes the next secret the only one. The one before stops
// working at once; tokens that were got with it live on.
//
// It is sent once: repeated after a lost answer, it could complete a rotation
// that somebody else has started since, whose secret no instance has yet. After
// a lost answer, GetClient tells: SecretLastFour is that of the next secret if
// it was carried out. It fails with [NotRotating] if there is nothing to
// complete.
func (c *Client) CompleteRotation(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "CompleteRotation", method: "POST", path: stytchwire.RotationPath(id), body: struct{}{},
	})
}
