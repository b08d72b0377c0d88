//go:build race

package doortest

// Sampled reports whether doors run a part of the rows: see sample.
const Sampled = true
