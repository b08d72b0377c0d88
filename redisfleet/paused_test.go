package redisfleet_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/revocation"
)

// pausedFollower follows a server and writes a line whenever what it decides of the
// thief changes. It ends with its standard input.
func pausedFollower(addr string) {
	source, err := redisfleet.NewRevocations(redisfleet.Options{Server: redisfleet.Server{Addr: addr}, Timeout: time.Second})
	if err != nil {
		panic(err)
	}
	list, err := revocation.New(revocation.Config{Source: source, MaxAge: maxAge})
	if err != nil {
		panic(err)
	}
	go func() {
		for last := ""; ; time.Sleep(time.Millisecond) {
			// The view first: what Find learns later makes no old view good.
			decided := "unavailable"
			if fresh(list) {
				if decided = "accepted"; refuses(list, "thief") {
					decided = "refused"
				}
			}
			if decided != last {
				fmt.Println(decided)
				last = decided
			}
		}
	}()
	bufio.NewReader(os.Stdin).ReadByte()
	list.Close()
}

// TestPausedFollower stops a follower (SIGSTOP) for longer than MaxAge, which is 2 s
// here and stands for the minute of a suspended machine. The thief is cut off meanwhile.
// When it continues, it must not accept the thief for a moment.
func TestPausedFollower(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REDISFLEET_FOLLOW="+f.Addr())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGCONT)
		stdin.Close()
		stop := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		stop.Stop()
	})
	lines := bufio.NewScanner(stdout)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the follower has ended: %v", lines.Err())
		}
		return lines.Text()
	}
	for next() != "accepted" {
	}
	cmd.Process.Signal(syscall.SIGSTOP)
	f.publish(cutoff("thief"))
	time.Sleep(maxAge + 500*time.Millisecond) // a real pause: this is another process
	cmd.Process.Signal(syscall.SIGCONT)
	for {
		switch next() {
		case "accepted":
			t.Fatal("the follower accepts the thief after the pause")
		case "refused":
			return
		}
	}
}
