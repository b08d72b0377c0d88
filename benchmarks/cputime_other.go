//go:build !linux

package main

import "time"

var start = time.Now()

// threadTime and processTime return wall-clock time on platforms that don't report a
// thread's own. There, the machine should have no other load.
func threadTime() time.Duration  { return time.Since(start) }
func processTime() time.Duration { return time.Since(start) }
