// Package gateway is what a SaaS puts before its project at Stytch, at URLs of
// its own, so that its customers' machines need not know of Stytch:
//
//   - [TokenEndpoint] issues tokens (RFC 6749 §3.2).
//   - [KeySet] publishes a copy of the project's keys (RFC 7517 §5).
//   - [Metadata] leads clients to both (RFC 8414).
//
// Each is an http.Handler that can be mounted alone.
package gateway
