package revocation

import (
	"maps"
	"time"
)

// Status describes a List at one moment.
type Status struct {
	Entries    int            // cut-offs
	MaxEntries int            // the bound
	Issuers    map[string]int // cut-offs by the issuer that they name
	Generation uint64         // changes with every new cut-off
	Shared     bool           // there is a Source; the fields below are about it
	Loaded     bool           // there was a view
	Confirmed  time.Time      // when the question was sent that last confirmed the view; zero if none did
	Age        time.Duration  // of the view, by the greater of both clocks; 0 before the first
	MaxAge     time.Duration
	FailOpen   bool
	Fresh      bool   // calls are decided; with FailOpen, even by an old view
	Stale      bool   // the view is older than MaxAge, or there is none
	Position   string // of the source
	Missing    int    // cut-offs that the source has lost, and this list holds
	LastError  error  // of the source since the view was last confirmed
	Failures   int    // how often the source has failed
}

// Status returns the state of the list. Its cost depends on the number of issuers, not
// of cut-offs.
func (l *List) Status() Status {
	if l.isUnmade() {
		return Status{Stale: true, LastError: ErrClosed}
	}
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view.Load()
	s := Status{
		Entries:    l.entries.len(),
		MaxEntries: l.cfg.MaxEntries,
		Issuers:    maps.Clone(l.entries.issuers),
		Generation: v.generation,
		Shared:     l.cfg.Source != nil,
		Loaded:     v.loaded || v.unlimited,
		MaxAge:     l.cfg.MaxAge,
		FailOpen:   l.cfg.FailOpen,
		Stale:      l.Stale(now),
		Position:   l.source.position,
		LastError:  l.source.lastError,
		Failures:   l.source.failures,
		Missing:    l.source.missing,
	}
	if v.loaded {
		s.Confirmed, s.Age = time.Unix(0, v.sentWall), max(v.age(now), 0)
	}
	_, s.Fresh = l.View(now)
	if l.closed {
		s.LastError = ErrClosed
	}
	return s
}
