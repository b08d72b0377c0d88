package stytch_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/internal/stytchtest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// calls lists every method, and whether it is repeated.
func calls(c *stytch.Client, id string) map[string]struct {
	repeated bool
	call     func(context.Context) error
} {
	type row = struct {
		repeated bool
		call     func(context.Context) error
	}
	return map[string]row{
		"CreateClient": {false, func(ctx context.Context) error {
			_, _, err := c.CreateClient(ctx, stytch.CreateParams{})
			return err
		}},
		"GetClient": {true, func(ctx context.Context) error { _, err := c.GetClient(ctx, id); return err }},
		"SearchClients": {true, func(ctx context.Context) error {
			for _, err := range c.SearchClients(ctx, stytch.SearchParams{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		"UpdateClient": {true, func(ctx context.Context) error {
			_, err := c.UpdateClient(ctx, id, stytch.UpdateParams{Name: new("x")})
			return err
		}},
		"StartRotation":    {false, func(ctx context.Context) error { _, _, err := c.StartRotation(ctx, id); return err }},
		"CancelRotation":   {false, func(ctx context.Context) error { _, err := c.CancelRotation(ctx, id); return err }},
		"CompleteRotation": {false, func(ctx context.Context) error { _, err := c.CompleteRotation(ctx, id); return err }},
		"DeleteClient":     {true, func(ctx context.Context) error { return c.DeleteClient(ctx, id) }},
	}
}

// TestRepeats checks which calls are repeated, and after which failures.
func TestRepeats(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outage  m2mtest.Outage
		passing bool
	}{
		{"503", m2mtest.Outage{}, true},
		{"500", m2mtest.Outage{Status: 500}, true},
		{"502", m2mtest.Outage{Status: 502}, true},
		{"504", m2mtest.Outage{Status: 504}, true},
		{"429", m2mtest.Outage{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, true},
		{"a dropped connection", m2mtest.Outage{Drop: true}, true},
		{"a hanging server", m2mtest.Outage{Hang: true}, true},
		{"429 for long", m2mtest.Outage{Status: 429, Header: http.Header{"Retry-After": {"31"}}}, false},
		{"400", m2mtest.Outage{Status: 400}, false},
		{"401", m2mtest.Outage{Status: 401}, false},
		{"501", m2mtest.Outage{Status: 501}, false},
		{"302", m2mtest.Outage{Status: 302}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
				d := &stytchtest.Transport{Handler: a}
				c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d, Timeout: time.Second})
				id, _ := a.CreateClient("x")
				tt.outage.Requests = 2
				for name, call := range calls(c, id) {
					if name == "DeleteClient" {
						continue // the others need the client
					}
					a.Restore()
					a.Fail(tt.outage)
					before := d.Count()
					err := call.call(t.Context())
					want := 1
					if call.repeated && tt.passing {
						want = 3
					}
					if n := d.Count() - before; n != want || (err == nil) != (want == 3) {
						t.Errorf("%s: %d requests, want %d: %v", name, n, want, err)
					}
				}
			})
		})
	}
}

// TestRepeatsAreBounded checks the number of attempts and the growing pauses.
func TestRepeatsAreBounded(t *testing.T) {
	for retries, want := range map[int]int{0: 4, -1: 1, 10: 11} {
		synctest.Test(t, func(t *testing.T) {
			a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
			a.Fail(m2mtest.Outage{})
			d := &stytchtest.Transport{Handler: a}
			c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d, Retries: retries})
			began := time.Now()
			_, err := c.GetClient(t.Context(), "x")
			if e, ok := errors.AsType[*stytch.Error](err); !ok || e.Status != 503 || d.Count() != want {
				t.Errorf("Retries %d: %d requests, want %d: %v", retries, d.Count(), want, err)
			}
			if took := time.Since(began); took > 40*time.Second || retries == 0 && took < 700*time.Millisecond {
				t.Errorf("Retries %d: took %v", retries, took)
			}
		})
	}
}

// TestRetryAfter checks that Retry-After is followed up to the caller's deadline.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		id, _ := a.CreateClient("x")
		d := &stytchtest.Transport{Handler: a}
		c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d})
		busy := m2mtest.Outage{Status: 429, Header: http.Header{"Retry-After": {"20"}}, Requests: 1}
		a.Fail(busy)
		began := time.Now()
		if _, err := c.GetClient(t.Context(), id); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 21*time.Second {
			t.Errorf("came back after %v", took)
		}

		a.Fail(busy)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began = time.Now()
		_, err := c.GetClient(ctx, id)
		if e, ok := errors.AsType[*stytch.Error](err); !ok || e.RetryAfter != 20*time.Second || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestDeleteLostAnswer checks that a deletion succeeds if the second attempt finds no
// client.
func TestDeleteLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := stytchtest.NewAuthority(t, m2mtest.Options{NoServer: true})
		id, _ := a.CreateClient("x")
		lost := false
		d := &stytchtest.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !lost {
				lost = true
				a.ServeHTTP(&discardWriter{}, r)
				panic(http.ErrAbortHandler)
			}
			a.ServeHTTP(w, r)
		})}
		c := newClient(t, a, stytch.Options{BaseURL: "http://localhost", Transport: d})
		if err := c.DeleteClient(t.Context(), id); err != nil || d.Count() != 2 {
			t.Errorf("%v after %d requests", err, d.Count())
		}
	})
}

type discardWriter struct{ h http.Header }

func (d *discardWriter) Header() http.Header {
	if d.h == nil {
		d.h = http.Header{}
	}
	return d.h
}
func (d *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (d *discardWriter) WriteHeader(int)             {}
