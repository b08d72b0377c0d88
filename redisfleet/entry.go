package redisfleet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/revocation"
)

// format is the version of the entries. An entry of another version stops the view.
const format = "1"

// openingID is the ID of the opening entry. XADD accepts it only on a key that holds
// no stream, so that one of two concurrent calls of Init fails.
const openingID = "1-1"

// streamID is the ID of an entry: milliseconds of the store's clock, and a counter.
type streamID struct{ ms, seq uint64 }

func parseID(text string) (streamID, error) {
	ms, seq, ok := strings.Cut(text, "-")
	m, err1 := strconv.ParseUint(ms, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return streamID{}, fmt.Errorf("%s is not the ID of an entry", outbound.Quote(text))
	}
	return streamID{m, s}, nil
}

func (id streamID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.seq, 10)
}

func (id streamID) less(other streamID) bool {
	return id.ms < other.ms || id.ms == other.ms && id.seq < other.seq
}

// entry is an entry of the stream. One that was not understood has an err, and no
// cutoff.
type entry struct {
	id      streamID
	opening string // the random text of the opening entry
	cutoff  revocation.Cutoff
	err     error
}

// isOpening reports whether e is the opening entry: a first entry that is not has
// replaced it.
func (e entry) isOpening() bool { return e.opening != "" && e.id.String() == openingID }

// openingFields returns the fields of the opening entry.
func openingFields(random string) []string { return []string{"v", format, "opening", random} }

// fields returns the one way to write c.
func fields(c revocation.Cutoff) []string {
	return []string{
		"v", format,
		"issuer", c.Issuer,
		"select", string(c.Select.Kind()),
		"name", c.Select.Name(),
		"upto", unix(c.IssuedUpTo),
		"until", unix(c.Until),
		"note", c.Note,
	}
}

func unix(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func parseUnix(text string) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{} // the entry is then refused: it is not the same when written again
	}
	return time.Unix(seconds, 0).UTC()
}

// parseEntry reads an entry. It accepts exactly what fields writes: a reader that
// guessed could make a cut-off narrower or wider than its publisher meant.
func parseEntry(raw rueidis.XRangeSlice) entry {
	id, err := parseID(raw.ID)
	if err != nil {
		return entry{err: err}
	}
	e := entry{id: id}
	flat := make([]string, 0, 2*len(raw.FieldValues))
	for _, f := range raw.FieldValues {
		flat = append(flat, f.Field, f.Value)
	}
	e.opening, e.cutoff, err = parseFields(flat)
	if err != nil {
		e.err = fmt.Errorf("entry %v: %w", id, err)
	}
	return e
}

func parseFields(flat []string) (opening string, c revocation.Cutoff, err error) {
	if len(flat) < 2 || flat[0] != "v" {
		return "", c, errors.New("does not begin with its version")
	}
	if flat[1] != format {
		return "", c, fmt.Errorf("has version %s: this program understands %q", outbound.Quote(flat[1]), format)
	}
	if len(flat) == 4 && flat[2] == "opening" && flat[3] != "" {
		return flat[3], c, nil
	}
	if len(flat) != 14 {
		return "", c, fmt.Errorf("has %d fields, want 7", len(flat)/2)
	}
	c = revocation.Cutoff{Issuer: flat[3], IssuedUpTo: parseUnix(flat[9]), Until: parseUnix(flat[11]), Note: flat[13]}
	switch revocation.Kind(flat[5]) {
	case revocation.ClientKind:
		c.Select = revocation.Client(flat[7])
	case revocation.TokenKind:
		c.Select = revocation.Token(flat[7])
	case revocation.KeyKind:
		c.Select = revocation.Key(flat[7])
	case revocation.EverythingKind:
		c.Select = revocation.Everything()
	default:
		return "", revocation.Cutoff{}, fmt.Errorf("selects by %s, which this program does not know", outbound.Quote(flat[5]))
	}
	if !slices.Equal(fields(c), flat) {
		return "", revocation.Cutoff{}, errors.New("is not written as this program writes entries")
	}
	if c.Until.IsZero() && c.Select.Kind() != revocation.KeyKind {
		return "", revocation.Cutoff{}, errors.New("has no end")
	}
	if err := c.Check(); err != nil {
		return "", revocation.Cutoff{}, err
	}
	return "", c, nil
}

// ended reports whether c had ended before now. One without an end never does.
func ended(c revocation.Cutoff, now time.Time) bool {
	return !c.Until.IsZero() && c.Until.Before(now)
}

// covers reports whether an entry that is there refuses all that c refuses, for as
// long.
func covers(there, c revocation.Cutoff) bool {
	return there.Issuer == c.Issuer && there.Select == c.Select &&
		!there.IssuedUpTo.Before(c.IssuedUpTo) &&
		(there.Until.IsZero() || !c.Until.IsZero() && !there.Until.Before(c.Until))
}
