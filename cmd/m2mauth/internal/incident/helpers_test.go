package incident

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/rotate"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch"
)

// memory is a Fleet in memory. Its replicas have seen what they are told to.
type memory struct {
	cutoffs []revocation.Cutoff
	missing []string
	err     error // of Publish
}

func (f *memory) Publish(_ context.Context, c revocation.Cutoff) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	for i, old := range f.cutoffs {
		if old == c {
			return strconv.Itoa(i), nil
		}
	}
	f.cutoffs = append(f.cutoffs, c)
	return strconv.Itoa(len(f.cutoffs) - 1), nil
}

func (f *memory) Seen(context.Context, string) (operate.Seen, error) {
	return operate.Seen{Have: []string{"replica-1", "replica-2"}, Missing: f.missing}, nil
}

// world holds an authority with one client, and a fleet.
type world struct {
	*m2mtest.Authority
	api        *stytch.Client
	fleet      *memory
	id, secret string
	folder     string
	now        time.Time // of this machine
	out        bytes.Buffer
	stdout     bytes.Buffer // the secret's, with "-secret-out -"
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{fleet: &memory{}, folder: t.TempDir(), now: time.Date(2026, 1, 31, 12, 0, 0, 500e6, time.UTC)}
	// The authority's clock is five seconds ahead.
	w.Authority = m2mtest.NewAuthority(&m2mtest.Options{Now: func() time.Time { return w.now.Add(5 * time.Second) }})
	t.Cleanup(w.Close)
	w.id, w.secret = w.CreateClient("worker", "jobs:run")
	var err error
	w.api, err = stytch.New(w.ProjectID(), stytch.NewSecret(w.Secret()), &stytch.Options{BaseURL: w.URL(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) file(name string) string { return filepath.Join(w.folder, name) }
func (w *world) leaked() string          { return w.secret[len(w.secret)-4:] }

// machine returns a machine for the command "m2mauth incident -client ID" with further
// flags. answers is what the operator types; "" for nobody.
func (w *world) machine(t *testing.T, answers string, args ...string) *machine {
	t.Helper()
	t.Setenv("STYTCH_PROJECT_ID", w.ProjectID())
	t.Setenv("STYTCH_SECRET", w.Secret())
	t.Setenv("STYTCH_URL", w.URL())
	o, err := parse(append([]string{"-client", w.id, "-state", w.file("state"), "-wait", "1ms"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	w.out.Reset()
	w.stdout.Reset()
	now := func() time.Time { return w.now }
	m := &machine{options: *o, api: w.api, fleet: w.fleet, secrets: &w.stdout, output: &w.out, now: now,
		term: &operate.Terminal{In: strings.NewReader(answers), Out: &w.out, Interactive: answers != "", Now: now}}
	m.probe = func(ctx context.Context, secret stytch.Secret) (time.Time, error) {
		return probe(ctx, o.ID, w.TokenURL(), o.client, secret)
	}
	return m
}

// run runs a machine and checks that its error holds text, or that it has none if text
// is "", and that no secret was shown.
func (w *world) run(t *testing.T, m *machine, text string) {
	t.Helper()
	err := m.run(t.Context())
	if (text == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), text) {
		t.Fatalf("run = %v, want %q\n%s", err, text, &w.out)
	}
	shown := w.out.String()
	if err != nil {
		shown += err.Error()
	}
	state, _ := os.ReadFile(w.file("state"))
	shown += string(state)
	secrets := []string{w.secret, w.Secret(), m.secret.Reveal(), w.stored()}
	for _, secret := range secrets {
		if len(secret) > 5 && strings.Contains(shown, secret[len(secret)-5:]) {
			t.Errorf("more than four characters of a secret are shown:\n%s", shown)
		}
	}
	for line := range strings.Lines(w.out.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 && !strings.Contains(line, w.folder) {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// stored returns the next secret of the file "next", or "".
func (w *world) stored() string {
	text, _ := os.ReadFile(w.file("next"))
	return strings.TrimSpace(string(text))
}

func (w *world) works(t *testing.T, secret string) bool {
	t.Helper()
	_, err := probe(t.Context(), w.ProjectID(), w.TokenURL(), w.id, stytch.NewSecret(secret))
	return err == nil
}

// wantShutOut checks that the leaked secret gets no token, that the one of the file
// does, and the bounds of the cut-offs that were published.
func (w *world) wantShutOut(t *testing.T, bounds ...time.Time) {
	t.Helper()
	if w.works(t, w.secret) {
		t.Error("the leaked secret gets a token")
	}
	if next := w.stored(); !w.works(t, next) {
		t.Error("the next secret gets no token")
	}
	w.wantCutoffs(t, bounds...)
}

func (w *world) wantCutoffs(t *testing.T, bounds ...time.Time) {
	t.Helper()
	if len(w.fleet.cutoffs) != len(bounds) {
		t.Fatalf("%d cut-offs were published, want %d: %v", len(w.fleet.cutoffs), len(bounds), w.fleet.cutoffs)
	}
	for i, c := range w.fleet.cutoffs {
		if !c.IssuedUpTo.Equal(bounds[i]) || c.Select != revocation.Client(w.id) || c.Issuer != "stytch.com/"+w.ProjectID() {
			t.Errorf("cut-off %d is %+v, want the client's up to %v", i, c, bounds[i])
		}
	}
}

// at returns the time that many seconds after the world's beginning.
func second(n int) time.Time { return time.Date(2026, 1, 31, 12, 0, n, 0, time.UTC) }

// hooked calls before and after each call that leaves the process.
type hooked struct {
	rotate.Authority
	operate.Fleet
	hook func(name string)
}

func (h *hooked) GetClient(ctx context.Context, id string) (stytch.M2MClient, error) {
	h.hook("before get")
	defer h.hook("after get")
	return h.Authority.GetClient(ctx, id)
}

func (h *hooked) UpdateClient(ctx context.Context, id string, p stytch.UpdateParams) (stytch.M2MClient, error) {
	h.hook("before update")
	defer h.hook("after update")
	return h.Authority.UpdateClient(ctx, id, p)
}

func (h *hooked) StartRotation(ctx context.Context, id string) (stytch.M2MClient, stytch.Secret, error) {
	h.hook("before start")
	defer h.hook("after start")
	return h.Authority.StartRotation(ctx, id)
}

func (h *hooked) CompleteRotation(ctx context.Context, id string) (stytch.M2MClient, error) {
	h.hook("before complete")
	defer h.hook("after complete")
	return h.Authority.CompleteRotation(ctx, id)
}

func (h *hooked) Publish(ctx context.Context, c revocation.Cutoff) (string, error) {
	h.hook("before publish")
	defer h.hook("after publish")
	return h.Fleet.Publish(ctx, c)
}

func (h *hooked) Seen(ctx context.Context, position string) (operate.Seen, error) {
	h.hook("before seen")
	defer h.hook("after seen")
	return h.Fleet.Seen(ctx, position)
}

var errCrash = errors.New("crash")

// crashAt replaces the machine's calls by ones that end the run at the n-th hook, as a
// kill would: the panic leaves no code a chance to clean up but the deferred one.
func (m *machine) crashAt(n int) (where *string) {
	where = new(string)
	h := &hooked{Authority: m.api, Fleet: m.fleet, hook: func(name string) {
		if n--; n == 0 {
			*where = name
			panic(errCrash)
		}
	}}
	m.api, m.fleet = h, h
	probe := m.probe
	m.probe = func(ctx context.Context, s stytch.Secret) (time.Time, error) {
		h.hook("before probe")
		defer h.hook("after probe")
		return probe(ctx, s)
	}
	return where
}

func (m *machine) runUntilCrash(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != any(errCrash) {
				panic(p)
			}
			err = errCrash
		}
	}()
	return m.run(ctx)
}

var _ io.Writer = (*filter)(nil)
