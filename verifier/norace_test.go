//go:build !race

package verifier_test

const floodSize = 1_000_200
