package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how long the calling thread has been running, and processTime
// how long all threads have: what else the machine does is not in it.
func threadTime() time.Duration  { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }
func processTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// clock is exact. What getrusage tells is only as new as the last tick of the
// kernel's, which is too old for a slice of a few ms.
func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
