package doortest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Wire describes what a transport does before a guard gets the call. The zero
// Wire passes everything on.
type Wire struct {
	// Refuses reports whether the transport refuses a call with such an
	// Authorization value; nil for never.
	Refuses func(value string) bool

	// Trims reports that the transport removes white space around values (RFC 9112
	// §5.1).
	Trims bool
}

// Controls reports whether value has a control character that no HTTP field
// value may have (RFC 9110 §5.5).
func Controls(value string) bool {
	return strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// rsaKeys returns keys that all doors share, because they are slow to make.
var rsaKeys = sync.OnceValue(func() (keys [3]*m2mtest.Key) {
	for i := range keys {
		keys[i] = m2mtest.NewKey("RS256")
	}
	return keys
})

// Run runs the whole table through door.
func Run(t *testing.T, door Door) { runTable(t, way{door: door}, cases) }

// RunWatched runs the whole table through door, each row with a Watch of its own.
func RunWatched(t *testing.T, door Door, watch func(*testing.T) Watch) {
	runTable(t, way{door: door, watch: watch}, cases)
}

// RunOver runs the rows through door that a real transport can change.
func RunOver(t *testing.T, wire Wire, door Door) {
	runTable(t, way{wire: wire, door: door}, func(t *testing.T, f *Fixture) []Case { return transported(cases(t, f)) })
}

// way is how a call is made, and watched.
type way struct {
	wire  Wire
	door  Door
	watch func(*testing.T) Watch // nil for none
}

func runTable(t *testing.T, w way, table func(*testing.T, *Fixture) []Case) {
	f := newFixture(t)
	var sprung func() int
	f.Trap, sprung = trap(t)
	printed := capture(t)
	rows := table(t, f)
	if Sampled {
		rows = sample(rows, t.Name())
	}
	for _, c := range rows {
		t.Run(c.Name, func(t *testing.T) {
			run(t, f, c, w, printed)
			if n := sprung(); n != 0 {
				t.Errorf("connections to a URL that the token names = %d, want 0", n)
			}
		})
	}
}

func newFixture(t *testing.T) *Fixture {
	f := &Fixture{
		Authority: m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: rsaKeys()[0]}),
		Foreign:   rsaKeys()[1],
		Weak:      m2mtest.NewKey("ES256"),
		Mine:      tlstest.New(t),
		Other:     tlstest.New(t),
	}
	t.Cleanup(f.Close)
	f.PublishKey(f.Weak)
	return f
}

func run(t *testing.T, f *Fixture, c Case, w way, printed func() string) {
	var decisions recorder
	wire, watch := w.wire, Watch{}
	if w.watch != nil {
		watch = w.watch(t)
	}
	var fetches atomic.Int32
	issuer := f.Base()
	if c.Issuer != nil {
		c.Issuer(&issuer)
	}
	countFetches(f, &issuer, &fetches)
	cfg := verifier.Config{Issuers: []verifier.Issuer{issuer}, Observe: []func(context.Context, verifier.Decision){decisions.observe}}
	if c.Config != nil {
		c.Config(&cfg)
	}
	if watch.Observe != nil {
		cfg.Observe = append(cfg.Observe, watch.Observe)
	}
	v, err := verifier.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := v.Ready(ctx); err != nil { // fails if no key of the set is usable
		t.Fatal(err)
	}
	before, periodic := fetches.Load(), v.Status()[0].NextAttempt

	call, secrets := c.call(f)
	call.ProofAlgorithms = v.ProofAlgorithms()
	if c.Proofs != nil {
		call.Proofs = func(method, path string) []string {
			proofs := c.Proofs(f, call.Authorization[0], method, path)
			secrets = append(secrets, proofs...)
			return proofs
		}
	}
	if wire.Trims && c.Presents != nil && c.Presents.Spaced {
		c.Code, c.Reason = 0, ""
	}
	refuses := wire.Refuses != nil && slices.ContainsFunc(call.Authorization, wire.Refuses)
	try := func() verifier.Decision {
		got := w.door(t, v, call)
		leaks(t, secrets, got.Seen+got.Transport+printed())
		if refuses {
			stopped(t, got, decisions.all())
			return verifier.Decision{}
		}
		if got.Transport != "" {
			t.Fatalf("the transport refused the call: %s; want it to reach the guard", got.Transport)
		}
		observed := decisions.take(t)
		judge(t, c, got, observed)
		leaks(t, secrets, fmt.Sprintf("%v %+v %#v %#v", observed, observed, observed, observed.Err))
		if watch.Output != nil {
			leaks(t, secrets, watch.Output(v))
		}
		return observed
	}

	if first := try(); first.Cached {
		t.Error("Cached = true at first sight, want false")
	} else if c.Then != nil {
		c.Then(t, v)
		decisions.all() // discards those of calls in Then
		c.Code, c.Reason = c.LaterCode, c.LaterReason
		before, periodic = fetches.Load(), v.Status()[0].NextAttempt
		try()
	} else if again := try(); again.Cached != (first.Client.ID != "") {
		// A remembered token must get the same decision.
		t.Errorf("Cached = %t the second time, want %t", again.Cached, !again.Cached)
	}
	most := int32(0)
	if slices.Contains(fetched, c.Reason) {
		most = 2
	}
	if !time.Now().Before(periodic) {
		most++ // the first periodic fetch is due at any moment of the interval
	}
	if n := fetches.Load() - before; n > most {
		t.Errorf("key fetches = %d, want at most %d", n, most)
	}
}

// countFetches makes issuer count its fetches of keys, or its questions about tokens.
func countFetches(f *Fixture, issuer *verifier.Issuer, n *atomic.Int32) {
	if ask := issuer.Introspect; ask != nil {
		issuer.FetchJWKS = nil
		issuer.Introspect = func(ctx context.Context, token string) ([]byte, error) {
			n.Add(1)
			return ask(ctx, token)
		}
		return
	}
	fetch := issuer.FetchJWKS
	if fetch == nil {
		fetch = f.FetchJWKS // the Stytch preset has a URL
		issuer.JWKSURL = ""
	}
	issuer.FetchJWKS = func(ctx context.Context) ([]byte, error) {
		n.Add(1)
		return fetch(ctx)
	}
}

// fetched are the Reasons that may start a fetch: newer keys might change the
// decision.
var fetched = []verifier.Reason{
	verifier.KeyUnknown, verifier.KeyRemoved, verifier.KeysUnavailable, verifier.UnknownKeysFlood,
	verifier.BadSignature, verifier.Algorithm, verifier.KeyUnusable, verifier.KeyID,
}

// call returns the Call of the row, and the secrets in it that no output may
// contain.
func (c Case) call(f *Fixture) (call Call, secrets []string) {
	call = Call{Certificates: c.Certificates, Need: c.Need}
	for _, p := range c.Certificates {
		call.PeerCertificates = append(call.PeerCertificates, p.Leaf)
	}
	if c.Need.IsZero() && !c.NoNeed {
		call.Need = scopes.Authenticated()
	}
	switch {
	case c.Presents != nil:
		p := c.Presents
		call.Authorization, call.Elsewhere, call.Query, call.Form = p.Authorization, p.Elsewhere, p.Query, p.Form
	case c.Values != nil:
		call.Authorization = c.Values(f)
	default:
		call.Authorization = []string{"Bearer " + f.Token(c.Spec)}
	}
	secrets = slices.Concat(call.Authorization, slices.Collect(maps.Values(call.Elsewhere)))
	for _, pair := range strings.Split(call.Query+"&"+call.Form, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
	}
	return call, secrets
}

// judge compares the outcome of a call, and the observed decision, with the row.
func judge(t *testing.T, c Case, got Result, observed verifier.Decision) {
	var code verifier.Code
	if observed.Err != nil {
		code = verifier.AsError(observed.Err).Code
	}
	if observed.Reason != c.Reason || code != c.Code || (observed.Err == nil) != (c.Code == 0) {
		t.Errorf("Decision = %v, %v; want %v %v", observed.Reason, observed.Err, c.Code, c.Reason)
	}
	if observed.Err != nil {
		once(t, observed)
	}
	if got.Code != c.Code {
		t.Errorf("response = %v, want %v\n%s", got.Code, c.Code, got.Seen)
	}
	if let := c.Code == 0; got.Reached != let {
		t.Errorf("handler reached = %t, want %t", got.Reached, let)
	}
	if !got.Reached && got.Client.ID != "" {
		t.Errorf("Client of a refusal = %v, want none", got.Client)
	}
	if got.Reached && !c.Need.IsPublic() && got.Client.ID == "" {
		t.Error("Client of the handler = none, want one")
	}
}

// once reports a refusal whose text has its Reason twice.
func once(t *testing.T, observed verifier.Decision) {
	if text := observed.Err.Error(); strings.Count(text, ": "+string(observed.Reason)+":") > 1 || strings.HasSuffix(text, ": "+string(observed.Reason)+": "+string(observed.Reason)) {
		t.Errorf("Error() = %s, want its Reason once", text)
	}
}

// stopped reports a call that its transport should have refused.
func stopped(t *testing.T, got Result, observed []verifier.Decision) {
	if got.Transport == "" || got.Reached || len(observed) != 0 {
		t.Errorf("transport error = %q, handler reached = %t, decisions = %d; want an error, false, 0\n%s",
			got.Transport, got.Reached, len(observed), got.Seen)
	}
}
