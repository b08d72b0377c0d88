package incident

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/stytch"
)

// TestIncident: a whole incident. The final bound is the authority's second after the
// probe, and not this machine's.
func TestIncident(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "yes\ndistributed\n", "-secret-out", w.file("next"), "-note", "found in a log"), "")
	w.wantShutOut(t, second(6)) // 5.5 s, floored, and one more
	if w.fleet.cutoffs[0].Note != "found in a log" {
		t.Errorf("Note = %q", w.fleet.cutoffs[0].Note)
	}
	if !strings.Contains(w.out.String(), "2 of 2 replicas have seen it") {
		t.Errorf("the replicas are not told:\n%s", &w.out)
	}
	for _, name := range []string{"state", "next"} {
		if info, err := os.Stat(w.file(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	w.run(t, w.machine(t, "", "-secret-out", w.file("next")), "") // again: nothing happens
	w.wantShutOut(t, second(6))
}

func TestStopgap(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "yes\ndistributed\n", "-secret-out", w.file("next"), "-stopgap"), "")
	w.wantShutOut(t, second(1), second(6))
	if !strings.Contains(w.out.String(), "The price") {
		t.Errorf("the price of the stopgap is not told:\n%s", &w.out)
	}
}

func TestDistributeWith(t *testing.T) {
	w := newWorld(t)
	args := []string{"-yes", "-secret-out", w.file("next"), "-distribute-with"}
	w.run(t, w.machine(t, "", append(args, "echo got $(cat); exit 3")...), "does not count as distributed")
	if !w.works(t, w.secret) || !w.works(t, w.stored()) || !strings.Contains(w.out.String(), "| got [redacted]") {
		t.Errorf("after a failed command, both secrets must work, and its output is shown without one:\n%s", &w.out)
	}
	w.run(t, w.machine(t, "", append(args, "cat >"+w.file("distributed"))...), "")
	w.wantShutOut(t, second(6))
	if text, err := os.ReadFile(w.file("distributed")); string(text) != w.stored() {
		t.Errorf("the command read %d bytes, %v, want the secret", len(text), err)
	}
}

// TestWaiting: without the operator's word, nothing is removed.
func TestWaiting(t *testing.T) {
	w := newWorld(t)
	for _, answers := range []string{"", "yes\nno\n", "yes\n"} {
		m := w.machine(t, answers, "-secret-out", w.file("next"))
		m.yes = answers == ""
		if err := m.run(t.Context()); !errors.Is(err, errWaiting) {
			t.Fatalf("run with %q = %v, want %v", answers, err, errWaiting)
		}
		if !w.works(t, w.secret) || !w.works(t, w.stored()) {
			t.Error("both secrets must work")
		}
		w.wantCutoffs(t)
	}
	w.run(t, w.machine(t, "", "-yes", "-distributed", "-secret-out", w.file("next")), "")
	w.wantShutOut(t, second(6))
}

// TestNotBegun: a no, and a dry run, change nothing.
func TestNotBegun(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "no\n", "-secret-out", w.file("next")), "nothing was changed")
	w.run(t, w.machine(t, "", "-dry-run", "-stopgap", "-secret-out", w.file("next")), "")
	if !strings.Contains(w.out.String(), "nothing is changed") || !strings.Contains(w.out.String(), "5  shut out every token") {
		t.Errorf("the dry run tells:\n%s", &w.out)
	}
	c, err := w.api.GetClient(t.Context(), w.id)
	if err != nil || c.NextSecretLastFour != "" {
		t.Errorf("a rotation was started: %+v, %v", c, err)
	}
	for _, name := range []string{"state", "next"} {
		if _, err := os.Stat(w.file(name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestDeactivate(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "", "-yes", "-deactivate"), "")
	if w.works(t, w.secret) {
		t.Error("the leaked secret gets a token")
	}
	w.wantCutoffs(t, second(31)) // this machine's clock, and what clocks may differ
	if _, err := w.api.UpdateClient(t.Context(), w.id, stytch.UpdateParams{Status: new(stytch.Active)}); err != nil {
		t.Fatal(err)
	}
	w.run(t, w.machine(t, "", "-yes", "-deactivate"), "works again")
}

// TestEscalate: an incident that was begun with a rotation ends by deactivation.
func TestEscalate(t *testing.T) {
	w := newWorld(t)
	w.run(t, w.machine(t, "", "-yes", "-secret-out", w.file("next")), "distributed")
	w.run(t, w.machine(t, "", "-yes", "-deactivate"), "")
	if w.works(t, w.secret) || w.works(t, w.stored()) {
		t.Error("a deactivated client gets a token")
	}
	w.wantCutoffs(t, second(31))
	w.run(t, w.machine(t, "", "-yes", "-secret-out", w.file("next")), "begun with -deactivate")
}

// TestNotSafe: each way in which the fleet is not known to refuse the tokens is an
// error, and the next run goes on.
func TestNotSafe(t *testing.T) {
	w := newWorld(t)
	args := []string{"-yes", "-distributed", "-secret-out", w.file("next")}
	w.fleet.err = errors.New("0 of 1 replicas of the store have acknowledged")
	w.run(t, w.machine(t, "", args...), "not known to be stored")
	w.fleet.err, w.fleet.missing = nil, []string{"replica-3"}
	w.now = w.now.Add(60e9)
	w.run(t, w.machine(t, "", args...), "not every replica")
	if !strings.Contains(w.out.String(), "2 of 3 replicas") || !strings.Contains(w.out.String(), "not yet: replica-3") {
		t.Errorf("the replicas are not told:\n%s", &w.out)
	}
	w.fleet.missing = nil
	w.run(t, w.machine(t, "", args...), "")
	w.wantShutOut(t, second(6)) // published once, with the bound of the first run
}

// TestNoProbe: without a token that tells the authority's time, this machine's is
// used, and what clocks may differ.
func TestNoProbe(t *testing.T) {
	w := newWorld(t)
	args := []string{"-secret-out", "-", "-skew", "10s"}
	w.run(t, w.machine(t, "yes\n", args...), "distributed") // the secret is on standard output
	next := strings.TrimSpace(w.stdout.String())
	w.run(t, w.machine(t, "yes\ndistributed\n", args...), "")
	w.wantCutoffs(t, second(11))
	if w.works(t, w.secret) || !w.works(t, next) {
		t.Error("the leaked secret gets a token, or the next one gets none")
	}
	if !strings.Contains(w.out.String(), "authority's time is not known") {
		t.Errorf("the reason is not told:\n%s", &w.out)
	}
}

// TestOrder: the final cut-off follows the leaked secret's end, and its bound is read
// after it, too. Any other order lets a token through that the thief gets in between.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a rotation", []string{"-distributed", "-secret-out", "next"}, "start, probe, complete, probe, publish, seen"},
		{"with a stopgap", []string{"-distributed", "-secret-out", "next", "-stopgap"}, "publish, seen, start, probe, complete, probe, publish, seen"},
		{"a deactivation", []string{"-deactivate"}, "update, publish, seen"},
	} {
		w := newWorld(t)
		t.Chdir(w.folder)
		m := w.machine(t, "", append(tt.args, "-yes")...)
		var order []string
		m.crashAt(0)
		h := m.api.(*hooked)
		h.hook = func(name string) {
			if call, ok := strings.CutPrefix(name, "before "); ok && call != "get" {
				order = append(order, call)
			}
		}
		w.run(t, m, "")
		if got := strings.TrimPrefix(strings.Join(order, ", "), "seen, "); got != tt.want { // the first one counts the replicas
			t.Errorf("%s: the calls are %s, want %s", tt.name, got, tt.want)
		}
	}
}
