// Package frameworks holds one recipe for each web framework: how its routes are
// guarded, and a test that takes the routes from the framework's own list and attacks
// them. A route that was forgotten is on that list, too. The directories have those of
// servers that decide about something else: gateway about gRPC methods, graphql about
// fields, and proxies for another server. docs/frameworks.md has the traps that the
// recipes avoid.
package frameworks

import "github.com/m2mauth/m2mauth/scopes"

// needs has the requirement of every route, by method and path as the framework
// lists them: the test fails for a route that is not here.
type needs map[string]scopes.Requirement
