//go:build race

package main

const testCalls = 2_000 // the race detector makes each ten times as slow
