package jwks

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestETag: a document is fetched whole while there is no set, and once in
// half a MaxStale; else it is asked for by its tag.
func TestETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: tagged(`"1"`, ed("a"))}
		s := open(t, a, func(o *Options) { o.MaxStale = time.Hour })
		set := s.Current()
		pass(24 * time.Hour)
		wantState(t, s, Fresh)
		if s.Current() != set {
			t.Error("the set was swapped for itself")
		}
		asked, etags := a.log()
		whole := asked[0]
		for i, etag := range etags[1:] {
			at := asked[i+1]
			if due := at.Sub(whole) >= time.Hour/2; due != (etag == "") {
				t.Fatalf("fetch %d, %v after the last whole one, sent %q", i+1, at.Sub(whole), etag)
			}
			if etag == "" {
				whole = at
			}
		}
		if time.Since(whole) > time.Hour {
			t.Error("there was no whole fetch for long")
		}

		a.now(tagged(`"2"`, ed("b")))
		if err := s.Refresh(t.Context()); err != nil || s.Current() == set {
			t.Errorf("a new document was not taken: %v", err)
		}
		for range 2 {
			s.Refresh(t.Context())
		}
		if _, etags := a.log(); etags[len(etags)-1] != `"2"` {
			t.Errorf("the tag is %q, want that of the new document", etags[len(etags)-1])
		}
	})
}

// TestEndlessNotModified: an authority, or something on the way to it, that
// answers 304 for ever does not keep a set alive.
func TestEndlessNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: tagged(`"1"`, ed("a"))}
		s := open(t, a)
		whole := s.Status().Confirmed
		a.now(func(_ context.Context, sent string) (Document, error) {
			if sent == "" {
				return Document{}, errDown // FromURL's verdict about a 304 then
			}
			return Document{NotModified: true, ETag: sent}, nil
		})
		passUntil(whole.Add(12 * time.Hour))
		wantState(t, s, Fresh)
		confirmed := s.Status().Confirmed
		passUntil(confirmed.Add(24*time.Hour - 1))
		wantState(t, s, Stale)
		if s.Status().Confirmed != confirmed {
			t.Error("a 304 confirms a set after half of MaxStale")
		}
		pass(1)
		wantState(t, s, Expired)
	})
}

// TestNotModifiedTooLate: what a 304 confirms must still be there.
func TestNotModifiedTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: tagged(`"1"`, ed("a"))}
		s := open(t, a, func(o *Options) { o.MaxStale, o.Timeout = 10*time.Second, 10*time.Second })
		pass(2 * time.Second)
		a.now(after(9*time.Second, tagged(`"1"`, ed("a"))))
		failed := make(chan error)
		go func() { failed <- s.Refresh(context.Background()) }()
		if err := <-failed; err != errGone {
			t.Errorf("error %v, want %v", err, errGone)
		}
		wantState(t, s, Expired)
		if _, etags := a.log(); etags[1] != `"1"` {
			t.Fatal("the fetch was not conditional")
		}
	})
}

// TestConditionThatFails: an authority, or something on the way to it, that
// can't answer a conditional request is asked for the whole document next.
func TestConditionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{answer: tagged(`"1"`, ed("a"))}
		s := open(t, a)
		a.now(func(ctx context.Context, sent string) (Document, error) {
			if sent != "" {
				return Document{}, errDown
			}
			return Document{Body: document(ed("b")), ETag: `"2"`}, nil
		})
		for _, want := range []error{errDown, nil, errDown, nil} {
			if err := s.Refresh(t.Context()); err != want {
				t.Fatalf("Refresh: %v, want %v", err, want)
			}
		}
		if _, etags := a.log(); etags[1] != `"1"` || etags[2] != "" || etags[3] != `"2"` || etags[4] != "" {
			t.Errorf("tags sent: %q", etags)
		}
	})
}
