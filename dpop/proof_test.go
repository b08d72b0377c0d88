package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// TestCheckAlgorithms checks that a good proof is refused if its algorithm is not in
// the list, a default one and ES512, which is in no default.
func TestCheckAlgorithms(t *testing.T) {
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signers := map[string]*dpop.Signer{}
	for algorithm, key := range map[string]*ecdsa.PrivateKey{"ES256": nil, "ES512": p521} {
		if key == nil {
			signers[algorithm], err = dpop.NewSigner(nil, "")
		} else {
			signers[algorithm], err = dpop.NewSigner(key, "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		algorithm string
		list      []string // of the Checker
		want      error
	}{
		{"ES256", nil, nil},
		{"ES256", []string{"RS256", "ES256"}, nil},
		{"ES256", []string{"RS256", "ES384"}, dpop.ErrMalformed},
		{"ES512", nil, dpop.ErrMalformed},
		{"ES512", []string{"ES512"}, nil},
	} {
		key := signers[tt.algorithm].Key()
		proof, err := key.Proof(dpop.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "api.example.com", Path: "/orders"}, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		err = newChecker(t, dpop.Config{Algorithms: tt.list}).Check(t.Context(), dpop.Call{
			Proofs: []string{proof}, Method: "GET", Origin: origin, Path: "/orders", Token: token, Thumbprint: key.Thumbprint(),
		})
		if !errors.Is(err, tt.want) || err != nil && (tt.want == nil || !strings.Contains(err.Error(), `"alg" is "`+tt.algorithm+`", want one of `)) {
			t.Errorf("Check(%s, Algorithms %q) = %v, want %v", tt.algorithm, tt.list, err, tt.want)
		}
	}
}

// TestCheckTokenRequest checks proofs that come with a request for a token: there is no
// token to name, and any key will do (RFC 9449 §5).
func TestCheckTokenRequest(t *testing.T) {
	p, other := prooftest.New(t), prooftest.New(t)
	for _, tt := range []struct {
		name   string
		by     prooftest.Prover
		header fields
		claims fields
		want   error
	}{
		{name: "good", by: p, claims: fields{"ath": nil}},
		{name: "of another key", by: other, claims: fields{"ath": nil}},
		{name: "with the hash of some token", by: p},
		{"signed by another key", other, fields{"jwk": p.JWK()}, fields{"ath": nil}, dpop.ErrMalformed},
		{"typ JWT", p, fields{"typ": "JWT"}, fields{"ath": nil}, dpop.ErrMalformed},
		{"htm of another method", p, nil, fields{"ath": nil, "htm": "POST"}, dpop.ErrMismatch},
		{"htu of another path", p, nil, fields{"ath": nil, "htu": origin + "/x"}, dpop.ErrMismatch},
		{"iat old", p, nil, fields{"ath": nil, "iat": now.Unix() - 61}, dpop.ErrMismatch},
	} {
		c := newChecker(t, dpop.Config{})
		call := callOf(p, tt.by.Sign(t, tt.by.Header().With(tt.header), claims().With(tt.claims)))
		call.Token, call.Thumbprint = "", ""
		thumbprint, err := c.CheckTokenRequest(t.Context(), call)
		want := tt.by.Thumbprint()
		if tt.want != nil {
			want = ""
		}
		if !errors.Is(err, tt.want) || err != nil && tt.want == nil || thumbprint != want {
			t.Errorf("CheckTokenRequest(%s) = %q, %v, want %q, %v", tt.name, thumbprint, err, want, tt.want)
		}
		if tt.want != nil {
			continue
		}
		if n := c.KnownHeaders(); n != 0 {
			t.Errorf("CheckTokenRequest(%s) keeps %d headers, want 0: anybody can send one", tt.name, n)
		}
		if thumbprint, err := c.CheckTokenRequest(t.Context(), call); !errors.Is(err, dpop.ErrReplayed) || thumbprint != "" {
			t.Errorf("CheckTokenRequest(%s, again) = %q, %v, want %v", tt.name, thumbprint, err, dpop.ErrReplayed)
		}
	}
}

// TestCheckTokenRequests: each request of a client has a proof of its own.
func TestCheckTokenRequests(t *testing.T) {
	p := prooftest.New(t)
	c := newChecker(t, dpop.Config{})
	for _, tt := range []struct {
		jti  string
		want error
	}{{"first", nil}, {"second", nil}, {"second", dpop.ErrReplayed}, {"first", dpop.ErrReplayed}} {
		call := callOf(p, p.Sign(t, p.Header(), claims().With(fields{"ath": nil, "jti": tt.jti})))
		if _, err := c.CheckTokenRequest(t.Context(), call); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
			t.Errorf("CheckTokenRequest(jti %s) = %v, want %v", tt.jti, err, tt.want)
		}
	}
}

// TestCheckBoundaries checks limits at the last value that is accepted and the first
// that is not.
func TestCheckBoundaries(t *testing.T) {
	p := prooftest.New(t)
	at := func(claim string, offset float64) fields { return fields{claim: float64(now.Unix()) + offset} }
	for _, tt := range []struct {
		name   string
		cfg    dpop.Config
		claims fields
		want   error
	}{
		{"jti of 256 bytes", dpop.Config{}, fields{"jti": strings.Repeat("j", 256)}, nil},
		{"iat at the end of the window", dpop.Config{Window: 2 * time.Second}, at("iat", -2), nil},
		{"iat after the window", dpop.Config{Window: 2 * time.Second}, at("iat", -2.25), dpop.ErrMismatch},
		{"iat at the beginning of the window", dpop.Config{Window: 2 * time.Second}, at("iat", 2), nil},
		{"iat before the window", dpop.Config{Window: 2 * time.Second}, at("iat", 2.25), dpop.ErrMismatch},
		{"exp at the end of the window", dpop.Config{}, at("exp", -60), nil},
		{"exp after the window", dpop.Config{}, at("exp", -60.25), dpop.ErrMismatch},
		{"exp in a year", dpop.Config{}, at("exp", 365*86400), nil},
		{"nbf at the end of the window", dpop.Config{}, at("nbf", 60), nil},
		{"nbf after the window", dpop.Config{}, at("nbf", 60.25), dpop.ErrMismatch},
		{"nbf a year ago", dpop.Config{}, at("nbf", -365*86400), nil},
		{"exp and nbf null", dpop.Config{}, fields{"exp": jsonNull, "nbf": jsonNull}, nil},
		{"nbf a string", dpop.Config{}, fields{"nbf": "x"}, dpop.ErrMalformed},
		{"exp in the last second of the year 9999", dpop.Config{}, fields{"exp": 253402300799}, nil},
		{"exp after the year 9999", dpop.Config{}, fields{"exp": 253402300800}, dpop.ErrMalformed},
		{"exp negative", dpop.Config{}, fields{"exp": -1}, dpop.ErrMalformed},
		{"nbf zero", dpop.Config{}, fields{"nbf": 0}, nil},
		{"exp of 32 digits", dpop.Config{}, fields{"exp": jsonNumber("1800000000." + strings.Repeat("0", 21))}, nil},
		{"exp of 33 digits", dpop.Config{}, fields{"exp": jsonNumber("1800000000." + strings.Repeat("0", 22))}, dpop.ErrMalformed},
	} {
		proof := p.Sign(t, p.Header(), claims().With(tt.claims))
		if err := newChecker(t, tt.cfg).Check(t.Context(), callOf(p, proof)); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
			t.Errorf("Check(%s) = %v, want %v", tt.name, err, tt.want)
		}
	}
	proof := p.Sign(t, p.Header(), claims().With(fields{"x": strings.Repeat("x", 600)}))
	for length, want := range map[int]error{len(proof): nil, len(proof) - 1: dpop.ErrMalformed} {
		err := newChecker(t, dpop.Config{MaxProofBytes: length}).Check(t.Context(), callOf(p, proof))
		if !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("Check(%d bytes, MaxProofBytes %d) = %v, want %v", len(proof), length, err, want)
		}
	}
}

// TestCheckNow: without Call.Now, the time is now.
func TestCheckNow(t *testing.T) {
	p := prooftest.New(t)
	for age, want := range map[time.Duration]error{0: nil, 2 * time.Minute: dpop.ErrMismatch, -2 * time.Minute: dpop.ErrMismatch} {
		call := callOf(p, p.Sign(t, p.Header(), prooftest.Claims("GET", origin+"/orders", token, time.Now().Add(-age))))
		call.Now = time.Time{}
		if err := newChecker(t, dpop.Config{}).Check(t.Context(), call); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("Check(%v old) = %v, want %v", age, err, want)
		}
	}
}

// TestCheckTexts checks that a refusal says what is wrong, and by how much.
func TestCheckTexts(t *testing.T) {
	p := prooftest.New(t)
	signed := func(header, claimsEdit fields) string {
		return p.Sign(t, p.Header().With(header), claims().With(claimsEdit))
	}
	good := signed(nil, nil)
	stranger := prooftest.New(t)
	const secret = "correcthorsebatterystaple"
	for _, tt := range []struct {
		name   string
		proofs []string
		want   string // at the end of the text
	}{
		{"none", nil, "want one DPoP header"},
		{"three", []string{good, good, good}, "found 3 DPoP headers, want one"},
		{"long", []string{strings.Repeat("A", 5000)}, "it has 5000 bytes, want at most 4096"},
		{"not a JWS", []string{"x"}, "malformed token: not three segments"},
		{"typ", []string{signed(fields{"typ": "JWT"}, nil)}, `"typ" is "JWT", want "dpop+jwt"`},
		{"typ missing", []string{signed(fields{"typ": nil}, nil)}, `"typ" is missing, want "dpop+jwt"`},
		{"jwk", []string{signed(fields{"jwk": nil}, nil)}, `"jwk" is missing`},
		{"jwk a string", []string{signed(fields{"jwk": "key"}, nil)}, `"jwk" is not an object`},
		{"jwk of a symmetric key, empty", []string{signed(fields{"jwk": fields{"kty": "oct", "k": ""}}, nil)}, `"jwk" holds a secret, so it is compromised`},
		{"alg", []string{signed(fields{"alg": "RS256"}, nil)}, `"alg" is "RS256", want one of ES256, EdDSA, PS256, RS256, ES384 that is for "jwk"`},
		{"jti", []string{signed(nil, fields{"jti": ""})}, `"jti" is not a string of 1 to 256 bytes`},
		{"htm missing", []string{signed(nil, fields{"htm": nil})}, `"htm" or "htu" is missing or not a string`},
		{"htm", []string{signed(nil, fields{"htm": "PUT"})}, `"htm" is "PUT", want "GET"`},
		{"htu", []string{signed(nil, fields{"htu": "http://api.example.com/orders?token=" + secret})}, `"htu" is "http://api.example.com/orders", want "https://api.example.com/orders"`},
		{"htu of a stranger", []string{signed(nil, fields{"htu": "https://me:" + secret + "@api.example.com/a"})}, `"htu" is "https://api.example.com/a", want "https://api.example.com/orders"`},
		{"htu no URL", []string{signed(nil, fields{"htu": strings.Repeat("a b\n", 50)})}, `"htu" is "` + strings.Repeat(`a b\n`, 32) + `"…, want "https://api.example.com/orders"`},
		{"iat missing", []string{signed(nil, fields{"iat": nil})}, `"iat" is not a number of seconds since 1970`},
		{"iat old", []string{signed(nil, fields{"iat": now.Unix() - 90})}, `"iat" is 1m30s ago, want at most 1m0s: it is an old proof, or a clock is wrong`},
		{"iat 54 years ago", []string{signed(nil, fields{"iat": 0})}, `"iat" is 277777h46m40s ago, want at most 1m0s: it is an old proof, or a clock is wrong`},
		{"iat future", []string{signed(nil, fields{"iat": now.Unix() + 90})}, `"iat" is 1m30s ahead, want at most 1m0s: a clock is wrong`},
		{"exp", []string{signed(nil, fields{"exp": now.Unix() - 90})}, `"exp" is 1m30s ago`},
		{"nbf future", []string{signed(nil, fields{"nbf": now.Unix() + 90})}, `"nbf" is 1m30s ahead`},
		{"nbf", []string{signed(nil, fields{"nbf": "x"})}, `"nbf" is not a number of seconds since 1970`},
		{"ath missing", []string{signed(nil, fields{"ath": nil})}, `"ath" is missing or not a string`},
		{"ath", []string{signed(nil, fields{"ath": "x"})}, `"ath" is not the hash of the token`},
		{"jkt", []string{stranger.Sign(t, stranger.Header(), claims())}, `"jwk" has the thumbprint ` + stranger.Thumbprint() + `, and the token is bound to "` + p.Thumbprint() + `"`},
		{"signature", []string{good[:len(good)-86] + strings.Repeat("A", 86)}, "signature does not match"},
	} {
		err := newChecker(t, dpop.Config{}).Check(t.Context(), callOf(p, tt.proofs...))
		if err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) {
			t.Errorf("Check(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestCheckRemembersHeaders: the second proof of a client costs less, because its key is
// known by the text of its header.
func TestCheckRemembersHeaders(t *testing.T) {
	p := prooftest.New(t)
	call := callOf(p, p.Sign(t, p.Header(), claims()))
	inspect := func(c *dpop.Checker) {
		if err := c.Inspect(call); err != nil {
			t.Fatal(err)
		}
	}
	known := newChecker(t, dpop.Config{})
	inspect(known)
	if n := known.KnownHeaders(); n != 1 {
		t.Errorf("Inspect(good) keeps %d headers, want 1", n)
	}
	again := testing.AllocsPerRun(100, func() { inspect(known) })
	fresh := newChecker(t, dpop.Config{})
	made := testing.AllocsPerRun(100, func() { _ = newChecker(t, dpop.Config{}) })
	first := testing.AllocsPerRun(100, func() {
		fresh = newChecker(t, dpop.Config{})
		inspect(fresh)
	}) - made
	if again >= first/2 {
		t.Errorf("allocations of a known header = %v, of a new one %v, want less than half", again, first)
	}
}
