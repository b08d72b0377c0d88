package redisfleet_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain runs the tests, or the follower that a test pauses. After the tests, no
// goroutine of this package or of its client may be left.
func TestMain(m *testing.M) {
	if addr := os.Getenv("REDISFLEET_FOLLOW"); addr != "" {
		pausedFollower(addr)
		return
	}
	code := m.Run()
	for deadline := time.Now().Add(10 * time.Second); code == 0; time.Sleep(20 * time.Millisecond) {
		left := leftGoroutines()
		if left == "" {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
			code = 1
		}
	}
	os.Exit(code)
}

func leftGoroutines() string {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for _, stack := range strings.Split(string(stacks), "\n\n")[1:] {
		if strings.Contains(stack, "/redisfleet.") || strings.Contains(stack, "rueidis") || strings.Contains(stack, "/revocation.") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
