package verifier_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestBindingTexts: a confirmation that is not understood is named, with those that are.
func TestBindingTexts(t *testing.T) {
	type m = map[string]any
	digest := func(bytes int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, bytes)) }
	const (
		certificate = `, want the SHA-256 of the certificate in base64url`
		key         = `, want the SHA-256 thumbprint of the key in base64url`
		both        = `, want an object of "x5t#S256", "jkt" or both`
		alone       = `, want an object of "x5t#S256" alone: Config.DPoP is not set`
	)
	checker, err := dpop.NewChecker(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name          string
		cnf           any
		with, without string // Config.DPoP
	}{
		{"nothing", m{}, both, alone},
		{"null", json.RawMessage("null"), both, alone},
		{"a text", "jkt", both, alone},
		{"another member", m{"kid": "k"}, both, alone},
		{"another member beside a good one", m{"jwk": m{}, "x5t#S256": digest(32)}, both, alone},
		{"a good one beside another member", m{"x5t#S256": digest(32), "x5u": "u"}, both, alone},
		{"a short certificate", m{"x5t#S256": digest(31)}, certificate, certificate},
		{"a long certificate", m{"x5t#S256": digest(33)}, certificate, certificate},
		{"a padded certificate", m{"x5t#S256": digest(32) + "="}, certificate, certificate},
		{"a certificate that is a number", m{"x5t#S256": 1}, certificate, certificate},
		{"a short key", m{"jkt": digest(31)}, key, alone},
		{"a long key", m{"jkt": digest(33)}, key, alone},
		{"a padded key", m{"jkt": digest(32) + "="}, key, alone},
		{"a good key", m{"jkt": digest(32)}, `the token is bound to a DPoP key, want the scheme "DPoP" and a proof`, alone},
		{"a good certificate", m{"x5t#S256": digest(32)}, "the caller proved none", "the caller proved none"},
	} {
		for _, cfg := range []verifier.Config{{DPoP: checker}, {}} {
			want := tt.with
			if cfg.DPoP == nil {
				want = tt.without
			}
			authority, v := m2mtest.Trust(t, &cfg)
			token := authority.Token(m2mtest.TokenSpec{Claims: m{"cnf": tt.cnf}})
			_, err := v.Authorize(t.Context(), bearer(token), scopes.Authenticated())
			if reasonOf(err) != verifier.Bound || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("Authorize(cnf of %s, DPoP: %t) = %v, want %q", tt.name, cfg.DPoP != nil, err, want)
			}
		}
	}
}

// replay is a Replay that is a function.
type replay func(context.Context) (bool, error)

func (f replay) Seen(ctx context.Context, _ [32]byte, _ time.Duration) (bool, error) { return f(ctx) }

// bound returns a Verifier that takes proofs, and a call with a good one.
func bound(t *testing.T, cfg dpop.Config) (*verifier.Verifier, verifier.Request) {
	t.Helper()
	checker, err := dpop.NewChecker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	authority, v := m2mtest.Trust(t, &verifier.Config{DPoP: checker})
	p := prooftest.New(t)
	token := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": p.Thumbprint()}}})
	const origin, path = "https://api.example.com", "/orders"
	proof := p.Sign(t, p.Header(), prooftest.Claims("GET", origin+path, token, time.Now()))
	return v, verifier.Request{Authorization: []string{"DPoP " + token}, DPoP: []string{proof}, Method: "GET", Origin: origin, Path: path}
}

// TestReplayFails: it is the caller's end if the context ended, and otherwise an outage.
func TestReplayFails(t *testing.T) {
	lost := errors.New("connection reset")
	for _, tt := range []struct {
		name       string
		canceled   bool
		err        error // of the Replay; nil for the context's
		want       verifier.Reason
		retryAfter time.Duration
	}{
		{"the caller is gone", true, nil, verifier.Canceled, 0},
		{"another error, and the caller is gone", true, lost, verifier.ReplayUnavailable, time.Second},
		{"another error", false, lost, verifier.ReplayUnavailable, time.Second},
		{"a context of its own ended", false, context.Canceled, verifier.ReplayUnavailable, time.Second},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		v, call := bound(t, dpop.Config{Replay: replay(func(ctx context.Context) (bool, error) {
			if tt.canceled {
				cancel()
			}
			if tt.err == nil {
				return false, ctx.Err()
			}
			return false, tt.err
		})})
		_, err := v.Authorize(ctx, call, scopes.Authenticated())
		cancel()
		e := verifier.AsError(err)
		if e == nil || e.Code != verifier.Unavailable || e.Reason != tt.want || e.RetryAfter != tt.retryAfter {
			t.Errorf("Authorize(%s) = %+v, want %s and RetryAfter %v", tt.name, e, tt.want, tt.retryAfter)
		}
	}
}

// TestExplainKeepsTheProof: an explanation does not use up a proof, nor tell that it was
// used.
func TestExplainKeepsTheProof(t *testing.T) {
	v, call := bound(t, dpop.Config{})
	explain := func(when string) {
		t.Helper()
		if e := v.Explain(t.Context(), call, scopes.Authenticated(), nil); e.Err != nil {
			t.Errorf("Explain(%s) = %v, want nil", when, e.Err)
		}
	}
	explain("a new proof")
	if _, err := v.Authorize(t.Context(), call, scopes.Authenticated()); err != nil {
		t.Errorf("Authorize(after Explain) = %v, want nil", err)
	}
	explain("a used proof")
	if _, err := v.Authorize(t.Context(), call, scopes.Authenticated()); reasonOf(err) != verifier.ProofReplayed {
		t.Errorf("Authorize(again) = %v, want %s", err, verifier.ProofReplayed)
	}
	other := call
	other.Path = "/admin"
	if e := v.Explain(t.Context(), other, scopes.Authenticated(), nil); reasonOf(e.Err) != verifier.ProofMismatch {
		t.Errorf("Explain(another path) = %v, want %s", e.Err, verifier.ProofMismatch)
	}
}

func TestProofAlgorithms(t *testing.T) {
	v, _ := bound(t, dpop.Config{Algorithms: []string{"ES256", "Ed25519"}})
	_, none := m2mtest.Trust(t, nil)
	for name, tt := range map[string]struct {
		v    *verifier.Verifier
		want []string
	}{"Config.DPoP": {v, []string{"ES256", "EdDSA"}}, "no Config.DPoP": {none, nil}, "nil": {nil, nil}} {
		if got := tt.v.ProofAlgorithms(); !slices.Equal(got, tt.want) {
			t.Errorf("ProofAlgorithms(%s) = %q, want %q", name, got, tt.want)
		}
	}
}
