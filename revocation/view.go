package revocation

import "time"

// view is what View needs, in one load.
type view struct {
	generation uint64
	changed    chan struct{} // closed by the next generation
	unlimited  bool          // no Source: always fresh
	loaded     bool          // there was a snapshot
	broken     bool          // too many entries, or closed
	sent       time.Time     // of the last confirmation, with a monotonic reading
	sentWall   int64         // the same by the clock of Config.Now, in nanoseconds
}

// View returns the generation of the list, and whether the list may decide at now.
// The generation changes whenever a cut-off is added, and is never 0: a token that
// passed [List.Find] at one generation need not be looked for again at the same.
// Load the generation before Find, not after. View takes no lock.
//
// The age of the view is the greater one of the monotonic and the wall clock: now
// should be from time.Now.
func (l *List) View(now time.Time) (generation uint64, fresh bool) {
	if l == nil {
		return 0, false
	}
	v := l.view.Load()
	if v == nil {
		return 0, false
	}
	if v.unlimited {
		return v.generation, !v.broken
	}
	return v.generation, v.fresh(now, &l.cfg)
}

func (v *view) fresh(now time.Time, cfg *Config) bool {
	switch {
	case v.broken:
		return false
	case !v.loaded:
		return cfg.FailOpenUnloaded
	case cfg.FailOpen:
		return true
	}
	return v.age(now) <= cfg.MaxAge
}

// age returns the age of the view: the wall clock may have been set back, and the
// monotonic clock stands still while a machine is suspended.
func (v *view) age(now time.Time) time.Duration {
	running := now.Sub(v.sent)
	if now == now.Round(0) { // without a monotonic reading
		running = time.Since(v.sent)
	}
	return max(running, time.Duration(now.UnixNano()-v.sentWall))
}

// Stale reports whether the view is older than MaxAge, or there is none yet. With
// FailOpen, calls are accepted nevertheless, and operators should know.
func (l *List) Stale(now time.Time) bool {
	if l.isUnmade() {
		return true
	}
	v := l.view.Load()
	return v.broken || !v.unlimited && (!v.loaded || v.age(now) > l.cfg.MaxAge)
}

// replace changes the view. With a new generation, it closes the channel of Changed.
func (l *List) replace(change func(*view)) {
	old := l.view.Load()
	v := *old
	change(&v)
	if v.generation != old.generation {
		v.changed = make(chan struct{})
		defer close(old.changed)
	}
	l.view.Store(&v)
}

// Changed returns a channel that is closed when the next cut-off is added, or l is
// closed. Call it before Find, so that no change is overlooked. It takes no lock.
func (l *List) Changed() <-chan struct{} {
	if l.isUnmade() {
		return nil
	}
	return l.view.Load().changed
}
