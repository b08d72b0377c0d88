//go:build race

package verifier_test

// floodSize is smaller under the race detector, which makes each call some
// ten times slower.
const floodSize = 60_000
