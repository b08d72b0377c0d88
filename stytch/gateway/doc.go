// Package gateway serves the endpoints of an authority at a SaaS's own URLs, in front
// of its project at Stytch. The machines of its customers then need no URL of
// Stytch's:
//
//   - [TokenEndpoint] issues tokens (RFC 6749 §3.2).
//   - [KeySet] publishes a copy of the project's keys (RFC 7517 §5).
//   - [Metadata] tells clients where both are (RFC 8414).
//
// The handlers are independent: mount those that you need. Package tenants, below this one,
// lets the customers manage their machines' clients.
package gateway
