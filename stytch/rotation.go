package stytch

import (
	"context"
	"errors"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// StartRotation generates the next secret of an M2M client and returns it. The
// secret can't be read again. Both secrets work until CompleteRotation removes the
// old one or CancelRotation removes the next one. Give the next secret to every
// instance before completing the rotation: then no instance loses access.
//
// StartRotation is never repeated. If its response is lost, so is the next secret:
// if GetClient shows a NextSecretLastFour, call CancelRotation and start again. It
// fails with [AlreadyRotating] during a rotation.
func (c *Client) StartRotation(ctx context.Context, id string) (M2MClient, Secret, error) {
	wire, err := c.oneWire(ctx, id, call{
		name: "StartRotation", method: "POST", path: stytchwire.RotationStartPath(id), body: struct{}{},
	})
	if err != nil {
		return M2MClient{}, Secret{}, err
	}
	if wire.NextClientSecret == "" {
		return M2MClient{}, Secret{}, errors.New("stytch: StartRotation: the response lacks next_client_secret")
	}
	return fromWire(wire), NewSecret(wire.NextClientSecret), nil
}

// CancelRotation ends a rotation and removes the next secret. The current one stays.
//
// CancelRotation is never repeated: after a lost response, a retry could cancel a
// rotation that somebody else has started since. It fails with [NotRotating] if no
// rotation is in progress.
func (c *Client) CancelRotation(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "CancelRotation", method: "POST", path: stytchwire.RotationCancelPath(id), body: struct{}{},
	})
}

// CompleteRotation ends a rotation and makes the next secret the only one. The old
// secret stops working at once. Tokens that were issued for it stay valid until they
// expire.
//
// CompleteRotation is never repeated: after a lost response, a retry could complete a
// rotation that somebody else has started since, and activate a secret that no
// instance has received. Compare GetClient's SecretLastFour with the next secret to
// learn whether it took effect. It fails with [NotRotating] if no rotation is in
// progress.
func (c *Client) CompleteRotation(ctx context.Context, id string) (M2MClient, error) {
	return c.one(ctx, id, call{
		name: "CompleteRotation", method: "POST", path: stytchwire.RotationPath(id), body: struct{}{},
	})
}
