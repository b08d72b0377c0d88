// Package m2mauth is the root of a module that decides which machine is calling a
// Go service and what it may do, the same way over net/http and gRPC. It contains
// no code. Choose the package for your part:
//
// To guard a service, create a Verifier, and guard each route or method with a
// Requirement:
//   - [github.com/m2mauth/m2mauth/verifier] verifies access tokens and decides.
//   - [github.com/m2mauth/m2mauth/scopes] describes what a client may do.
//   - [github.com/m2mauth/m2mauth/httpmw] guards net/http handlers, and
//     [github.com/m2mauth/m2mauth/httpmw/gorilla] gorilla/mux routers.
//   - [github.com/m2mauth/m2mauth/grpcmw] guards gRPC servers, and
//     [github.com/m2mauth/m2mauth/grpcmw/protopolicy] reads requirements from
//     .proto files.
//   - The module github.com/m2mauth/m2mauth/mcpmw guards MCP servers of the official
//     Go SDK, tool by tool.
//   - [github.com/m2mauth/m2mauth/dpop] verifies and signs proofs of possession
//     (RFC 9449).
//
// To see what a guarded service decides, [github.com/m2mauth/m2mauth/telemetry] has
// an audit log, the last refusals, and a status page. The modules
// github.com/m2mauth/m2mauth/telemetry/otelm2m and
// github.com/m2mauth/m2mauth/telemetry/promm2m report metrics to OpenTelemetry and
// Prometheus.
//
// To shut out tokens before they expire, after a secret leaked, share a list of
// cut-offs: [github.com/m2mauth/m2mauth/revocation].
//
// To trust an authority, use a preset if there is one:
//   - [github.com/m2mauth/m2mauth/issuers] has presets for common authorities.
//   - [github.com/m2mauth/m2mauth/issuers/discovery] reads an authority's metadata
//     (RFC 8414, OpenID Connect Discovery).
//   - [github.com/m2mauth/m2mauth/introspection] asks an authority about opaque
//     tokens (RFC 7662).
//   - [github.com/m2mauth/m2mauth/stytch] is for Stytch: its tokens, and the API for
//     its clients.
//
// To call services, get tokens with [github.com/m2mauth/m2mauth/tokensource], for
// gRPC with [github.com/m2mauth/m2mauth/tokensource/grpctoken], or from Stytch with
// [github.com/m2mauth/m2mauth/stytch].
//
// To issue tokens to your customers' machines at your own URLs, in front of Stytch,
// use [github.com/m2mauth/m2mauth/stytch/gateway].
//
// To test a service, start an authority with [github.com/m2mauth/m2mauth/m2mtest],
// and attack your own servers with [github.com/m2mauth/m2mauth/m2mtest/attack], or MCP
// servers with github.com/m2mauth/m2mauth/mcpmw/mcptest.
//
// The command github.com/m2mauth/m2mauth/cmd/m2mauth explains why a token is
// accepted or refused, prints access tokens for shells, and serves an authority for
// local development. The document docs/operating.md covers deployment,
// docs/troubleshooting.md the causes of refusals.
package m2mauth
