// Package conformance runs the npm package @modelcontextprotocol/conformance against an
// MCP server twice, without and with the guard of mcpmw: the guard must not change a
// result. Its run command installs the package.
package conformance
