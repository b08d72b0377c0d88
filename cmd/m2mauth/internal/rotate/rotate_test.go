package rotate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/stytch"
)

// world holds an authority with one client.
type world struct {
	*m2mtest.Authority
	api        *stytch.Client
	id, secret string
	folder     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Authority: m2mtest.NewAuthority(nil), folder: t.TempDir()}
	t.Cleanup(w.Close)
	w.id, w.secret = w.CreateClient("worker", "jobs:run")
	var err error
	w.api, err = stytch.New(w.ProjectID(), stytch.NewSecret(w.Secret()), &stytch.Options{BaseURL: w.URL(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STYTCH_PROJECT_ID", w.ProjectID())
	t.Setenv("STYTCH_SECRET", w.Secret())
	t.Setenv("STYTCH_URL", w.URL())
	return w
}

func (w *world) file(name string) string { return filepath.Join(w.folder, name) }

// client returns the client's state.
func (w *world) client(t *testing.T) stytch.M2MClient {
	t.Helper()
	c, err := w.api.GetClient(t.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// works reports whether the client gets a token with the secret.
func (w *world) works(t *testing.T, secret string) bool {
	t.Helper()
	source, err := stytch.TokenSource(t.Context(), w.ProjectID(), stytch.StaticCredentials(w.id, stytch.NewSecret(secret)),
		&stytch.TokenSourceOptions{TokenURL: w.TokenURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	_, err = source.Token()
	return err == nil
}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Run(t.Context(), args[0], args[1:], &out, &errs)
	return status, out.String(), errs.String()
}

// want runs a command and checks its status, and that its output holds text.
func want(t *testing.T, status int, text string, args ...string) (stdout string) {
	t.Helper()
	got, out, errs := run(t, args...)
	if got != status || !strings.Contains(out+errs, text) {
		t.Fatalf("m2mauth %q = %d\n%s%s\nwant %d and %q", args, got, out, errs, status, text)
	}
	return out
}

// TestRotation: a whole rotation, each step twice.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	file := w.file("next")
	want(t, 0, "Both work", "rotate", "start", "-client", w.id, "-secret-out", file)
	text, err := os.ReadFile(file)
	next := strings.TrimSpace(string(text))
	if err != nil || !w.works(t, next) || !w.works(t, w.secret) {
		t.Fatalf("after start, a secret does not work: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	end := next[len(next)-4:]
	want(t, 1, "m2mauth rotate cancel -client "+w.id+" -next "+end, "rotate", "start", "-client", w.id, "-secret-out", w.file("other"))
	if _, err := os.Stat(w.file("other")); err == nil {
		t.Error("a refused start leaves a file")
	}
	want(t, 1, "nothing was completed", "rotate", "complete", "-client", w.id, "-next", "none")
	want(t, 1, "nothing was completed", "rotate", "complete", "-client", w.id, "-next", end, "-current", "none")
	want(t, 1, "nothing was cancelled", "rotate", "cancel", "-client", w.id, "-next", "none")
	for range 2 {
		want(t, 0, "only one", "rotate", "complete", "-client", w.id, "-next", end, "-current", "")
		if w.works(t, w.secret) || !w.works(t, next) {
			t.Error("after complete, the old secret works or the next one does not")
		}
	}
	want(t, 1, "was completed", "rotate", "cancel", "-client", w.id, "-next", end)
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	next := strings.TrimSpace(want(t, 0, "", "rotate", "start", "-client", w.id, "-secret-out", "-"))
	for range 2 {
		want(t, 0, "Cancelled", "rotate", "cancel", "-client", w.id, "-next", next[len(next)-4:])
		if !w.works(t, w.secret) || w.works(t, next) {
			t.Error("after cancel, the old secret does not work or the next one does")
		}
	}
	want(t, 1, "no rotation is in progress", "rotate", "complete", "-client", w.id, "-next", next[len(next)-4:])
}

func TestDisable(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		want(t, 0, "Disabled", "disable", "-client", w.id)
	}
	if w.works(t, w.secret) {
		t.Error("a disabled client gets a token")
	}
	end := w.secret[len(w.secret)-4:]
	want(t, 1, "not enabled", "enable", "-client", w.id, "-current", "none")
	next := strings.TrimSpace(want(t, 0, "", "rotate", "start", "-client", w.id, "-secret-out", "-"))
	want(t, 1, "complete or cancel it first", "enable", "-client", w.id, "-current", end)
	want(t, 0, "", "rotate", "complete", "-client", w.id, "-next", next[len(next)-4:])
	want(t, 1, "not enabled", "enable", "-client", w.id, "-current", end)
	want(t, 0, "Enabled", "enable", "-client", w.id, "-current", next[len(next)-4:])
	if !w.works(t, next) {
		t.Error("an enabled client gets no token")
	}
}

// TestSecretOut: a secret is never lost for the lack of a place, and overwrites nothing.
func TestSecretOut(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		path string
		plan func(path string) error
		want string
	}{
		{"a file that exists", w.file("full"), func(p string) error { return os.WriteFile(p, []byte("mine"), 0o644) }, "not overwritten"},
		{"a link", w.file("link"), func(p string) error { return os.Symlink(w.file("target"), p) }, "not overwritten"},
		{"a folder", w.file("folder"), func(p string) error { return os.Mkdir(p, 0o700) }, "not overwritten"},
		{"no folder", w.file("none/next"), func(string) error { return nil }, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.plan(tt.path); err != nil {
				t.Fatal(err)
			}
			want(t, 1, tt.want, "rotate", "start", "-client", w.id, "-secret-out", tt.path)
			if c := w.client(t); c.NextSecretLastFour != "" {
				t.Error("a rotation was started whose secret has no place")
			}
		})
	}
	if text, err := os.ReadFile(w.file("full")); string(text) != "mine" {
		t.Errorf("the file was overwritten: %q, %v", text, err)
	}
	t.Run("an empty file", func(t *testing.T) {
		if err := os.WriteFile(w.file("empty"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		want(t, 0, "Both work", "rotate", "start", "-client", w.id, "-secret-out", w.file("empty"))
		if info, err := os.Stat(w.file("empty")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
		}
	})
}

// lossy does the calls of Authority and loses some of their responses.
type lossy struct {
	Authority
	lose  []string // calls that take effect and whose response is lost
	after func()   // is called after the first GetClient
}

var errLost = errors.New("connection reset")

func (l *lossy) lost(name string) error {
	if slices.Contains(l.lose, name) {
		return errLost
	}
	return nil
}

func (l *lossy) GetClient(ctx context.Context, id string) (stytch.M2MClient, error) {
	c, err := l.Authority.GetClient(ctx, id)
	if l.after != nil {
		l.after()
		l.after = nil
	}
	return c, err
}

func (l *lossy) StartRotation(ctx context.Context, id string) (stytch.M2MClient, stytch.Secret, error) {
	c, s, err := l.Authority.StartRotation(ctx, id)
	if err == nil && l.lost("start") != nil {
		return stytch.M2MClient{}, stytch.Secret{}, errLost
	}
	return c, s, err
}

func (l *lossy) CompleteRotation(ctx context.Context, id string) (stytch.M2MClient, error) {
	c, err := l.Authority.CompleteRotation(ctx, id)
	return c, errors.Join(err, l.lost("complete"))
}

func (l *lossy) CancelRotation(ctx context.Context, id string) (stytch.M2MClient, error) {
	c, err := l.Authority.CancelRotation(ctx, id)
	return c, errors.Join(err, l.lost("cancel"))
}

// TestLostResponses: after a lost response, the command says what has happened.
func TestLostResponses(t *testing.T) {
	w := newWorld(t)
	api := &lossy{Authority: w.api, lose: []string{"start", "complete", "cancel"}}
	_, _, err := Start(t.Context(), api, w.id, "", w.file("next"), nil)
	end := w.client(t).NextSecretLastFour
	if !errors.Is(err, errLost) || !strings.Contains(err.Error(), "m2mauth rotate cancel -client "+w.id+" -next "+end) || end == "" {
		t.Errorf("Start = %v, want how to cancel the lost rotation", err)
	}
	if _, err := os.Stat(w.file("next")); err == nil {
		t.Error("a lost start leaves an empty file")
	}
	if _, err := Cancel(t.Context(), api, w.id, "", end); err != nil {
		t.Errorf("Cancel = %v, want nil: the client shows that it took effect", err)
	}
	_, next, err := w.api.StartRotation(t.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	end = next.Reveal()[len(next.Reveal())-4:]
	if _, err := Complete(t.Context(), api, w.id, "", end); err != nil {
		t.Errorf("Complete = %v, want nil: the client shows that it took effect", err)
	}
}

// TestAnotherOperator: a rotation that somebody begins between the look and the
// request is told, although it can't be prevented.
func TestAnotherOperator(t *testing.T) {
	w := newWorld(t)
	_, next, err := w.api.StartRotation(t.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	api := &lossy{Authority: w.api, after: func() {
		if _, err := w.api.CancelRotation(t.Context(), w.id); err != nil {
			t.Error(err)
		}
		if _, _, err := w.api.StartRotation(t.Context(), w.id); err != nil {
			t.Error(err)
		}
	}}
	_, err = Complete(t.Context(), api, w.id, "", next.Reveal()[len(next.Reveal())-4:])
	if err == nil || !strings.Contains(err.Error(), "somebody else has begun another rotation") {
		t.Errorf("Complete = %v, want that another rotation was completed", err)
	}
}
