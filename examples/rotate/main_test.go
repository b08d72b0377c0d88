package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/examples/internal/project"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestRotate checks that none of 10,000 calls fails during a rotation. Under the race
// detector there are fewer.
func TestRotate(t *testing.T) {
	project.Local(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{calls: testCalls, timeout: time.Minute}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), fmt.Sprintf(" %d calls succeeded, 0 failed", testCalls)) {
		t.Errorf("not counted as told:\n%s", out.String())
	}
	t.Log("\n" + out.String())
}

// TestRotateByEnvironment does the same against an authority that runs already.
func TestRotateByEnvironment(t *testing.T) {
	a := m2mtest.NewAuthority(nil)
	defer a.Close()
	project.At(t, a)
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{calls: 400, timeout: time.Minute}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	api, err := stytch.New(a.ProjectID(), stytch.NewSecret(a.Secret()), &stytch.Options{BaseURL: a.URL()})
	if err != nil {
		t.Fatal(err)
	}
	for machine := range api.SearchClients(t.Context(), stytch.SearchParams{}) {
		t.Errorf("client %q is left behind", machine.Name)
	}

	t.Setenv("STYTCH_SECRET", "secret-test-wrong")
	if err := run(t.Context(), io.Discard, options{calls: 1000, timeout: time.Minute}); !errors.Is(err, stytch.UnauthorizedCredentials) {
		t.Errorf("a wrong secret: %v", err)
	}
}

// TestRotateNotices checks that the example fails if the rotation is completed before
// the next secret was handed out.
func TestRotateNotices(t *testing.T) {
	project.Local(t)
	w, err := newWorld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	id, secret := w.project.Authority.CreateClient("x", "read:orders")
	l := newLoad(w, id, stytch.NewSecret(secret), options{calls: 200, restart: 5})
	done := l.start(t.Context())
	if err := l.reach(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.project.API.StartRotation(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.project.API.CompleteRotation(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := l.failure(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("%v, want invalid_client", err)
	}
	if err := refused(t.Context(), w, id, stytch.NewSecret(secret)); err != nil {
		t.Error(err)
	}
	good, _ := w.project.Authority.CreateClient("y")
	if err := refused(t.Context(), w, good, stytch.NewSecret("x")); err != nil {
		t.Error(err)
	}
}

func TestRotateEnds(t *testing.T) {
	project.Local(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if err := run(ctx, io.Discard, options{calls: 1000, timeout: time.Minute}); err == nil {
		t.Error("no error")
	}
}
