package verifier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/revocation"
)

// Config configures a Verifier. [New] copies it: later changes have no effect.
type Config struct {
	// Issuers are the trusted authorities, at least one. No Name or alias may
	// appear twice.
	Issuers []Issuer

	// Leeway is the clock skew that is tolerated for exp, nbf, iat and
	// MaxTokenAge: 30 s if zero, at most 5 min, none if negative.
	Leeway time.Duration

	// MaxTokenBytes is the length of the longest token that is verified: 8 KiB
	// if zero, at most 64 KiB.
	MaxTokenBytes int

	// CacheSize bounds how many verified tokens are remembered, so that a token
	// that is presented again costs no signature check: 10,000 if zero, none if
	// negative (which Issuer.Introspect rules out), at most 16,777,216. What can
	// change between two calls, such as expiry, a removed key and Check, is checked
	// on every call all the same.
	// Only verified tokens are remembered. One of 800 bytes takes about 2 KiB,
	// and all together take at most 4 KiB times CacheSize: a larger token
	// replaces several.
	CacheSize int

	// Check, if set, is called for every call with a verified token, remembered
	// or not, before its scopes are compared with the requirement: for
	// revocation, tenancy and the like (docs/operating.md, "Incidents", has an
	// example). A non-nil error refuses the call. A
	// Reason, alone or wrapped, refuses with that Reason and its Code: return
	// Revoked, or Forbid(cause) if the token is valid but the operation is not
	// for this client. An *Error refuses with its own Code. Any other error is
	// Unavailable with the Reason CheckFailed: if a service that Check depends
	// on fails, clients must keep their good tokens.
	// It must be safe for concurrent use. No lock is held: it may call the
	// Verifier, but Verify and Authorize call Check again.
	Check func(context.Context, Client, Request) error

	// Observe holds functions that are called with every decision before the
	// handler runs, in order: for the audit log and metrics. They must be safe
	// for concurrent use and return quickly: the call waits for them. Each may
	// keep or change its Decision. A panic in one is recovered and changes
	// nothing. To count decisions, Verifier.Counts is cheaper.
	Observe []func(context.Context, Decision)

	// ObserveKeys, if set, is called with the state of an issuer's keys after
	// every swap, every failed fetch and every change of State: recovery, expiry
	// and Close included. Calls for one issuer are sequential, on a goroutine of
	// their own. While one blocks, up to 64 states are queued; beyond that the
	// oldest are dropped. It should not call Refresh: after a failed fetch, that
	// would defeat the backoff.
	ObserveKeys func(IssuerStatus)

	// Revocations, if set, shuts out tokens before they expire. It is consulted on
	// every call, remembered or not, and by WhileValid: its cut-offs end open work,
	// too. While it is not fresh, every call is refused as Unavailable. Each issuer
	// then has a MaxTokenLife. If Now is set, the list's Config.Now has to be the same
	// clock. Close the Verifier first, and then the list.
	Revocations *revocation.List

	// DPoP, if set, verifies proofs of possession (RFC 9449): the scheme "DPoP" is
	// then accepted for tokens that are bound to a key, and for no others. Guards
	// need an Origin. If it is nil, tokens that are bound to a DPoP key are refused
	// as Bound.
	DPoP *dpop.Checker

	// Now is the wall clock for the times in tokens: time.Now if nil. The times
	// of the keys follow the monotonic clock.
	Now func() time.Time
}

const maxLeeway = 5 * time.Minute

// withDefaults returns cfg with its defaults filled in, or every mistake.
func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	m := mistakes{"Config", &errs}
	switch {
	case cfg.Leeway == 0:
		cfg.Leeway = 30 * time.Second
	case cfg.Leeway < 0:
		cfg.Leeway = 0
	case cfg.Leeway > maxLeeway:
		m.add("Leeway is %v: at most 5m; fix the clocks instead", cfg.Leeway)
	}
	switch {
	case cfg.MaxTokenBytes == 0:
		cfg.MaxTokenBytes = 8 << 10
	case cfg.MaxTokenBytes < 0 || cfg.MaxTokenBytes > 64<<10:
		m.add("MaxTokenBytes is %d: want 1 to 65536, or 0 for 8192", cfg.MaxTokenBytes)
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = 10_000
	} else if cfg.CacheSize < 0 && slices.ContainsFunc(cfg.Issuers, func(i Issuer) bool { return i.Introspect != nil }) {
		m.add("CacheSize is %d, and an issuer has Introspect: the authority would be asked about every call", cfg.CacheSize)
	} else if cfg.CacheSize > 1<<24 {
		m.add("CacheSize is %d: at most 16777216", cfg.CacheSize)
	}
	cfg.Observe = slices.Clone(cfg.Observe)
	for i, f := range cfg.Observe {
		if f == nil {
			m.add("Observe[%d] is nil: want a function", i)
		}
	}
	if cfg.Revocations != nil && cfg.Revocations.MaxTokenLife() == 0 {
		m.add("Revocations does not come from revocation.New")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Issuers) == 0 {
		m.add("no Issuers: name at least one authority to trust")
	}
	cfg.Issuers = slices.Clone(cfg.Issuers)
	names, domains, introspects := make(map[string]int), make(map[string]int), -1
	for i := range cfg.Issuers {
		iss := &cfg.Issuers[i]
		m := mistakes{fmt.Sprintf("Issuers[%d] (%s)", i, redact.Quote(iss.Name)), &errs}
		for _, name := range append([]string{iss.Name}, iss.Aliases...) {
			if first, taken := names[name]; taken && name != "" {
				m.add("the name %s is taken by Issuers[%d]: each name and alias may appear once", redact.Quote(name), first)
			}
			names[name] = i
		}
		if first, taken := domains[iss.TrustDomain]; taken && iss.TrustDomain != "" {
			m.add("the TrustDomain %s is taken by Issuers[%d]: a token without \"iss\" could be of either", redact.Quote(iss.TrustDomain), first)
		}
		domains[iss.TrustDomain] = i
		if iss.Introspect != nil && introspects >= 0 {
			m.add("Introspect is set here and in Issuers[%d]: an opaque token does not tell which authority to ask", introspects)
		} else if iss.Introspect != nil {
			introspects = i
		}
		iss.complete(m, min(cfg.Leeway, maxLeeway))
		if most := cfg.Revocations.MaxTokenLife(); iss.MaxTokenLife == 0 {
			iss.MaxTokenLife = most
		} else if most > 0 && iss.MaxTokenLife > most {
			m.add("MaxTokenLife is %v: want at most that of Revocations, %v, or tokens outlive their cut-off", iss.MaxTokenLife, most)
		}
	}
	return cfg, errors.Join(errs...)
}

// mistakes collects everything that is wrong with a Config, so that one error
// reports all of it.
type mistakes struct {
	where string
	errs  *[]error
}

func (m mistakes) add(format string, args ...any) {
	*m.errs = append(*m.errs, fmt.Errorf("verifier: %s: %s", m.where, fmt.Sprintf(format, args...)))
}

// between requires low <= d <= high.
func (m mistakes) between(field string, d, low, high time.Duration) {
	if d < low || d > high {
		m.add("%s is %v: want %v to %v", field, d, low, high)
	}
}

// list returns a copy of a list of claim names, or its default if it is nil.
func (m mistakes) list(field string, list []string, standard ...string) []string {
	if list == nil {
		return standard
	}
	if len(list) == 0 || slices.Contains(list, "") {
		m.add("%s is empty or holds an empty name: leave it nil for the default %q", field, standard)
	}
	return slices.Clone(list)
}
