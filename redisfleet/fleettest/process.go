package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// process is a testing.TB for package redistest outside of a test.
type process struct {
	testing.TB // nil: methods that are not below must not be called
	cleanups   []func()
}

func (p *process) Helper()          {}
func (p *process) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func (p *process) cleanup() {
	for _, f := range slices.Backward(p.cleanups) {
		f()
	}
	p.cleanups = nil
}

func (p *process) TempDir() string {
	dir, err := os.MkdirTemp("", "fleettest")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (p *process) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"fleettest:"}, args...)...)
	p.cleanup()
	os.Exit(2)
}

func (p *process) Fatalf(format string, args ...any) { p.Fatal(fmt.Sprintf(format, args...)) }

// Skip fails, too: a command that measures nothing must not succeed.
func (p *process) Skip(args ...any) { p.Fatal(args...) }
