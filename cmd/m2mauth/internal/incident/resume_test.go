package incident

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/stytch"
)

// TestCrashAnywhere ends a run before and after each of its calls to the authority and
// the fleet. The next run finishes the incident. If the next secret was lost, it says
// so, and the one after the cancellation finishes it.
func TestCrashAnywhere(t *testing.T) {
	lost := 0
	for n := 1; ; n++ {
		w := newWorld(t)
		args := []string{"-yes", "-distributed", "-stopgap", "-secret-out", w.file("next")}
		m := w.machine(t, "", args...)
		where := m.crashAt(n)
		err := m.runUntilCrash(t.Context())
		if err == nil {
			if n < 20 {
				t.Errorf("a run has %d hooks: are all calls hooked?", n)
			}
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("crash at %d (%s): %v", n, *where, err)
		}
		again := w.machine(t, "", args...)
		if err := again.run(t.Context()); err != nil {
			end := again.before.NextSecretLastFour
			if *where != "after start" || !strings.Contains(err.Error(), "m2mauth rotate cancel -client "+w.id+" -next "+end) {
				t.Fatalf("after a crash at %d (%s): %v", n, *where, err)
			}
			lost++
			if _, err := rotate.Cancel(t.Context(), w.api, w.id, w.leaked(), end); err != nil {
				t.Fatal(err)
			}
			w.run(t, w.machine(t, "", args...), "")
		}
		w.wantShutOut(t, second(1), second(6))
	}
	if lost != 1 {
		t.Errorf("the next secret was lost %d times, want once", lost)
	}
}

// TestCrashBeforeRecord: the next secret is in its file, but the record does not know.
func TestCrashBeforeRecord(t *testing.T) {
	w := newWorld(t)
	if _, _, err := rotate.Start(t.Context(), w.api, w.id, "", w.file("next"), nil); err != nil {
		t.Fatal(err)
	}
	w.run(t, w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next")), "")
	w.wantShutOut(t, second(6))
}

// TestAnotherOperator: each run refuses a client that is not as the incident left it.
func TestAnotherOperator(t *testing.T) {
	type step = func(*testing.T, *world)
	start := func(t *testing.T, w *world) {
		if _, _, err := w.api.StartRotation(t.Context(), w.id); err != nil {
			t.Fatal(err)
		}
	}
	cancel := func(t *testing.T, w *world) {
		if _, err := w.api.CancelRotation(t.Context(), w.id); err != nil {
			t.Fatal(err)
		}
	}
	complete := func(t *testing.T, w *world) {
		if _, err := w.api.CompleteRotation(t.Context(), w.id); err != nil {
			t.Fatal(err)
		}
	}
	ours := func(t *testing.T, w *world) {
		w.run(t, w.machine(t, "yes\n", "-secret-out", w.file("next")), "distributed")
	}
	for _, tt := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"a rotation before ours", []step{start}, "does not hold its next secret"},
		{"our rotation cancelled", []step{ours, cancel}, "somebody has cancelled"},
		{"another one instead of ours", []step{ours, cancel, start}, "another operator's rotation"},
		{"another one completed instead of ours", []step{ours, cancel, start, complete}, "Somebody else has replaced"},
		{"ours completed, and another one too", []step{ours, complete, start, complete}, "Somebody else has replaced"},
		{"ours completed", []step{ours, complete}, ""},
		{"ours completed, and another one begun", []step{ours, complete, start}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for _, step := range tt.steps {
				step(t, w)
			}
			before, err := w.api.GetClient(t.Context(), w.id)
			if err != nil {
				t.Fatal(err)
			}
			w.run(t, w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next")), tt.want)
			after, err := w.api.GetClient(t.Context(), w.id)
			if err != nil || after.SecretLastFour != before.SecretLastFour || after.NextSecretLastFour != before.NextSecretLastFour {
				t.Errorf("the client was changed from %s, %s to %s, %s", before.SecretLastFour, before.NextSecretLastFour,
					after.SecretLastFour, after.NextSecretLastFour)
			}
			if tt.want == "" {
				w.wantShutOut(t, second(6))
			} else {
				w.wantCutoffs(t)
			}
		})
	}
}

// TestOthersRotation: the operator says which secret the instances have.
func TestOthersRotation(t *testing.T) {
	w := newWorld(t)
	_, next, err := w.api.StartRotation(t.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file("next"), []byte(next.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.CompleteRotation(t.Context(), w.id); err != nil {
		t.Fatal(err)
	}
	end := next.Reveal()[len(next.Reveal())-4:]
	args := []string{"-yes", "-distributed", "-secret-out", w.file("next")}
	w.run(t, w.machine(t, "", append(args, "-leaked", w.leaked())...), "Somebody else has replaced")
	w.run(t, w.machine(t, "", append(args, "-leaked", w.leaked(), "-next", end)...), "")
	w.wantShutOut(t, second(6))
}

// TestNextLeaked: completing would make the leaked secret the only one.
func TestNextLeaked(t *testing.T) {
	w := newWorld(t)
	_, next, err := w.api.StartRotation(t.Context(), w.id)
	if err != nil {
		t.Fatal(err)
	}
	end := next.Reveal()[len(next.Reveal())-4:]
	w.run(t, w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next"), "-leaked", end),
		"m2mauth rotate cancel -client "+w.id+" -next "+end)
	if !w.works(t, w.secret) {
		t.Error("the current secret was removed")
	}
}

// TestNextFails: a next secret that gets no token does not replace the leaked one.
func TestNextFails(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "yes\n", "-secret-out", w.file("next")), "distributed")
	wrong := "x" + w.stored() // the same end
	if err := os.WriteFile(w.file("next"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next")), "was not removed")
	c, err := w.api.GetClient(t.Context(), w.id)
	if err != nil || c.SecretLastFour != w.leaked() || c.Status != stytch.Active {
		t.Errorf("the client has changed: %+v, %v", c, err)
	}
}

// TestState: a state that is not this incident's is refused.
func TestState(t *testing.T) {
	w := newWorld(t)
	for name, text := range map[string]string{
		"no JSON": "x", "another version": `{"version":2}`, "another client": `{"version":1,"client_id":"x"}`,
	} {
		if err := os.WriteFile(w.file("state"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next")).run(t.Context()); err == nil ||
			!strings.Contains(err.Error(), "-state") {
			t.Errorf("%s: run = %v, want an error about -state", name, err)
		}
	}
}
