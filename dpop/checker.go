package dpop

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/tokencache"
)

// Config configures a Checker. The zero Config is ready for use.
type Config struct {
	// Algorithms lists the "alg" values that proofs may have. If it is nil, they
	// are ES256, EdDSA, PS256, RS256 and ES384.
	Algorithms []string

	// Window is how far the "iat" of a proof may be from now, in the past or in
	// the future: 1 minute if zero, at most 5 minutes.
	Window time.Duration

	// MaxProofBytes bounds a proof: 4096 if zero.
	MaxProofBytes int

	// Replay records the proofs that were used. If it is nil, they are in the
	// memory of this Checker, and a proof can be used once at each replica:
	// redisfleet.Replay shares them.
	Replay Replay

	// MaxUsed bounds how many used proofs the memory of this Checker holds:
	// 1,000,000 if zero, about 100 MB. Calls are refused with ErrUnavailable
	// while it is full. MaxUsedPerClient is the bound for each client: a tenth
	// of MaxUsed if zero. A client at its bound is refused, and no other.
	MaxUsed, MaxUsedPerClient int
}

// Replay records used proofs. Implementations are safe for concurrent use.
type Replay interface {
	// Seen records id for at least keep, and reports whether it was recorded
	// before. The error means that this is unknown.
	Seen(ctx context.Context, id [32]byte, keep time.Duration) (bool, error)
}

// standardAlgorithms has no ES512: verifying it costs twenty times as much as
// ES256.
var standardAlgorithms = []string{"ES256", "EdDSA", "PS256", "RS256", "ES384"}

const (
	standardWindow   = time.Minute
	maxWindow        = 5 * time.Minute
	standardMaxProof = 4096
	largestMaxProof  = 64 << 10
	standardMaxUsed  = 1_000_000
	keepSlack        = 30 * time.Second // for a clock that is set while a proof is remembered
	rememberedKeys   = 4096
	clientsToFillAll = 10
)

// Checker verifies proofs. Make one with [NewChecker]. It is safe for concurrent
// use, and may serve several Verifiers.
type Checker struct {
	cfg    Config
	memory *memory                      // nil if cfg.Replay is set
	keys   *tokencache.Cache[*jose.Key] // by the text of the header
}

// NewChecker returns a Checker, or an error that reports every mistake in cfg.
func NewChecker(cfg Config) (*Checker, error) {
	var errs []error
	mistake := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("dpop: Config."+format, args...))
	}
	if cfg.Algorithms == nil {
		cfg.Algorithms = standardAlgorithms
	}
	if cfg.Algorithms = slices.Clone(cfg.Algorithms); len(cfg.Algorithms) == 0 {
		mistake("Algorithms is empty: leave it nil for the default %q", standardAlgorithms)
	}
	for i, name := range cfg.Algorithms {
		canonical, ok := jose.CanonicalAlgorithm(name)
		if !ok {
			mistake("Algorithms[%d] is %s: want an asymmetric signature algorithm", i, redact.Quote(name))
		}
		cfg.Algorithms[i] = canonical
	}
	if cfg.Window == 0 {
		cfg.Window = standardWindow
	}
	if cfg.Window < time.Second || cfg.Window > maxWindow {
		mistake("Window is %v: want 1s to %v", cfg.Window, maxWindow)
	}
	if cfg.MaxProofBytes == 0 {
		cfg.MaxProofBytes = standardMaxProof
	}
	if cfg.MaxProofBytes < 512 || cfg.MaxProofBytes > largestMaxProof {
		mistake("MaxProofBytes is %d: want 512 to %d", cfg.MaxProofBytes, largestMaxProof)
	}
	if cfg.Replay != nil && (cfg.MaxUsed != 0 || cfg.MaxUsedPerClient != 0) {
		mistake("MaxUsed and MaxUsedPerClient bound the memory of the Checker: with a Replay, leave them 0")
	}
	if cfg.MaxUsed == 0 {
		cfg.MaxUsed = standardMaxUsed
	}
	if cfg.MaxUsedPerClient == 0 {
		cfg.MaxUsedPerClient = max(cfg.MaxUsed/clientsToFillAll, 1)
	}
	if cfg.MaxUsed < 1 || cfg.MaxUsedPerClient < 1 || cfg.MaxUsedPerClient > cfg.MaxUsed {
		mistake("MaxUsed is %d and MaxUsedPerClient %d: want 1 or more, and not more for one client than for all", cfg.MaxUsed, cfg.MaxUsedPerClient)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &Checker{cfg: cfg, keys: tokencache.New[*jose.Key](rememberedKeys)}
	if cfg.Replay == nil {
		c.memory = newMemory(cfg.MaxUsed, cfg.MaxUsedPerClient, c.keep())
	}
	return c, nil
}

// Algorithms returns the algorithms that proofs may have, in the order of Config,
// for metadata (dpop_signing_alg_values_supported) and challenges.
func (c *Checker) Algorithms() []string { return slices.Clone(c.cfg.Algorithms) }

// keep is how long a used proof is remembered. A proof can be valid for the window
// before its "iat" and the window after it.
func (c *Checker) keep() time.Duration { return 2*c.cfg.Window + keepSlack }

// Call describes the call that a proof must be for. Always write it with field
// names.
type Call struct {
	Proofs     []string // every value of the DPoP header, untouched
	Method     string   // of the request
	Origin     string   // of the service, from its configuration: scheme, host, prefix
	Path       string   // of the request line, still encoded, without the query
	Token      string   // the access token beside the proof
	Thumbprint string   // "cnf.jkt" of the token: base64url of a SHA-256 (RFC 9449 §6.1)
	Issuer     string   // of the token; with Client, it names whose share of the memory is used
	Client     string
	Now        time.Time // zero: time.Now
}

// Check verifies that call carries exactly one proof, that it is for this call, and
// that it was not used before (RFC 9449 §4.3, §11.1). The error wraps [ErrMissing],
// [ErrMalformed], [ErrMismatch], [ErrReplayed] or [ErrUnavailable], or ctx's if ctx
// ended. It says what was found and what was expected, without the query of a URL, and
// never quotes the proof.
//
// A proof that is refused is not recorded as used.
func (c *Checker) Check(ctx context.Context, call Call) error {
	p, err := c.verify(call, false)
	if err != nil {
		return err
	}
	return c.use(ctx, p, call)
}

// CheckTokenRequest does what [Checker.Check] does for an authority's token endpoint
// (RFC 9449 §5), and returns the thumbprint of the key to bind the token to
// ("cnf.jkt"). Token and Thumbprint of call are not used.
func (c *Checker) CheckTokenRequest(ctx context.Context, call Call) (thumbprint string, err error) {
	p, err := c.verify(call, true)
	if err == nil {
		err = c.use(ctx, p, call)
	}
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(p.thumbprint[:]), nil
}

// use records that a proof was used.
func (c *Checker) use(ctx context.Context, p proof, call Call) error {
	seen, err := c.seen(ctx, p.id(), call)
	switch {
	case err != nil:
		return &proofError{ErrUnavailable, err.Error, err}
	case seen:
		return &proofError{kind: ErrReplayed, text: says(`its "jti" is known`)}
	}
	return nil
}

// Inspect does what [Checker.Check] does, but neither reads nor records which
// proofs were used.
func (c *Checker) Inspect(call Call) error {
	_, err := c.verify(call, false)
	return err
}

func (c *Checker) seen(ctx context.Context, id [32]byte, call Call) (bool, error) {
	if c.memory != nil {
		return c.memory.seen(id, strconv.Quote(call.Issuer)+call.Client)
	}
	return c.cfg.Replay.Seen(ctx, id, c.keep())
}
