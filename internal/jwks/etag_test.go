package jwks

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/keytest"
)

// TestETag checks that the timer sends the ETag, except once an hour, or
// twice in a MaxStale. Refresh and calls fetch unconditionally.
func TestETag(t *testing.T) {
	for maxStale, every := range map[time.Duration]time.Duration{time.Hour: time.Hour / 2, 24 * time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a := answering(tagged(`"1"`, ed("a")))
			s := open(t, a, func(o *Options) { o.MaxStale = maxStale })
			set := s.Current()
			keytest.Pass(24 * time.Hour)
			wantState(t, s, Fresh)
			if s.Current() != set {
				t.Error("the set was swapped for itself")
			}
			asked, etags := a.log()
			whole := asked[0]
			for i, etag := range etags[1:] {
				at := asked[i+1]
				if due := at.Sub(whole) >= every; due != (etag == "") {
					t.Fatalf("fetch %d, %v after the last whole one, sent %q", i+1, at.Sub(whole), etag)
				}
				if etag == "" {
					whole = at
				}
			}
			if time.Since(whole) > every+6*time.Minute {
				t.Error("there was no whole fetch for long")
			}

			a.Now(tagged(`"2"`, ed("a"), ed("b")))
			refresh(t, s)
			if s.Current() == set {
				t.Error("a new document was not taken")
			}
			wantFind(t, s, a, asks("x", 0), MayBeNewer, 0, 1)
			passUntil(s.Status().Next)
			_, etags = a.log()
			if last := etags[len(etags)-3:]; strings.Join(last, ",") != `,,"2"` {
				t.Errorf("the tags of Refresh, an unknown key and the timer are %q", last)
			}
		})
	}
}

// TestUnchangedETag uses a server whose ETag stays the same after a
// rotation, as nginx makes it from a file's size and time. The timer may
// miss the new key for an hour, but a call that needs it and Refresh must
// find it.
func TestUnchangedETag(t *testing.T) {
	for name, learn := range map[string]func(*testing.T, *Source, *authority){
		"by a caller": func(t *testing.T, s *Source, a *authority) { wantFind(t, s, a, asks("b", 0), Found, 0, 1) },
		"by Refresh":  func(t *testing.T, s *Source, _ *authority) { refresh(t, s) },
		"by itself":   func(*testing.T, *Source, *authority) { keytest.Pass(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answering(tagged(`"1"`, ed("a")))
				s := open(t, a)
				a.Now(tagged(`"1"`, ed("b")))
				keytest.Pass(11 * time.Minute)
				wantFind(t, s, a, asks("a", 0), Found, 0, 0)
				learn(t, s, a)
				wantFind(t, s, a, asks("b", 0), Found, 0, 0)
				if _, err := s.Current().Lookup("a", "EdDSA"); err == Found {
					t.Error("the old key serves")
				}
			})
		})
	}
}

// TestEndlessNotModified checks that keys expire if an authority or a cache
// answers 304 without end.
func TestEndlessNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(tagged(`"1"`, ed("a")))
		s := open(t, a)
		whole := s.Status().Confirmed
		a.Now(func(_ context.Context, sent string) (Document, error) {
			if sent == "" {
				return Document{}, errDown // FromURL's verdict about a 304 then
			}
			return Document{NotModified: true, ETag: sent}, nil
		})
		passUntil(whole.Add(time.Hour))
		wantState(t, s, Fresh)
		confirmed := s.Status().Confirmed
		passUntil(confirmed.Add(24*time.Hour - 1))
		wantState(t, s, Stale)
		if s.Status().Confirmed != confirmed {
			t.Error("a 304 confirms a set after an hour")
		}
		keytest.Pass(1)
		wantState(t, s, Expired)
	})
}

// TestNotModifiedTooLate checks a 304 that arrives after the keys have
// expired.
func TestNotModifiedTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(tagged(`"1"`, ed("a")))
		s := open(t, a, func(o *Options) { o.MaxStale, o.Timeout = 10*time.Second, 10*time.Second })
		a.Now(after(9*time.Second, tagged(`"1"`, ed("a"))))
		passUntil(s.Status().Next)
		if _, etags := a.log(); etags[1] != `"1"` {
			t.Fatal("the fetch was not conditional")
		}
		keytest.Pass(9 * time.Second)
		if err := s.Status().LastError; err != errGone {
			t.Errorf("error %v, want %v", err, errGone)
		}
		wantState(t, s, Expired)
	})
}

// TestConditionThatFails checks that a failed conditional fetch is followed
// by an unconditional one.
func TestConditionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := answering(tagged(`"1"`, ed("a")))
		s := open(t, a)
		a.Now(func(ctx context.Context, sent string) (Document, error) {
			if sent != "" {
				return Document{}, errDown
			}
			return Document{Body: document(ed("a"), ed("b")), ETag: `"2"`}, nil
		})
		for _, want := range []error{errDown, nil, errDown, nil} {
			passUntil(s.Status().Next)
			if err := s.Status().LastError; err != want {
				t.Fatalf("last error %v, want %v", err, want)
			}
		}
		if _, etags := a.log(); etags[1] != `"1"` || etags[2] != "" || etags[3] != `"2"` || etags[4] != "" {
			t.Errorf("tags sent: %q", etags)
		}
	})
}
