package revoke

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/revocation"
)

// memory is a Fleet in memory.
type memory struct {
	cutoffs []revocation.Cutoff
	missing []string
	err     error
}

func (f *memory) Publish(_ context.Context, c revocation.Cutoff) (string, error) {
	f.cutoffs = append(f.cutoffs, c)
	return "1", f.err
}

func (f *memory) Seen(context.Context, string) (operate.Seen, error) {
	return operate.Seen{Have: []string{"replica-1"}, Missing: f.missing}, nil
}

const thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

func now() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 500e6, time.UTC) }

// revoke runs a command whose operator answers.
func revoke(t *testing.T, store *memory, answer string, args ...string) (string, error) {
	t.Helper()
	o, err := parse(append([]string{"-issuer", "a", "-wait", "1ms"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.cutoff(now())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	term := &operate.Terminal{In: strings.NewReader(answer), Out: &out, Interactive: answer != "", Now: now}
	err = o.revoke(t.Context(), store, c, term, now())
	return out.String(), err
}

// TestSelections: exactly what is shown is published.
func TestSelections(t *testing.T) {
	bound := time.Date(2026, 1, 31, 12, 0, 1, 0, time.UTC)
	for _, tt := range []struct {
		name string
		args []string
		want revocation.Cutoff
		text string
	}{
		{"a client", []string{"-client", "worker"}, revocation.Cutoff{Select: revocation.Client("worker"), IssuedUpTo: bound},
			"Issuer   a\nClient   worker\nIssued   up to 2026-01-31T12:00:01Z, or without \"iat\"\n"},
		{"a token", []string{"-token", "t-1"}, revocation.Cutoff{Select: revocation.Token("t-1")},
			"Token    t-1\nIssued   at any time\n"},
		{"a key", []string{"-key", thumbprint}, revocation.Cutoff{Select: revocation.Key(thumbprint)},
			"Key      " + thumbprint + "\nIssued   at any time\n"},
		{"everything", []string{"-everything"}, revocation.Cutoff{Select: revocation.Everything(), IssuedUpTo: bound},
			"Tokens   ALL of this issuer, of every client\nIssued   up to"},
		{"a time and a note", []string{"-client", "worker", "-issued-up-to", "2026-01-31T13:00:00+01:00", "-until", "2026-02-02T00:00:00Z", "-note", "by me"},
			revocation.Cutoff{Select: revocation.Client("worker"), IssuedUpTo: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
				Until: time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC), Note: "by me"},
			"Until    2026-02-02T00:00:00Z\nNote     by me\n"},
		{"the future", []string{"-client", "worker", "-issued-up-to", "2026-01-31T13:00:00Z"},
			revocation.Cutoff{Select: revocation.Client("worker"), IssuedUpTo: time.Date(2026, 1, 31, 13, 0, 0, 0, time.UTC)},
			"That is in 1h0m0s: until then, new tokens are refused too."},
		{"a name with a line's end", []string{"-client", "a\nIssued"}, revocation.Cutoff{Select: revocation.Client("a\nIssued"), IssuedUpTo: bound},
			`Client   "a\nIssued"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{}
			out, err := revoke(t, store, "yes\n", tt.args...)
			if err != nil || !strings.Contains(out, tt.text) {
				t.Errorf("revoke = %v, output:\n%s\nwant:\n%s", err, out, tt.text)
			}
			tt.want.Issuer = "a"
			if len(store.cutoffs) != 1 || !store.cutoffs[0].IssuedUpTo.Equal(tt.want.IssuedUpTo) || !store.cutoffs[0].Until.Equal(tt.want.Until) ||
				store.cutoffs[0].String() != tt.want.String() || store.cutoffs[0].Note != tt.want.Note {
				t.Errorf("published %v, want %v", store.cutoffs, tt.want)
			}
		})
	}
}

// TestNothing: a no, nobody and a dry run publish nothing.
func TestNothing(t *testing.T) {
	for _, tt := range []struct{ name, answer, flag, want string }{
		{"no", "no\n", "-yes=false", "nothing was changed"},
		{"an empty answer", "\n", "-yes=false", "nothing was changed"},
		{"nobody", "", "-yes=false", operate.ErrNobody.Error()},
		{"a dry run", "", "-dry-run", ""},
	} {
		store := &memory{}
		_, err := revoke(t, store, tt.answer, "-client", "worker", tt.flag)
		if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want || len(store.cutoffs) > 0 {
			t.Errorf("%s: revoke = %v, want %q; published %v", tt.name, err, tt.want, store.cutoffs)
		}
	}
}

// TestNotSafe: what is not known to be refused everywhere is an error.
func TestNotSafe(t *testing.T) {
	out, err := revoke(t, &memory{missing: []string{"replica-2"}}, "", "-client", "worker", "-yes")
	if err == nil || !strings.Contains(err.Error(), "not every replica") || !strings.Contains(out, "1 of 2 replicas") || !strings.Contains(out, "not yet: replica-2") {
		t.Errorf("revoke = %v, output:\n%s", err, out)
	}
	_, err = revoke(t, &memory{err: errors.New("no acknowledgement")}, "", "-client", "worker", "-yes")
	if err == nil || !strings.Contains(err.Error(), "not known to be stored") {
		t.Errorf("revoke = %v, want that it is not known to be stored", err)
	}
}

// TestUsage: mistakes are status 2 with nothing on standard output, and repeat no
// value.
func TestUsage(t *testing.T) {
	const jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjb3JyZWN0aG9yc2UifQ.correcthorse"
	t.Setenv("STYTCH_PROJECT_ID", "")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"help", []string{"-h"}, "usage:"},
		{"an argument", []string{"-issuer", "a", "-client", "b", jwt}, "unexpected argument"},
		{"no issuer", []string{"-client", "b", "-yes"}, "-issuer is missing"},
		{"nothing", []string{"-issuer", "a", "-yes"}, "want one of"},
		{"an empty client", []string{"-issuer", "a", "-client", "", "-yes"}, "want one of"},
		{"an empty client and everything", []string{"-issuer", "a", "-client", "", "-everything", "-yes"}, "want one of"},
		{"two", []string{"-issuer", "a", "-client", "b", "-token", "c", "-yes"}, "want one of"},
		{"the token itself", []string{"-issuer", "a", "-token", jwt, "-yes"}, "-token holds a token"},
		{"a key's ID", []string{"-issuer", "a", "-key", "jwk-test-1", "-yes"}, "thumbprint"},
		{"a time for a token", []string{"-issuer", "a", "-token", "b", "-issued-up-to", "2026-01-31T12:00:00Z", "-yes"}, "-issued-up-to is for"},
		{"a malformed time", []string{"-issuer", "a", "-client", "b", "-issued-up-to", jwt, "-yes"}, "-issued-up-to: want"},
		{"a malformed end", []string{"-issuer", "a", "-client", "b", "-until", jwt, "-yes"}, "-until: want"},
		{"an end in the past", []string{"-issuer", "a", "-client", "b", "-until", "2020-01-31T12:00:00Z", "-yes"}, "-until is in the past"},
		{"a secret in the note", []string{"-issuer", "a", "-client", "b", "-note", jwt, "-yes"}, "-note holds"},
		{"no time to wait", []string{"-issuer", "a", "-client", "b", "-wait", "0s", "-yes"}, "-wait"},
		{"nobody to ask", []string{"-issuer", "a", "-client", "b"}, "-yes is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := Run(t.Context(), tt.args, strings.NewReader(""), &out, &errs)
			if status != 2 || out.Len() > 0 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("status %d, output %q, error %q, want 2, nothing and %q", status, &out, &errs, tt.want)
			}
			if strings.Contains(errs.String(), "correcthorse") {
				t.Error("the error repeats a secret")
			}
		})
	}
}
