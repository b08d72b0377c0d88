package metrics

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/stytch/gateway"
	"github.com/m2mauth/m2mauth/verifier"
)

// The metrics of a Verifier.
var (
	decisions = &Metric{
		Name: "m2mauth.decisions", Unit: "{decision}", Kind: Counter,
		Description: "Decisions about calls.",
		Labels:      []Label{Issuer, Outcome, ErrorType, Remembered},
	}
	keysAge = &Metric{
		Name: "m2mauth.keys.age", Unit: "s",
		Description: "Time since the authority last confirmed its keys.",
		Labels:      []Label{Issuer},
	}
	keysState = &Metric{
		Name: "m2mauth.keys.state", Unit: "{issuer}",
		Description: "1 for the state that the issuer's keys are in, 0 for the others.",
		Labels:      []Label{Issuer, keyState},
	}
	keysFetches = &Metric{
		Name: "m2mauth.keys.fetches", Unit: "{fetch}", Kind: Counter,
		Description: "Fetches of the key set that began.",
		Labels:      []Label{Issuer},
	}
	keysUsable = &Metric{
		Name: "m2mauth.keys.usable", Unit: "{key}",
		Description: "Keys in use.",
		Labels:      []Label{Issuer},
	}
	keysUnknown = &Metric{
		Name: "m2mauth.keys.unknown", Unit: "{token}", Kind: Counter,
		Description: "Tokens refused for a key that the authority does not publish.",
		Labels:      []Label{Issuer},
	}
	keysProblems = &Metric{
		Name: "m2mauth.keys.problems", Unit: "{problem}",
		Description: "Problems of published keys.",
		Labels:      []Label{Issuer, compromised},
	}
	keysFingerprint = &Metric{
		Name: "m2mauth.keys.fingerprint", Unit: "{fingerprint}",
		Description: "48 bits of a hash of the keys in use: equal on replicas with equal keys.",
		Labels:      []Label{Issuer},
	}
)

// The metrics of a revocation.List.
var (
	revocationAge = &Metric{
		Name: "m2mauth.revocation.age", Unit: "s",
		Description: "Age of the view of a shared revocation list.",
	}
	revocationEntries = &Metric{
		Name: "m2mauth.revocation.entries", Unit: "{cutoff}",
		Description: "Cut-offs in force.",
	}
	revocationStale = &Metric{
		Name: "m2mauth.revocation.stale", Unit: "{list}",
		Description: "1 if the view of a shared revocation list is too old, or there is none.",
	}
	revocationMissing = &Metric{
		Name: "m2mauth.revocation.missing", Unit: "{cutoff}",
		Description: "Cut-offs in force that the source of the revocation list has lost.",
	}
)

// tokenResponses is of a gateway.TokenEndpoint.
var tokenResponses = &Metric{
	Name: "m2mauth.gateway.responses", Unit: "{response}", Kind: Counter,
	Description: "Responses to token requests.",
	Labels:      []Label{{Name: "http.response.status_code", Int: true}, ErrorType, {Name: "m2mauth.gateway.guessed", Bool: true}, {Name: "m2mauth.gateway.local_limits", Bool: true}},
}

// List returns every Metric of Sources.All.
func List() []*Metric {
	return []*Metric{
		decisions, keysAge, keysState, keysFetches, keysUsable, keysUnknown, keysProblems, keysFingerprint,
		revocationAge, revocationEntries, revocationStale, revocationMissing,
		tokenResponses,
	}
}

// states lists every KeyState.
var states = []verifier.KeyState{
	verifier.KeysCold, verifier.KeysFresh, verifier.KeysStale, verifier.KeysExpired, verifier.KeysClosed,
}

// Sources holds what is measured. It is safe for concurrent use.
type Sources struct {
	mu        sync.Mutex
	verifiers []*verifier.Verifier
	lists     []*revocation.List
	endpoints []*gateway.TokenEndpoint
}

// Add adds verifiers. It ignores those that are there, and nil.
func (s *Sources) Add(list ...*verifier.Verifier) { add(s, &s.verifiers, list) }

// AddRevocations adds lists. It ignores those that are there, and nil.
func (s *Sources) AddRevocations(lists ...*revocation.List) { add(s, &s.lists, lists) }

// AddTokenEndpoints adds endpoints. It ignores those that are there, and nil.
func (s *Sources) AddTokenEndpoints(list ...*gateway.TokenEndpoint) { add(s, &s.endpoints, list) }

func add[T any](s *Sources, to *[]*T, list []*T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range list {
		if one != nil && !slices.Contains(*to, one) {
			*to = append(*to, one)
		}
	}
}

// All returns every value, without metrics that have none. Where Verifiers have the
// same labels, counters and numbers add up, and the greatest age counts.
func (s *Sources) All(now time.Time) map[*Metric]map[Values]float64 {
	s.mu.Lock()
	verifiers, lists, endpoints := slices.Clone(s.verifiers), slices.Clone(s.lists), slices.Clone(s.endpoints)
	s.mu.Unlock()

	all := make(values)
	for _, v := range verifiers {
		for c, n := range v.Counts() {
			all.add(decisions, float64(n), c.Issuer, c.Outcome, string(c.Reason), strconv.FormatBool(c.Remembered))
		}
		for _, issuer := range v.Status() {
			all.keys(&issuer, now)
		}
	}
	for _, l := range lists {
		all.revocations(l.Status())
	}
	for _, e := range endpoints {
		for c, n := range e.Counts() {
			all.add(tokenResponses, float64(n), strconv.Itoa(c.Status), c.Code, strconv.FormatBool(c.Guessed), strconv.FormatBool(c.Local))
		}
	}
	return all
}

type values map[*Metric]map[Values]float64

func (all values) add(m *Metric, value float64, labels ...string) {
	at, v := all.at(m, labels)
	at[v] += value
}

func (all values) max(m *Metric, value float64, labels ...string) {
	at, v := all.at(m, labels)
	at[v] = max(at[v], value)
}

func (all values) at(m *Metric, labels []string) (at map[Values]float64, v Values) {
	copy(v[:], labels)
	at = all[m]
	if at == nil {
		at = make(map[Values]float64)
		all[m] = at
	}
	return at, v
}

func (all values) keys(s *verifier.IssuerStatus, now time.Time) {
	name := s.Issuer
	if !s.Introspects && !s.Confirmed.IsZero() {
		all.max(keysAge, max(0, now.Sub(s.Confirmed).Seconds()), name)
	}
	for _, state := range states {
		is := 0.0
		if s.State == state {
			is = 1
		}
		all.add(keysState, is, name, string(state))
	}
	all.add(keysFetches, float64(s.Fetches), name)
	if s.Introspects {
		return // it has no keys, and nobody asks it without a call
	}
	all.add(keysUnknown, float64(s.UnknownKeys), name)
	all.add(keysUsable, float64(len(s.Keys)), name)
	all.add(keysFingerprint, fingerprint(s.Keys), name)
	secret := 0
	for _, p := range s.Problems {
		if p.Compromised {
			secret++
		}
	}
	all.add(keysProblems, float64(secret), name, "true")
	all.add(keysProblems, float64(len(s.Problems)-secret), name, "false")
}

func (all values) revocations(s revocation.Status) {
	all.add(revocationEntries, float64(s.Entries))
	if !s.Shared {
		return
	}
	if s.Loaded {
		all.max(revocationAge, s.Age.Seconds())
	}
	stale := 0.0
	if s.Stale {
		stale = 1
	}
	all.add(revocationStale, stale)
	all.add(revocationMissing, float64(s.Missing))
}

// fingerprint returns a number that equal sets of keys share, whatever their order.
// It has 48 bits, so that a float64 holds a sum of 32 of them without rounding. It
// returns 0 without keys.
func fingerprint(keys []verifier.KeyStatus) float64 {
	if len(keys) == 0 {
		return 0
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = strconv.Quote(k.ID) + " " + k.Algorithm + " " + k.Thumbprint + "\n"
	}
	slices.Sort(list)
	h := sha256.New()
	for _, line := range list {
		h.Write([]byte(line))
	}
	return float64(binary.BigEndian.Uint64(h.Sum(nil)) >> 16)
}
