package verifier

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/redact"
)

// mistakes collects everything that is wrong with a Config, so that it can be
// put right in one go.
type mistakes struct {
	where string
	errs  *[]error
}

func (m mistakes) add(format string, args ...any) {
	*m.errs = append(*m.errs, fmt.Errorf("verifier: %s: %s", m.where, fmt.Sprintf(format, args...)))
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
		m.add("Leeway is %v: at most 5m; mend the clocks instead", cfg.Leeway)
	}
	switch {
	case cfg.MaxTokenBytes == 0:
		cfg.MaxTokenBytes = 8 << 10
	case cfg.MaxTokenBytes < 0 || cfg.MaxTokenBytes > 64<<10:
		m.add("MaxTokenBytes is %d: want 1 to 65536, or 0 for 8192", cfg.MaxTokenBytes)
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = 10_000
	} else if cfg.CacheSize > 1<<24 {
		m.add("CacheSize is %d: at most 16777216", cfg.CacheSize)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Issuers) == 0 {
		m.add("no Issuers: name at least one authority to trust")
	}
	cfg.Issuers = slices.Clone(cfg.Issuers)
	names := make(map[string]int)
	for i := range cfg.Issuers {
		iss := &cfg.Issuers[i]
		m := mistakes{fmt.Sprintf("Issuers[%d] (%s)", i, redact.Quote(iss.Name)), &errs}
		for _, name := range append([]string{iss.Name}, iss.Aliases...) {
			if first, taken := names[name]; taken && name != "" {
				m.add("the name %s is taken by Issuers[%d]: each name and alias may stand once", redact.Quote(name), first)
			}
			names[name] = i
		}
		iss.complete(m, min(cfg.Leeway, maxLeeway))
	}
	return cfg, errors.Join(errs...)
}

// complete fills in an Issuer's defaults and reports its mistakes. leeway is
// the shortest Backdating that makes sense: clocks may differ by as much.
func (iss *Issuer) complete(m mistakes, leeway time.Duration) {
	if iss.Name == "" {
		m.add(`Name is empty: write the exact "iss" of the authority's tokens`)
	}
	iss.Aliases = slices.Clone(iss.Aliases)
	if slices.Contains(iss.Aliases, "") {
		m.add("Aliases holds an empty name")
	}
	if iss.Audiences = slices.Clone(iss.Audiences); len(iss.Audiences) == 0 || slices.Contains(iss.Audiences, "") {
		m.add("Audiences is empty or holds an empty name: write the name by which tokens are meant for this " +
			"service; without one, tokens for any other service would be let in")
	}
	iss.AudienceClaims = m.list("AudienceClaims", iss.AudienceClaims, "aud")
	iss.ClientIDClaims = m.list("ClientIDClaims", iss.ClientIDClaims, "client_id")
	if iss.ScopesFrom != nil && iss.ScopeClaims != nil {
		m.add("both ScopesFrom and ScopeClaims are set: choose one")
	}
	iss.ScopeClaims = m.list("ScopeClaims", iss.ScopeClaims, "scope", "scp")
	if iss.TokenTypes == nil {
		iss.TokenTypes = []string{"at+jwt", "JWT"}
	} else if iss.TokenTypes = slices.Clone(iss.TokenTypes); len(iss.TokenTypes) == 0 {
		m.add("TokenTypes is empty: leave it nil for the default, or write {\"\"} to admit tokens without one")
	}
	if iss.MaxTokenAge < 0 {
		m.add("MaxTokenAge is %v: want a positive duration, or 0 for no limit", iss.MaxTokenAge)
	}
	if iss.Accept == nil {
		if slices.Contains(iss.ClientIDClaims, "sub") {
			m.add(`ClientIDClaims holds "sub", and Accept is nil: its default, SubjectIsClient, would then let in ` +
				`everybody, people too; say with Accept what marks a machine's token`)
		}
		iss.Accept = SubjectIsClient
	}
	if iss.Backdating == 0 {
		iss.Backdating = 10 * time.Minute
	}
	m.between("Backdating", iss.Backdating, leeway, time.Hour)
	iss.Algorithms = completeAlgorithms(m, iss.Algorithms)
	iss.completeSource(m)
	iss.JWKS.complete(m)
}

// list is a list of claim names, or its default if it is nil.
func (m mistakes) list(field string, list []string, standard ...string) []string {
	if list == nil {
		return standard
	}
	if len(list) == 0 || slices.Contains(list, "") {
		m.add("%s is empty or holds an empty name: leave it nil for the default %q", field, standard)
	}
	return slices.Clone(list)
}

func completeAlgorithms(m mistakes, list []string) []string {
	if list == nil {
		return []string{"RS256", "ES256", "EdDSA"}
	}
	if len(list) == 0 {
		m.add("Algorithms is empty: leave it nil for RS256, ES256 and EdDSA")
	}
	var canonical []string
	for _, name := range list {
		c, ok := jose.CanonicalAlgorithm(name)
		switch {
		case ok && slices.Contains(canonical, c):
			// Twice is once: an RSA key that names no algorithm takes the only
			// one there is.
		case ok:
			canonical = append(canonical, c)
		case jose.IsSymmetricOrNone(name):
			m.add("Algorithms holds %q: with it, whoever can read the key set could make tokens; "+
				"write what the authority signs with, such as RS256", name)
		default:
			m.add("Algorithms holds %s, which is not known: want RS256, RS384, RS512, PS256, PS384, PS512, "+
				"ES256, ES384, ES512 or EdDSA", redact.Quote(name))
		}
	}
	return canonical
}

func (iss *Issuer) completeSource(m mistakes) {
	switch {
	case iss.JWKSURL == "" && iss.FetchJWKS == nil:
		m.add("neither JWKSURL nor FetchJWKS is set: say where the authority's keys are")
	case iss.JWKSURL != "" && iss.FetchJWKS != nil:
		m.add("both JWKSURL and FetchJWKS are set: choose one")
	case iss.FetchJWKS != nil:
		if iss.JWKS.Transport != nil || iss.JWKS.InsecureHTTP {
			m.add("JWKS.Transport and JWKS.InsecureHTTP say how JWKSURL is fetched: they have no meaning with FetchJWKS")
		}
	default:
		iss.checkURL(m)
	}
}

func (iss *Issuer) checkURL(m mistakes) {
	u, err := url.Parse(iss.JWKSURL)
	switch {
	case err != nil || u.Hostname() == "" || u.Fragment != "":
		m.add("JWKSURL is not an absolute URL")
	case u.User != nil:
		m.add("JWKSURL holds credentials: send them with JWKS.Transport")
	case u.Scheme == "https":
	case u.Scheme == "http" && (iss.JWKS.InsecureHTTP || outbound.IsLoopback(u.Hostname())):
	default:
		m.add("JWKSURL is %q and not https: whoever is on the path could replace the keys "+
			"(http is for loopback, or with JWKS.InsecureHTTP)", u.Scheme)
	}
}

// complete fills in the defaults of the key set's options.
func (o *JWKSOptions) complete(m mistakes) {
	if o.RefreshInterval != 0 {
		m.between("JWKS.RefreshInterval", o.RefreshInterval, 30*time.Second, time.Hour)
	}
	if o.MaxStale == 0 {
		o.MaxStale = 24 * time.Hour
	}
	if o.MaxStale < 2*o.interval() {
		m.add("JWKS.MaxStale is %v: want at least twice the RefreshInterval, %v", o.MaxStale, 2*o.interval())
	}
	if o.FetchTimeout == 0 {
		o.FetchTimeout = 5 * time.Second
	}
	m.between("JWKS.FetchTimeout", o.FetchTimeout, 250*time.Millisecond, 30*time.Second)
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 10
	}
	if o.MaxBytes < 4<<10 || o.MaxBytes > 4<<20 {
		m.add("JWKS.MaxBytes is %d: want 4096 to 4194304", o.MaxBytes)
	}
}

func (m mistakes) between(field string, d, low, high time.Duration) {
	if d < low || d > high {
		m.add("%s is %v: want %v to %v", field, d, low, high)
	}
}

// interval is RefreshInterval with its default. Whether it was chosen matters:
// only then it bounds what the authority asks for.
func (o JWKSOptions) interval() time.Duration {
	if o.RefreshInterval == 0 {
		return 5 * time.Minute
	}
	return o.RefreshInterval
}

// fetcher is where the issuer's keys come from.
func (iss *Issuer) fetcher() jwks.Fetcher {
	if iss.FetchJWKS != nil {
		return jwks.FromFunc(iss.FetchJWKS)
	}
	return jwks.FromURL(iss.JWKSURL, iss.JWKS.Transport, iss.JWKS.MaxBytes)
}
