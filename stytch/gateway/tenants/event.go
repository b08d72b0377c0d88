package tenants

import (
	"context"
	"errors"
	"log/slog"
)

// Act names what a call does.
type Act string

// The Acts, one for each method of [Clients].
const (
	ActList     Act = "list"
	ActRegister Act = "register"
	ActRename   Act = "rename"
	ActDisable  Act = "disable"
	ActEnable   Act = "enable"
	ActDelete   Act = "delete"
	ActStart    Act = "rotation_start"
	ActComplete Act = "rotation_complete"
	ActCancel   Act = "rotation_cancel"
)

// Event describes a call for an audit log. It holds no secret, and no text of the
// customer that was refused as malformed.
type Event struct {
	Act      Act
	Tenant   string // Caller.Tenant; "" if malformed
	Actor    string // Caller.Actor; "" if malformed
	ClientID string // "" for a list, a malformed ID, and a registration that failed

	Name     string   // of a registration, and the new one of a rename
	Scopes   []string // of a registration
	LastFour string   // of the next secret, for the calls of a rotation

	// Repeated reports that the call changed nothing, because an earlier one had made
	// the change: a repeat of a registration, or of the end of a rotation.
	Repeated bool

	// Foreign reports that the client exists and is not the tenant's. The tenant
	// gets NotFound, as for an unknown ID.
	Foreign bool

	Err *Error // what the caller got; nil if the call succeeded

	// Cause says why a call failed, for the operator: an error of Stytch or of the
	// Store. It is set without Err if the call succeeded and the index could not be
	// updated: Rebuild corrects the index.
	Cause error
}

// LogValue implements [slog.LogValuer] with a group of the fields that are set.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("act", string(e.Act)), slog.String("tenant", e.Tenant), slog.String("actor", e.Actor)}
	for _, text := range []struct{ name, value string }{{"client_id", e.ClientID}, {"name", e.Name}, {"last_four", e.LastFour}} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.name, text.value))
		}
	}
	if e.Scopes != nil {
		attrs = append(attrs, slog.Any("scopes", e.Scopes))
	}
	for _, fact := range []struct {
		name string
		true bool
	}{{"repeated", e.Repeated}, {"foreign", e.Foreign}} {
		if fact.true {
			attrs = append(attrs, slog.Bool(fact.name, true))
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("reason", string(e.Err.Reason)), slog.String("detail", e.Err.Detail))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// report ends a call: it calls Observe, and returns err as the call's error.
func (c *Clients) report(ctx context.Context, event *Event, err error) error {
	event.Err = asError(err)
	if event.Err != nil && event.Cause == nil {
		event.Cause = event.Err.cause
	}
	if c != nil && c.t != nil && c.t.observe != nil {
		if isTenant(c.caller.Tenant) {
			event.Tenant = c.caller.Tenant
		}
		if checkName(c.caller.Actor, 256) == "" {
			event.Actor = c.caller.Actor
		}
		c.t.tell(ctx, *event)
	}
	if event.Err == nil {
		return nil // not a nil *Error
	}
	return event.Err
}

// tell calls Observe and recovers its panics.
func (t *Tenants) tell(ctx context.Context, event Event) {
	defer func() { _ = recover() }()
	t.observe(ctx, event)
}

// asError returns err as an *Error; nil if err is nil.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Unavailable, cause: err}
}
