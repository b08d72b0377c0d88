package tenants_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// TestEvents checks the Event of every call, and that none holds a secret.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, secret := registered(t, acme, "1")
	list(t, acme)
	started, next, err := acme.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	four := started.NextSecretLastFour
	for _, call := range []func() error{
		func() error { return second(acme.Rename(t.Context(), client.ID, "new name")) },
		func() error { return second(acme.Disable(t.Context(), client.ID)) },
		func() error { return second(acme.Enable(t.Context(), client.ID)) },
		func() error { return second(acme.CompleteRotation(t.Context(), client.ID, four)) },
		func() error { return second(acme.CancelRotation(t.Context(), client.ID, "zzzz")) },
		func() error { return acme.Delete(t.Context(), client.ID) },
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	base := tenants.Event{Tenant: "acme", Actor: "user-1", ClientID: client.ID}
	event := func(act tenants.Act, change func(*tenants.Event)) tenants.Event {
		e := base
		e.Act = act
		if change != nil {
			change(&e)
		}
		return e
	}
	want := []tenants.Event{
		event(tenants.ActRegister, func(e *tenants.Event) { e.Name, e.Scopes = "worker 1", []string{"read:reports"} }),
		event(tenants.ActList, func(e *tenants.Event) { e.ClientID = "" }),
		event(tenants.ActStart, func(e *tenants.Event) { e.LastFour = four }),
		event(tenants.ActRename, func(e *tenants.Event) { e.Name = "new name" }),
		event(tenants.ActDisable, nil),
		event(tenants.ActEnable, nil),
		event(tenants.ActComplete, func(e *tenants.Event) { e.LastFour = four }),
		event(tenants.ActCancel, func(e *tenants.Event) { e.LastFour, e.Repeated = "zzzz", true }),
		event(tenants.ActDelete, nil),
	}
	if !reflect.DeepEqual(w.events, want) {
		t.Errorf("events:\n%+v\nwant:\n%+v", w.events, want)
	}
	text := fmt.Sprintf("%+v %#v", w.events, w.events)
	for _, s := range []string{secret.Reveal(), next.Reveal(), w.authority.Secret()} {
		if strings.Contains(text, s) {
			t.Errorf("the events hold the secret %q", s)
		}
	}
}

// TestLog checks the records of an audit log.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if groups == nil && a.Key != "e" {
			return slog.Attr{}
		}
		return a
	}}))
	for _, e := range []tenants.Event{
		{Act: tenants.ActRegister, Tenant: "acme", Actor: "user-1", ClientID: "id", Name: "n", Scopes: []string{"a", "b"}, Repeated: true},
		{Act: tenants.ActDelete, Tenant: "acme", Actor: "user-1", ClientID: "id", Foreign: true, Err: &tenants.Error{Reason: tenants.NotFound}},
		{Act: tenants.ActCancel, Tenant: "acme", Actor: "user-1", LastFour: "abcd", Err: &tenants.Error{Reason: tenants.Invalid, Detail: "d"}, Cause: errStore},
	} {
		logger.Info("account", "e", e)
	}
	const want = `e.act=register e.tenant=acme e.actor=user-1 e.client_id=id e.name=n e.scopes="[a b]" e.repeated=true
e.act=delete e.tenant=acme e.actor=user-1 e.client_id=id e.foreign=true e.reason=not_found e.detail=""
e.act=rotation_cancel e.tenant=acme e.actor=user-1 e.last_four=abcd e.reason=invalid e.detail=d e.cause="disk full at /var/lib"
`
	if got := log.String(); got != want {
		t.Errorf("log:\n%swant:\n%s", got, want)
	}
}

// TestObservePanics checks that a panic in Observe does not reach the caller.
func TestObservePanics(t *testing.T) {
	w := newWorld(t)
	r := w.replica(func(c *tenants.Config) { c.Observe = func(context.Context, tenants.Event) { panic("disk full") } })
	client, secret := registered(t, r.For(tenants.Caller{Tenant: "acme", Actor: "user-1"}), "1")
	if secret.IsZero() || client.ID == "" {
		t.Errorf("Register = %+v, want a client and its secret", client)
	}
}

// TestReasons checks that every Reason has words and a status.
func TestReasons(t *testing.T) {
	for r, status := range map[tenants.Reason]int{
		tenants.NotFound: 404, tenants.Invalid: 400, tenants.KeyUsed: 422, tenants.LimitFull: 409, tenants.Busy: 409,
		tenants.Rotating: 409, tenants.NotRotating: 409, tenants.Unavailable: 503, tenants.Uncertain: 503, tenants.NoCaller: 500,
	} {
		if got := r.HTTPStatus(); got != status {
			t.Errorf("HTTPStatus(%q) = %d, want %d", string(r), got, status)
		}
		if r.Error() == string(r) {
			t.Errorf("the Reason %q has no words", string(r))
		}
		if err := error(&tenants.Error{Reason: r}); !errors.Is(err, r) || errors.Is(err, tenants.Reason("other")) {
			t.Errorf("errors.Is(%v, %q) = false, want true", err, string(r))
		}
	}
}
