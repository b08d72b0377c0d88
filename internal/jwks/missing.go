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

// Why says for what reason [Source.Find] returns no key.
type Why int

const (
	Found             Why = iota // it returns one
	OtherAlgorithm               // the key ID is published for another algorithm
	Dropped                      // the key is published and can't be used
	NotOne                       // the token names no key, and not exactly one fits
	NotPublished                 // the key is not published
	NoLongerPublished            // the key was removed
	MayBeNewer                   // the key is unknown, and may be newer than the set
	TooMany                      // as MayBeNewer, and there were too many such calls in a second
	NoKeys                       // there is no set

	unknown     // the set lacks the key
	unconfirmed // the last response lacks the key, and a second one has to confirm that
)

// MissingError says why [Source.Find] returned no key, and how old the set is.
type MissingError struct {
	Why       Why
	KeyID     string
	Algorithm string
	Set       *Set      // in force; nil with NoKeys
	Lost      bool      // an earlier set held the key
	At        time.Time // of the search
	Fetched   time.Time // when the fetch began that last confirmed the keys; zero if none did
	AsOf      time.Time // the date of the last complete response: earlier, if a cache sent it
	Next      time.Time // when the next fetch ends or may begin
	Err       error     // of the last fetch, if it failed
}

// missing returns the error of a search, and counts it. The caller holds mu.
func (s *Source) missing(why Why, set *Set, q Query) error {
	now := time.Now()
	if why == NotPublished || why == NoLongerPublished || why == MayBeNewer {
		s.health.unknown++
	}
	if why == MayBeNewer && s.flood.add(now) {
		why = TooMany
	}
	return s.missingError(why, set, q, now)
}

// missingError returns the error of a search. The caller holds mu.
func (s *Source) missingError(why Why, set *Set, q Query, now time.Time) *MissingError {
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

// nextLook returns when the fetch under way must have ended, or else when the
// timer or a caller may start the next one. The caller holds mu.
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

// Error names the key ID, the published key IDs, their age, and the time until
// the next fetch.
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

// published names the keys in force and their age.
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

// outlook names the time until the next fetch, and the last fetch's error.
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

// rough formats d without fractions of a second.
func rough(d time.Duration) string {
	return d.Truncate(time.Second).String()
}

const maxQuoted = 64

// quote quotes and cuts text from outside, for errors and logs.
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
