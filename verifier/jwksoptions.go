package verifier

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/outbound"
)

// JWKSOptions configures how an issuer's key set is fetched and kept. The zero
// value selects every default.
type JWKSOptions struct {
	// Transport makes the HTTP requests, for a private CA or a proxy: one like
	// http.DefaultTransport if nil. Redirects are never followed, and each
	// request asks for a connection of its own.
	Transport http.RoundTripper

	// RefreshInterval is the time between two fetches, ±10 %: 5 min if zero,
	// 30 s to 1 h. The authority's Cache-Control or Expires replaces it, within
	// 1 to 15 min, but never exceeds an interval that is set here.
	RefreshInterval time.Duration

	// MaxStale bounds how long keys are used after they were last confirmed: 24 h
	// if zero, at least twice the RefreshInterval. It limits how long calls are
	// accepted during an outage of the authority, and how long a key is accepted
	// that was removed meanwhile. The response of a shared cache confirms keys
	// as well, although every request sends no-cache.
	MaxStale time.Duration

	// FetchTimeout limits one whole fetch: 5 s if zero, 250 ms to 30 s.
	FetchTimeout time.Duration

	// MaxBytes limits the key set document, decompressed: 256 KiB if zero,
	// 4 KiB to 4 MiB.
	MaxBytes int

	// InsecureHTTP accepts a JWKSURL that is plain http and not on loopback. An
	// attacker on the network path can then replace the keys and sign any
	// token.
	InsecureHTTP bool

	// AllowRSAExponent3 accepts RSA keys with the public exponent 3.
	AllowRSAExponent3 bool
}

// complete fills in the defaults and reports mistakes.
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

// interval returns RefreshInterval or its default. complete does not store the
// default: only a configured interval limits what the authority asks for.
func (o JWKSOptions) interval() time.Duration {
	if o.RefreshInterval == 0 {
		return 5 * time.Minute
	}
	return o.RefreshInterval
}

// completeSource reports mistakes in where the issuer's keys come from.
func (iss *Issuer) completeSource(m mistakes) {
	switch {
	case iss.Introspect != nil:
		if iss.JWKSURL != "" || iss.FetchJWKS != nil {
			m.add("Introspect is set beside JWKSURL or FetchJWKS: choose one")
		}
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
	case err != nil || !outbound.IsAbsolute(u) || u.Fragment != "":
		m.add("JWKSURL is not an absolute URL")
	case u.User != nil:
		m.add("JWKSURL holds credentials: send them with JWKS.Transport")
	case u.Scheme == "https":
	case u.Scheme == "http" && (iss.JWKS.InsecureHTTP || outbound.IsLoopback(u.Hostname())):
	default:
		m.add("JWKSURL is %q and not https: an attacker on the network path could replace the keys "+
			"(http is for loopback, or with JWKS.InsecureHTTP)", u.Scheme)
	}
}

// newSource starts the source of the issuer's keys.
func (iss *issuer) newSource(slots *jwks.Slots) *jwks.Source {
	fetch := jwks.FromURL(iss.JWKSURL, iss.JWKS.Transport, iss.JWKS.MaxBytes)
	if iss.FetchJWKS != nil {
		fetch = jwks.FromFunc(iss.FetchJWKS)
	}
	return jwks.New(jwks.Options{
		Fetch:      fetch,
		Address:    jwks.Address(iss.JWKSURL),
		Algorithms: iss.Algorithms,
		Keys: jose.Options{
			AllowExponent3: iss.JWKS.AllowRSAExponent3,
			Bundle:         iss.TrustDomain != "",
			UseOptional:    iss.FetchJWKS != nil,
		},
		MaxBytes:       iss.JWKS.MaxBytes,
		Interval:       iss.JWKS.interval(),
		IntervalIsCap:  iss.JWKS.RefreshInterval != 0,
		MaxStale:       iss.JWKS.MaxStale,
		Timeout:        iss.JWKS.FetchTimeout,
		Backdating:     iss.Backdating,
		Slots:          slots,
		Now:            iss.verifier.cfg.Now,
		Observe:        keyObserver(iss, iss.verifier.cfg.ObserveKeys),
		Looked:         iss.verifier.watches.changed,
		RandomFraction: rand.Float64,
	})
}
