package revocation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Config configures a List. The zero Config is a list in this process alone.
type Config struct {
	// Source delivers cut-offs that others publish. If it is nil, only Add does.
	Source Source

	// MaxAge bounds the age of the view of the Source: 30 s if zero, at least 1 s. With
	// an older view, the list is not fresh, and calls are refused as Unavailable.
	MaxAge time.Duration

	// FailOpen keeps the last view in force when it is older than MaxAge: calls are
	// then accepted that a newer cut-off would refuse. Known cut-offs stay in force.
	// Before the first view, the list is not fresh all the same.
	FailOpen bool

	// FailOpenUnloaded accepts calls before the first view, too. A service that
	// starts while its store is down then accepts every token. It needs FailOpen.
	FailOpenUnloaded bool

	// MaxEntries bounds the list: 1,000,000 if zero. An entry takes 240 to 310 bytes,
	// with names and a note of 40 bytes each. With more, the list is not fresh.
	MaxEntries int

	// MaxTokenLife is the longest life of a token: 24 h if zero. A Verifier refuses
	// longer tokens, which would outlive their cut-off.
	MaxTokenLife time.Duration

	// Now is the wall clock: time.Now if nil.
	Now func() time.Time
}

// Source delivers cut-offs to a List.
type Source interface {
	// Follow calls apply with the cut-offs, first with a snapshot of all, and then
	// with every change, until ctx ends or it fails. The List calls it again after
	// an error or a panic, after 200 to 400 ms, and one call at a time. An error of
	// apply ends Follow, which returns it: the view then needs a new snapshot. A
	// Follow that returns nil while ctx lasts has failed, too.
	Follow(ctx context.Context, apply func(Update) error) error
}

// Update delivers what a Source has learnt to a List.
type Update struct {
	// Snapshot reports that Cutoffs are all that have not ended. Otherwise they come
	// on top. An Update without Cutoffs confirms the view.
	Snapshot bool
	Cutoffs  []Cutoff

	Position string // of the source, for Status

	// Sent dates the view: it is the time at which the Source sent the request that
	// this Update answers. The zero Time stands for now.
	Sent time.Time
}

// MissingError reports that a snapshot lacks cut-offs which the list holds and which
// have not ended: the store has lost them. The list keeps them, and has no new view.
type MissingError struct {
	Cutoffs []Cutoff
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("revocation: the source has lost %d cut-offs that this list holds, the first of them: %v", len(e.Cutoffs), e.Cutoffs[0])
}

// The errors of a List.
var (
	ErrClosed = errors.New("revocation: the list is closed")
	ErrFull   = errors.New("revocation: the list is full")
)

const (
	standardMaxAge     = 30 * time.Second
	standardMaxEntries = 1_000_000
	standardLife       = 24 * time.Hour
)

func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("revocation: Config."+format, args...))
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = standardMaxAge
	}
	if cfg.MaxAge < time.Second {
		mistake("MaxAge is %v: want at least 1s", cfg.MaxAge)
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = standardMaxEntries
	}
	if cfg.MaxEntries < 0 {
		mistake("MaxEntries is %d: want a positive number", cfg.MaxEntries)
	}
	if cfg.MaxTokenLife == 0 {
		cfg.MaxTokenLife = standardLife
	}
	if cfg.MaxTokenLife < time.Minute || cfg.MaxTokenLife > 366*24*time.Hour {
		mistake("MaxTokenLife is %v: want 1m to 8784h", cfg.MaxTokenLife)
	}
	if cfg.FailOpenUnloaded && !cfg.FailOpen {
		mistake("FailOpenUnloaded is set without FailOpen")
	}
	if cfg.FailOpen && cfg.Source == nil {
		mistake("FailOpen is set without a Source: a list in this process is always fresh")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, errors.Join(errs...)
}
