// Package mcpmw guards MCP servers of the official Go SDK with a verifier.Verifier.
//
// Write a [Policy] with the requirement of each tool, and serve the server through
// [Guard.Handler] instead of mcp.NewStreamableHTTPHandler:
//
//	guard, err := mcpmw.New(v, mcpmw.Policy{
//		"tool/read":   scopes.All("files:read"),
//		"tool/delete": scopes.All("files:write"),
//	}, nil)
//	http.Handle("/mcp", guard.Handler(func(*http.Request) *mcp.Server { return server }, nil))
//
// A tool, prompt, resource or method that the Policy does not name is refused. Tools
// read the calling client with verifier.ClientFromContext: it is the client of the
// request that carried the call, also in a session that another request opened.
//
// # How a call is decided
//
// The Handler verifies the token of every HTTP request, and makes the client the owner
// of the session that it opens. The SDK refuses another client that presents the ID of
// that session. The server's receiving middleware, see [Guard.Protect], then decides on
// the message that the SDK has parsed, with the client of its own request. A message
// that did not come through a Handler has no client, and is refused: on stdio, in
// memory, and through the SDK's older SSEHandler.
//
// # Traps
//
//   - A response to a request of the server, such as an elicitation, belongs to the
//     session: any token of the client that opened it can send one.
//   - The standalone stream of a session is open to any token of its client. With
//     StreamableHTTPOptions.JSONResponse it also carries what tools send during a call.
//   - The SDK's own client ends its session at a 403. To step up instead, give it an
//     OAuthHandler: the second example of [Guard.Handler] has one for machines.
//   - Lists and the early answer of HTTP 403 follow the scopes alone. verifier.Config's
//     Check is asked about each call.
package mcpmw

import (
	"errors"
	"iter"
	"sync"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options holds the optional settings of New. The zero value, and nil, is every
// default.
type Options struct {
	// HTTP holds the settings of the HTTP half: realm, resource, the origin that DPoP
	// proofs name, and so on. Set its Resource to the URL of the MCP endpoint, and
	// serve [Guard.Metadata].
	HTTP httpmw.Options
}

// Guard guards MCP servers. It is safe for concurrent use and may guard any number of
// servers. Make one with [New]: the zero Guard, and a nil one, refuse every request
// and every message as Unavailable.
type Guard struct {
	verifier *verifier.Verifier
	policy   policy
	http     *httpmw.Middleware
	opts     Options

	mu        sync.Mutex
	protected map[serverRef]struct{}
}

// New makes a Guard that decides with v by the policy p, or returns every mistake at
// once. opts may be nil. New copies p and opts.
func New(v *verifier.Verifier, p Policy, opts *Options) (*Guard, error) {
	g := &Guard{verifier: v, protected: make(map[serverRef]struct{})}
	if opts != nil {
		g.opts = *opts
	}
	var errs []error
	var err error
	if g.http, err = httpmw.New(v, &g.opts.HTTP); err != nil {
		errs = append(errs, err)
	}
	if g.policy, err = p.compile(); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// orZero returns g, or the zero Guard for nil.
func (g *Guard) orZero() *Guard {
	if g == nil {
		return new(Guard)
	}
	return g
}

// Operations returns the keys of the Policy with their requirements, in the order of
// their names.
func (g *Guard) Operations() iter.Seq2[string, scopes.Requirement] { return g.orZero().policy.all() }

// Metadata returns the metadata of Options.HTTP.Resource with the scopes of the Policy
// (RFC 9728), or an error if Resource is empty. MCP clients find the authority by it.
// Register it on the mux that serves the root of the resource's host:
//
//	meta, err := guard.Metadata()
//	mux.Handle(meta.Pattern(), meta)
func (g *Guard) Metadata() (*httpmw.Metadata, error) {
	return g.orZero().http.Metadata(g.Operations())
}
