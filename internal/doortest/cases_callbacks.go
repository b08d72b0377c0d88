package doortest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// mine is a Reason that an application defines.
const mine verifier.Reason = "tenant_suspended"

// reasons are those that a callback may return, by their Code.
var reasons = map[verifier.Code][]verifier.Reason{
	verifier.NoCredentials:  {verifier.CredentialsMissing, verifier.SchemeUnsupported},
	verifier.InvalidRequest: {verifier.CredentialsMultiple, verifier.CredentialsMalformed},
	verifier.InvalidToken: {verifier.TooLarge, verifier.Malformed, verifier.HeaderExtension, verifier.Algorithm, verifier.KeyID,
		verifier.TokenType, verifier.UnknownIssuer, verifier.Audience, verifier.Expired, verifier.NotYetValid, verifier.IssuedInFuture,
		verifier.TooOld, verifier.ClaimMalformed, verifier.KeyUnknown, verifier.KeyUnusable, verifier.KeyRemoved, verifier.BadSignature,
		verifier.ClientIDMissing, verifier.NotMachine, verifier.NotAccepted, verifier.Bound, verifier.Revoked, verifier.Denied,
		verifier.NotVerified, verifier.Unbound, verifier.TooLongLived, verifier.ProofMissing, verifier.ProofMalformed, verifier.ProofMismatch,
		verifier.ProofReplayed, verifier.Inactive, mine},
	// The floods are left out: TooManyRequests says when to try again, and a Reason
	// does not.
	verifier.InsufficientScope: {verifier.ScopeMissing, verifier.NoRequirement, verifier.Forbidden},
	// Canceled is left out: gRPC has statuses of its own for it.
	verifier.Unavailable: {verifier.KeysUnavailable, verifier.PeerUnknown, verifier.CheckFailed, verifier.Panicked, verifier.Closed,
		verifier.RevocationsUnavailable, verifier.IntrospectionUnavailable, verifier.ReplayUnavailable},
}

// callback is a callback of the configuration that refuses with an error.
type callback struct {
	name   string
	set    func(*Case, error)
	code   verifier.Code // of an error that says nothing of either
	reason verifier.Reason
}

// callbacks returns rows that callbacks refuse. One rule holds for all of them.
func callbacks() []Case {
	check := func(c *Case, err error) {
		c.Config = func(cfg *verifier.Config) {
			cfg.Check = func(_ context.Context, _ verifier.Client, r verifier.Request) error {
				if r.Authorization != nil {
					panic("Check was shown the credential")
				}
				return err
			}
		}
	}
	accept := func(c *Case, err error) {
		c.Issuer = func(i *verifier.Issuer) { i.Accept = func(verifier.Client) error { return err } }
	}
	scopesFrom := func(c *Case, err error) {
		c.Issuer = func(i *verifier.Issuer) {
			i.ScopesFrom = func(verifier.Client) (scopes.Set, error) { return scopes.Of("a"), err }
		}
	}
	rows := []Case{
		{Name: "Check agrees"},
		{Name: "public, Check is not called", Need: scopes.Public()},
		{Name: "Check: revoked, before the scope", Need: scopes.All("a"), Code: verifier.InvalidToken, Reason: verifier.Revoked},
		{Name: "Check: forbidden, before the scope", Need: scopes.All("a"), Code: verifier.InsufficientScope, Reason: verifier.Forbidden},
		{Name: "AcceptAll without a rule", Issuer: func(i *verifier.Issuer) { i.Accept = verifier.AcceptAll() },
			Code: verifier.InvalidToken, Reason: verifier.NotAccepted},
		{Name: "Check panics", Code: verifier.Unavailable, Reason: verifier.Panicked, Config: func(c *verifier.Config) {
			c.Check = func(context.Context, verifier.Client, verifier.Request) error { panic("no") }
		}},
		{Name: "Accept panics", Code: verifier.Unavailable, Reason: verifier.Panicked, Issuer: func(i *verifier.Issuer) {
			i.Accept = func(verifier.Client) error { panic("no") }
		}},
		{Name: "ScopesFrom panics", Code: verifier.Unavailable, Reason: verifier.Panicked, Issuer: func(i *verifier.Issuer) {
			i.ScopesFrom = func(verifier.Client) (scopes.Set, error) { panic("no") }
		}},
	}
	for i, err := range []error{nil, errors.New("no"), verifier.Revoked, verifier.Forbid(nil)} {
		check(&rows[i], err)
	}
	for _, cb := range []callback{
		{"Check", check, verifier.Unavailable, verifier.CheckFailed},
		{"Accept", accept, verifier.InvalidToken, verifier.NotAccepted},
		{"ScopesFrom", scopesFrom, verifier.InvalidToken, verifier.ClaimMalformed},
	} {
		rows = slices.Concat(rows, cb.bare(), cb.errors())
	}
	return rows
}

// row returns a Case in which the callback returns err.
func (cb callback) row(what string, err error, code verifier.Code, reason verifier.Reason) Case {
	c := Case{Name: cb.name + ": " + what, Code: code, Reason: reason}
	cb.set(&c, err)
	return c
}

// bare returns rows for Reasons alone and wrapped: all of them for Check, and one
// of each Code for the others, which share the rule.
func (cb callback) bare() (rows []Case) {
	for code, list := range reasons {
		if cb.name != "Check" {
			list = list[len(list)-1:]
		}
		for _, reason := range list {
			rows = append(rows, cb.row(string(reason), reason, code, reason),
				cb.row(string(reason)+", wrapped", fmt.Errorf("client 1: %w", reason), code, reason))
		}
	}
	return rows
}

// errors returns rows for the other errors.
func (cb callback) errors() []Case {
	broken := errors.New("no database")
	shared := func(code verifier.Code, reason verifier.Reason) error {
		e := &verifier.Error{Code: code, Reason: reason, Err: broken}
		if code == verifier.TooManyRequests {
			e.RetryAfter = time.Second
		}
		return e
	}
	// What an *Error without a Reason is refused for.
	lacking := map[verifier.Code]verifier.Reason{
		verifier.NoCredentials:     verifier.CredentialsMissing,
		verifier.InvalidRequest:    verifier.CredentialsMalformed,
		verifier.InvalidToken:      verifier.Denied,
		verifier.InsufficientScope: verifier.Forbidden,
		verifier.Unavailable:       verifier.CheckFailed,
		verifier.TooManyRequests:   verifier.CheckFailed,
	}
	lacking[cb.code] = cb.reason
	rows := []Case{
		cb.row("forbidden", verifier.Forbid(broken), verifier.InsufficientScope, verifier.Forbidden),
		cb.row("forbidden, wrapped", fmt.Errorf("tenant: %w", verifier.Forbid(broken)), verifier.InsufficientScope, verifier.Forbidden),
		cb.row("an error", broken, cb.code, cb.reason),
		cb.row("a nil Error", (*verifier.Error)(nil), cb.code, cb.reason),
		cb.row("an Error of no Code", &verifier.Error{Err: broken}, cb.code, cb.reason),
		cb.row("an Error of no such Code", &verifier.Error{Code: 99}, cb.code, cb.reason),
		cb.row("an Error of a Reason alone", &verifier.Error{Reason: verifier.Forbidden}, verifier.InsufficientScope, verifier.Forbidden),
		cb.row("an empty Reason", verifier.Reason(""), cb.code, cb.reason),
		cb.row("an Error before a Reason", errors.Join(verifier.Revoked, shared(verifier.Unavailable, mine)), verifier.Unavailable, mine),
		cb.row("a nil pointer", (*net.OpError)(nil), verifier.Unavailable, verifier.Panicked),
	}
	for code, reason := range lacking {
		rows = append(rows,
			cb.row(code.String(), shared(code, ""), code, reason),
			cb.row(code.String()+", wrapped", fmt.Errorf("x: %w", shared(code, "")), code, reason),
			cb.row(code.String()+" with a Reason", shared(code, mine), code, mine),
			// Its own Code counts, and not that of its Reason.
			cb.row(code.String()+" with another's Reason", shared(code, verifier.Revoked), code, verifier.Revoked))
	}
	return rows
}
