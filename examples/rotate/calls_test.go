//go:build !race

package main

const testCalls = 10_000
