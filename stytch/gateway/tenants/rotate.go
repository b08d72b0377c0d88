package tenants

import (
	"context"
	"errors"

	"github.com/m2mauth/m2mauth/stytch"
)

// StartRotation generates the next secret of a client and returns it. It can't be read
// again. Both secrets work until the rotation is completed or cancelled. It fails as
// [Rotating] during a rotation.
//
// If it fails as [Uncertain], the next secret may exist, and is lost: if the list shows a
// NextSecretLastFour, cancel that rotation and start again.
func (c *Clients) StartRotation(ctx context.Context, id string) (Client, stytch.Secret, error) {
	event := &Event{Act: ActStart}
	var secret stytch.Secret
	client, err := c.rotate(ctx, id, event, func(ctx context.Context, now Client) (Client, error) {
		if now.NextSecretLastFour != "" {
			return Client{}, &Error{Reason: Rotating}
		}
		machine, next, err := c.t.api.StartRotation(ctx, id)
		if errors.Is(err, stytch.AlreadyRotating) {
			return Client{}, &Error{Reason: Rotating, cause: err}
		}
		client, err := c.changed(machine, err)
		if err == nil {
			secret = next
		}
		return client, err
	})
	event.LastFour = client.NextSecretLastFour
	return client, secret, c.report(ctx, event, err)
}

// CompleteRotation makes the next secret the only one, if it ends with lastFour. The old
// secret stops working at once. It fails as [NotRotating] if another rotation, or none, is
// in progress. It succeeds if that rotation was completed before, so that it can be
// repeated after [Uncertain].
func (c *Clients) CompleteRotation(ctx context.Context, id, lastFour string) (Client, error) {
	return c.end(ctx, id, lastFour, &Event{Act: ActComplete}, c.apiCall((*stytch.Client).CompleteRotation),
		func(now Client) bool { return now.SecretLastFour == lastFour })
}

// CancelRotation throws the next secret away, if it ends with lastFour. The current one
// stays. It fails as [NotRotating] if another rotation is in progress, or if that one was
// completed. It succeeds if no rotation is in progress, so that it can be repeated after
// [Uncertain].
func (c *Clients) CancelRotation(ctx context.Context, id, lastFour string) (Client, error) {
	return c.end(ctx, id, lastFour, &Event{Act: ActCancel}, c.apiCall((*stytch.Client).CancelRotation),
		func(now Client) bool { return now.SecretLastFour != lastFour })
}

// apiCall is a method of the API's Client that ends a rotation.
type apiCall func(ctx context.Context, id string) (stytch.M2MClient, error)

func (c *Clients) apiCall(method func(*stytch.Client, context.Context, string) (stytch.M2MClient, error)) apiCall {
	return func(ctx context.Context, id string) (stytch.M2MClient, error) { return method(c.t.api, ctx, id) }
}

// end ends the rotation whose next secret has the last four characters. isDone reports
// whether a client without rotation is as the call wants it.
func (c *Clients) end(
	ctx context.Context, id, lastFour string, event *Event, call apiCall, isDone func(Client) bool,
) (Client, error) {
	client, err := c.rotate(ctx, id, event, func(ctx context.Context, now Client) (Client, error) {
		if len(lastFour) != 4 || checkName(lastFour, 4) != "" {
			return Client{}, invalid("name the last four characters of the next secret")
		}
		event.LastFour = lastFour
		switch {
		case now.NextSecretLastFour == "" && isDone(now):
			event.Repeated = true
			return now, nil
		case now.NextSecretLastFour != lastFour:
			return Client{}, &Error{Reason: NotRotating}
		}
		machine, err := call(ctx, id)
		if errors.Is(err, stytch.NotRotating) {
			return Client{}, &Error{Reason: NotRotating, cause: err}
		}
		client, err := c.changed(machine, err)
		if err == nil && (client.NextSecretLastFour != "" || !isDone(client)) {
			// Something else than this package rotates secrets, too.
			return Client{}, failed(errors.New("tenants: another program changed the rotation at the same time"))
		}
		return client, err
	})
	return client, c.report(ctx, event, err)
}

// rotate calls act with the client as it is now, while no other call rotates its secret.
func (c *Clients) rotate(
	ctx context.Context, id string, event *Event, act func(context.Context, Client) (Client, error),
) (client Client, err error) {
	if err := c.ready(); err != nil {
		return Client{}, err
	}
	if !isClientID(id) {
		return Client{}, &Error{Reason: NotFound}
	}
	err = c.exclusively(ctx, id, func(ctx context.Context) error {
		now, err := c.own(ctx, id, event)
		if err != nil {
			return err
		}
		client, err = act(ctx, now)
		return err
	})
	return client, err
}
