//go:build !race

package doortest

const raceDetector = false
