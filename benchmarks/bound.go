package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// forgetful is a Replay without a memory, so that one proof serves a whole measurement.
type forgetful struct{}

func (forgetful) Seen(context.Context, [32]byte, time.Duration) (bool, error) { return false, nil }

// measureBound measures calls with tokens that are bound to a key.
func measureBound(s *suite, out *section) {
	out.text(`Authorize with a token that is bound to a key (RFC 9449) and is seen again, and its proof, which is always new, beside the bare
ES256 check of that proof: SHA-256 and crypto/ecdsa. Used proofs are not recorded here.`)
	const origin, path = "https://api.example.com", "/reports"
	t := s.trusts["EdDSA"]
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	signer := must(dpop.NewSigner(key, ""))
	checker := must(dpop.NewChecker(dpop.Config{Window: 5 * time.Minute, Replay: forgetful{}}))
	cfg := t.config(fewTokens)
	cfg.DPoP = checker
	v := must(verifier.New(cfg))
	defer v.Close()
	must(0, v.Ready(context.Background()))
	token := t.token(m2mtest.TokenSpec{Scopes: []string{scope}, Claims: map[string]any{
		"cnf": map[string]any{"jkt": signer.Key().Thumbprint()},
	}})
	proof := must(signer.Key().Proof(dpop.Request{Method: http.MethodGet, URL: must(url.Parse(origin + path)), Token: token}))
	authorize := func() func() {
		request := verifier.Request{
			Authorization: []string{"DPoP " + strings.Clone(token)}, DPoP: []string{strings.Clone(proof)},
			Method: http.MethodGet, Origin: origin, Path: path,
		}
		need := scopes.All(scope)
		return func() { must(v.Authorize(context.Background(), request, need)) }
	}
	authorize()() // remembers the token
	all := s.plan.measure(
		probe{"bare", 1, func() func() { return bareCheck(&key.PublicKey, proof) }},
		probe{"bound", 1, authorize},
	)
	times := all[1].over(all[0])
	out.table([]string{"", "ns", "× bare", "allocs"},
		[]string{"the ES256 check of the proof", nanos(all[0].time()), "", allocations(all[0].allocations())},
		[]string{"Authorize, token seen again", nanos(all[1].time()), ratio(times), allocations(all[1].allocations())})
	s.aim(times <= 1.10, "a bound call, token seen again", "≤ 1.10 × the ES256 check of its proof", precise(times)+" ×",
		nanos(all[1].added(all[0]))+" ns more: the proof is parsed, and its claims are compared.")

	used := s.pick(30_000, 300)
	bytes := usedProofBytes(used)
	out.text("The memory of a Checker takes %s bytes for each of %s used proofs, of one client.", nanos(bytes), count(used))
	s.aim(bytes <= 200 || s.quick, "memory of used proofs", "≤ 200 bytes an entry", nanos(bytes)+" bytes", "a map doubles its tables.")
}

// usedProofBytes returns the memory of a Checker for each of n used proofs.
func usedProofBytes(n int) float64 {
	signer := must(dpop.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), "")) // fast
	checker := must(dpop.NewChecker(dpop.Config{}))
	const origin, path, token = "https://api.example.com", "/reports", "token"
	use := func() {
		proof := must(signer.Key().Proof(dpop.Request{Method: http.MethodGet, URL: must(url.Parse(origin + path)), Token: token}))
		must(0, checker.Check(context.Background(), dpop.Call{
			Proofs: []string{proof}, Method: http.MethodGet, Origin: origin, Path: path, Token: token,
			Thumbprint: signer.Key().Thumbprint(), Issuer: issuer, Client: clientID,
		}))
	}
	use() // the key is remembered as well
	before := heap()
	share(n, func(int) { use() })
	bytes := (heap() - before) / float64(n)
	runtime.KeepAlive(checker)
	return bytes
}

// bareCheck returns the check of a proof's signature alone.
func bareCheck(key *ecdsa.PublicKey, proof string) func() {
	dot := strings.LastIndexByte(proof, '.')
	input := []byte(proof[:dot])
	signature := must(base64.RawURLEncoding.DecodeString(proof[dot+1:]))
	r, sig := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return func() {
		digest := sha256.Sum256(input)
		if !ecdsa.Verify(key, digest[:], r, sig) {
			panic("the proof is not signed by its key")
		}
	}
}
