//go:build !linux

package main

import "time"

var start = time.Now()

// threadTime and processTime are wall-clock time where a thread's own is not to
// be had: there, the machine should have nothing else to do.
func threadTime() time.Duration  { return time.Since(start) }
func processTime() time.Duration { return time.Since(start) }
