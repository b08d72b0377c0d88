package jwks

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrClosed is the error of every method after Close.
var ErrClosed = errors.New("closed")

// Why is the reason for which [Source.Find] returns no key.
type Why int

const (
	OtherAlgorithm    Why = iota + 1 // the key ID is published for another algorithm
	Dropped                          // the key is published and can't be used
	NotOne                           // the token names no key, and not exactly one fits
	NotPublished                     // the key is not published
	NoLongerPublished                // it was once, and no longer is
	MayBeNewer                       // the key is not known, and may be newer than what is
	TooMany                          // the same, too often in one second
	NoKeys                           // there are no keys to find it in

	unconfirmed // the last response lacks the key, and a second one has to confirm that
)

// MissingError says why [Source.Find] returned no key, and what is known.
type MissingError struct {
	Why       Why
	KeyID     string
	Algorithm string
	Set       *Set      // in force; nil with NoKeys
	Lost      bool      // an earlier set held the key
	At        time.Time // of the search
	Fetched   time.Time // when the keys were confirmed last; zero if never
	AsOf      time.Time // of which time the response is: earlier, if a cache gave it
	Next      time.Time // when they are looked at next, at the latest
	Err       error     // of the last fetch, if it failed
}

// missing makes the error of a search, and counts it. The caller holds mu.
func (s *Source) missing(why Why, set *Set, q Query) error {
	now := time.Now()
	if why == NotPublished || why == NoLongerPublished || why == MayBeNewer {
		s.health.unknown++
	}
	if why == MayBeNewer && s.flood.add(now) {
		why = TooMany
	}
	return &MissingError{
		Why:       why,
		KeyID:     q.KeyID,
		Algorithm: q.Algorithm,
		Set:       set,
		Lost:      s.memory.lost[q.KeyID] != nil,
		At:        now,
		Fetched:   s.health.confirmed,
		AsOf:      s.health.asOf,
		Next:      s.nextLook(now),
		Err:       s.health.lastErr,
	}
}

// nextLook returns when the keys are looked at next: when the fetch under way
// ends, or when the timer or a caller may start one. The caller holds mu.
func (s *Source) nextLook(now time.Time) time.Time {
	if s.flight != nil {
		return latest(now, s.flight.at().Add(s.opts.Timeout))
	}
	if next := s.budget.next(); next.Before(s.health.next) {
		return latest(now, next)
	}
	return s.health.next
}

func (e *MissingError) Unwrap() error { return e.Err }

// Error names the key ID, the published ones, how old they are, and when they
// are looked at next.
func (e *MissingError) Error() string {
	kid := "kid " + quote(e.KeyID)
	switch e.Why {
	case OtherAlgorithm:
		return fmt.Sprintf("%s is for %s, not for %s", kid, e.Set.algorithmsOf(e.KeyID), e.Algorithm)
	case Dropped:
		return kid + " is published, but can't be used: " + e.Set.problemOf(e.KeyID)
	case NotOne:
		return fmt.Sprintf(`"kid" is missing, and not exactly one key fits: %d of %s are published`,
			e.Set.count(e.Algorithm), e.Algorithm)
	case NotPublished:
		return fmt.Sprintf("%s is not published: %s", kid, e.published())
	case NoLongerPublished:
		return fmt.Sprintf("%s is no longer published: %s", kid, e.published())
	case MayBeNewer:
		if e.Lost {
			return fmt.Sprintf("%s is missing in the last response, and a further one has to confirm that: %s%s", kid, e.published(), e.outlook())
		}
		return fmt.Sprintf("%s is not known yet: %s%s", kid, e.published(), e.outlook())
	case TooMany:
		return fmt.Sprintf("%s is not known yet, and so are too many others: %s%s", kid, e.published(), e.outlook())
	default:
		return "there are no keys" + e.outlook()
	}
}

// published names the keys in force, and their age.
func (e *MissingError) published() string {
	const most = 8
	var names []string
	for i, k := range e.Set.keys {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(e.Set.keys)-most))
			break
		}
		names = append(names, quote(k.ID))
	}
	text := fmt.Sprintf("the keys are %s, fetched %s ago", strings.Join(names, ", "), rough(e.At.Sub(e.Fetched)))
	if e.Fetched.Sub(e.AsOf) >= time.Second {
		text += fmt.Sprintf(", as of %s ago", rough(e.At.Sub(e.AsOf)))
	}
	return text
}

// outlook says what comes next, and what came last.
func (e *MissingError) outlook() string {
	text := "; the next look is due now"
	if d := e.Next.Sub(e.At); d >= time.Second {
		text = "; the next look is in " + rough(d)
	}
	if e.Err != nil {
		text += "; the last fetch failed: " + e.Err.Error()
	}
	return text
}

// rough cuts fractions of a second.
func rough(d time.Duration) string {
	return d.Truncate(time.Second).String()
}

const maxQuoted = 64

// quote makes a text that others wrote fit for a log.
func quote(text string) string { return strconv.QuoteToASCII(text[:min(len(text), maxQuoted)]) }

func (s *Set) algorithmsOf(id string) string {
	var names []string
	for _, k := range s.byID[id] {
		names = append(names, k.Algorithm)
	}
	return strings.Join(names, " and ")
}

func (s *Set) problemOf(id string) string {
	for _, p := range s.Problems {
		if p.KeyID == id {
			return p.Text
		}
	}
	return "its key was dropped"
}

func (s *Set) count(algorithm string) (n int) {
	for _, k := range s.keys {
		if k.Algorithm == algorithm {
			n++
		}
	}
	return n
}
