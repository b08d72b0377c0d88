// Package telemetry shows what a [verifier.Verifier] decides: an audit log, the
// last refusals, and a status page for people and machines. It uses the standard
// library alone.
package telemetry
