package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
)

// line is a cut-off as a line of a dump.
type line struct {
	Issuer     string          `json:"issuer"`
	Select     revocation.Kind `json:"select"`
	Name       string          `json:"name,omitempty"`
	IssuedUpTo time.Time       `json:"issued_up_to,omitzero"`
	Until      time.Time       `json:"until,omitzero"`
	Note       string          `json:"note,omitempty"`
}

// writeDump writes the first snapshot of a source.
func writeDump(ctx context.Context, source revocation.Source, out io.Writer) error {
	var cutoffs []revocation.Cutoff
	read := false
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := source.Follow(ctx, func(u revocation.Update) error {
		if u.Snapshot && !read {
			cutoffs, read = u.Cutoffs, true
		}
		cancel() // ends Follow so that this process does not count as a replica
		return nil
	})
	if !read {
		return advise(err)
	}
	w := json.NewEncoder(out)
	for _, c := range cutoffs {
		if err := w.Encode(line{c.Issuer, c.Select.Kind(), c.Select.Name(), c.IssuedUpTo.UTC(), c.Until.UTC(), c.Note}); err != nil {
			return errors.New("the cut-offs can't be written to standard output")
		}
	}
	return nil
}

// readDump reads a dump. Its errors repeat nothing of the file.
func readDump(path string) ([]revocation.Cutoff, error) {
	if path == "" {
		return nil, errors.New("-from is missing: write the name of a dump")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-from: %w", errors.Unwrap(err)) // without the path
	}
	var cutoffs []revocation.Cutoff
	r := json.NewDecoder(bytes.NewReader(text))
	r.DisallowUnknownFields() // a member that is not understood could narrow a cut-off
	for n := 1; ; n++ {
		var l line
		err := r.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		c, ok := l.cutoff()
		if err != nil || !ok || c.Check() != nil {
			return nil, fmt.Errorf("-from: object %d of the file is no cut-off: nothing was restored", n)
		}
		cutoffs = append(cutoffs, c)
	}
	if len(cutoffs) == 0 {
		return nil, errors.New("-from: the file holds no cut-off")
	}
	return cutoffs, nil
}

func (l line) cutoff() (c revocation.Cutoff, ok bool) {
	c = revocation.Cutoff{Issuer: l.Issuer, IssuedUpTo: l.IssuedUpTo, Until: l.Until, Note: l.Note}
	switch l.Select {
	case revocation.ClientKind:
		c.Select = revocation.Client(l.Name)
	case revocation.TokenKind:
		c.Select = revocation.Token(l.Name)
	case revocation.KeyKind:
		c.Select = revocation.Key(l.Name)
	case revocation.EverythingKind:
		c.Select = revocation.Everything()
		return c, l.Name == ""
	default:
		return c, false
	}
	return c, true
}
