package tenants_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/stytch/gateway/tenants"
)

// TestRotationStates checks complete and cancel in every state of a rotation.
func TestRotationStates(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, first := registered(t, acme, "1")
	expect := func(name string, err error, want tenants.Reason) {
		t.Helper()
		if want == "" && err != nil || want != "" && !errors.Is(err, want) {
			t.Errorf("%s = %v, want %q", name, err, string(want))
		}
	}
	complete := func(four string) error { _, err := acme.CompleteRotation(t.Context(), client.ID, four); return err }
	cancel := func(four string) error { _, err := acme.CancelRotation(t.Context(), client.ID, four); return err }

	expect("complete without a rotation", complete("zzzz"), tenants.NotRotating)
	started, next, err := acme.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	four := started.NextSecretLastFour
	before := w.wire.Count()
	_, _, err = acme.StartRotation(t.Context(), client.ID)
	expect("start during a rotation", err, tenants.Rotating)
	if got := w.wire.Count() - before; got != 1 {
		t.Errorf("start during a rotation made %d requests, want the look alone", got)
	}
	for _, wrong := range []string{"", "a", "abcde", "a\nbc"} {
		expect("complete with "+wrong, complete(wrong), tenants.Invalid)
		expect("cancel with "+wrong, cancel(wrong), tenants.Invalid)
	}
	expect("complete another rotation", complete("zzzz"), tenants.NotRotating)
	expect("complete with the current secret's", complete(started.SecretLastFour), tenants.NotRotating)
	expect("cancel another rotation", cancel("zzzz"), tenants.NotRotating)
	if w.token(client.ID, first) != 200 || w.token(client.ID, next) != 200 {
		t.Error("a secret stopped working during the rotation")
	}
	expect("complete", complete(four), "")
	expect("complete again", complete(four), "")
	if !w.lastEvent().Repeated {
		t.Errorf("Event = %+v, want Repeated", w.lastEvent())
	}
	expect("cancel what was completed", cancel(four), tenants.NotRotating)

	started, _, err = acme.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	expect("complete the earlier rotation", complete(four), tenants.NotRotating)
	expect("cancel", cancel(started.NextSecretLastFour), "")
	expect("cancel again", cancel(started.NextSecretLastFour), "")
	expect("complete what was cancelled", complete(started.NextSecretLastFour), tenants.NotRotating)
	if w.token(client.ID, next) != 200 {
		t.Error("the secret of the completed rotation does not work")
	}
}

// TestTwoStarts starts two rotations at two replicas at once: one next secret is handed
// out, and it works.
func TestTwoStarts(t *testing.T) {
	for range 20 {
		w := newWorld(t)
		client, _ := registered(t, w.as("acme"), "1")
		secrets := make(chan stytch.Secret, 2)
		var group sync.WaitGroup
		for range 2 {
			c := w.as("acme")
			group.Go(func() {
				_, secret, err := c.StartRotation(t.Context(), client.ID)
				if err == nil {
					secrets <- secret
				} else if !errors.Is(err, tenants.Busy) && !errors.Is(err, tenants.Rotating) {
					t.Errorf("StartRotation = %v, want nil, %v or %v", err, tenants.Busy, tenants.Rotating)
				}
			})
		}
		group.Wait()
		if len(secrets) != 1 {
			t.Fatalf("%d secrets, want 1", len(secrets))
		}
		if got := w.token(client.ID, <-secrets); got != 200 {
			t.Errorf("token with the next secret: status %d, want 200", got)
		}
	}
}

// TestLateComplete holds a completion on its way to Stytch, while another replica tries to
// replace the rotation by a new one. Without the reservation, the completion would
// activate a secret that its caller has never seen.
func TestLateComplete(t *testing.T) {
	w := newWorld(t)
	one, two := w.as("acme"), w.as("acme")
	client, _ := registered(t, one, "1")
	started, next, err := one.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	w.fail(at("POST", "/secrets/rotate", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		for name, err := range map[string]error{
			"CancelRotation":   second(two.CancelRotation(t.Context(), client.ID, started.NextSecretLastFour)),
			"CompleteRotation": second(two.CompleteRotation(t.Context(), client.ID, started.NextSecretLastFour)),
			"StartRotation":    third(two.StartRotation(t.Context(), client.ID)),
		} {
			tried++
			if !errors.Is(err, tenants.Busy) {
				t.Errorf("%s during a completion = %v, want %v", name, err, tenants.Busy)
			}
		}
		serve.ServeHTTP(rw, r)
	}))
	done, err := one.CompleteRotation(t.Context(), client.ID, started.NextSecretLastFour)
	if err != nil || done.SecretLastFour != started.NextSecretLastFour || tried != 3 {
		t.Errorf("CompleteRotation = %+v, %v after %d attempts", done, err, tried)
	}
	if got := w.token(client.ID, next); got != 200 {
		t.Errorf("token with the next secret: status %d, want 200", got)
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// TestRotationFails lets Stytch fail in the middle of each call of a rotation. A minute
// later, the repeat that the documentation names puts it right.
func TestRotationFails(t *testing.T) {
	for name, fault := range map[string]fault{"response lost": lost, "request lost": dropped, "response cut": garbled, "503": refused(503)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				acme := w.as("acme")
				client, _ := registered(t, acme, "1")

				w.fail(at("POST", "/rotate/start", fault))
				_, secret, err := acme.StartRotation(t.Context(), client.ID)
				w.fail(nil)
				uncertain, _ := errors.AsType[*tenants.Error](err)
				if !errors.Is(err, tenants.Uncertain) || !secret.IsZero() || uncertain.RetryAfter != time.Minute {
					t.Fatalf("StartRotation = %#v, want %v with a minute to wait", err, tenants.Uncertain)
				}
				noWordsOfStytch(t, err)
				if _, _, err := w.as("acme").StartRotation(t.Context(), client.ID); !errors.Is(err, tenants.Busy) {
					t.Errorf("StartRotation at once = %v, want %v", err, tenants.Busy)
				}
				wait(time.Minute)
				if orphan := list(t, acme)[0].NextSecretLastFour; orphan != "" {
					if _, err := acme.CancelRotation(t.Context(), client.ID, orphan); err != nil {
						t.Errorf("CancelRotation of the lost secret = %v", err)
					}
				}
				started, next, err := acme.StartRotation(t.Context(), client.ID)
				if err != nil {
					t.Fatalf("StartRotation a minute later = %v", err)
				}

				w.fail(at("POST", "/rotate/cancel", fault))
				_, err = acme.CancelRotation(t.Context(), client.ID, started.NextSecretLastFour)
				w.fail(nil)
				if !errors.Is(err, tenants.Uncertain) {
					t.Errorf("CancelRotation = %v, want %v", err, tenants.Uncertain)
				}
				wait(time.Minute)
				if _, err = acme.CancelRotation(t.Context(), client.ID, started.NextSecretLastFour); err != nil {
					t.Errorf("CancelRotation a minute later = %v", err)
				}
				if got := w.token(client.ID, next); got != 401 {
					t.Errorf("token with the cancelled secret: status %d, want 401", got)
				}

				started, next, err = acme.StartRotation(t.Context(), client.ID)
				if err != nil {
					t.Fatal(err)
				}
				w.fail(at("POST", "/secrets/rotate", fault))
				_, err = acme.CompleteRotation(t.Context(), client.ID, started.NextSecretLastFour)
				w.fail(nil)
				if !errors.Is(err, tenants.Uncertain) {
					t.Errorf("CompleteRotation = %v, want %v", err, tenants.Uncertain)
				}
				wait(time.Minute)
				done, err := acme.CompleteRotation(t.Context(), client.ID, started.NextSecretLastFour)
				if err != nil || done.SecretLastFour != started.NextSecretLastFour {
					t.Errorf("CompleteRotation a minute later = %+v, %v", done, err)
				}
				if got := w.token(client.ID, next); got != 200 {
					t.Errorf("token with the new secret: status %d, want 200", got)
				}
			})
		})
	}
}

// TestRotationByOthers lets a program outside of this package rotate the secret between
// the look and the completion: the call does not report success.
func TestRotationByOthers(t *testing.T) {
	w := newWorld(t)
	acme := w.as("acme")
	client, _ := registered(t, acme, "1")
	started, _, err := acme.StartRotation(t.Context(), client.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.fail(at("POST", "/secrets/rotate", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		if _, err := w.api.CancelRotation(t.Context(), client.ID); err != nil {
			t.Error(err)
		}
		if _, _, err := w.api.StartRotation(t.Context(), client.ID); err != nil {
			t.Error(err)
		}
		serve.ServeHTTP(rw, r)
	}))
	if _, err := acme.CompleteRotation(t.Context(), client.ID, started.NextSecretLastFour); !errors.Is(err, tenants.Uncertain) {
		t.Errorf("CompleteRotation = %v, want %v", err, tenants.Uncertain)
	}
	w.fail(at("POST", "/rotate/start", func(rw http.ResponseWriter, r *http.Request, serve http.Handler) {
		if _, _, err := w.api.StartRotation(t.Context(), client.ID); err != nil {
			t.Error(err)
		}
		serve.ServeHTTP(rw, r)
	}))
	other, _ := registered(t, acme, "2")
	client = other
	if _, _, err := acme.StartRotation(t.Context(), client.ID); !errors.Is(err, tenants.Rotating) {
		t.Errorf("StartRotation = %v, want %v", err, tenants.Rotating)
	}
}

// TestAbandonedReservation checks that a replica that ends in the middle of a rotation
// blocks the client for a minute.
func TestAbandonedReservation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		acme := w.as("acme")
		client, _ := registered(t, acme, "1")
		w.store.failAfter(1) // the reservation is made, and can't be given back
		if _, err := acme.CancelRotation(t.Context(), client.ID, "zzzz"); err != nil {
			t.Errorf("CancelRotation = %v, want nil", err)
		}
		w.store.restore()
		_, _, err := acme.StartRotation(t.Context(), client.ID)
		busy, _ := errors.AsType[*tenants.Error](err)
		if !errors.Is(err, tenants.Busy) || busy.RetryAfter <= 0 || busy.RetryAfter > time.Minute {
			t.Fatalf("StartRotation = %v, want %v for at most a minute", err, tenants.Busy)
		}
		wait(busy.RetryAfter)
		if _, _, err := acme.StartRotation(t.Context(), client.ID); err != nil {
			t.Errorf("StartRotation after RetryAfter = %v, want nil", err)
		}
	})
}
