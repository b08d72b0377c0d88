package dpop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
	"github.com/m2mauth/m2mauth/internal/prooftest"
)

// TestCheck makes each claim and header of a proof wrong, one at a time (RFC 9449
// §4.3).
func TestCheck(t *testing.T) {
	p, other := prooftest.New(t), prooftest.New(t)
	private := p.JWK()
	private["d"] = encode(make([]byte, 32))
	long := strings.Repeat("x", 257)
	for _, tt := range []struct {
		name           string
		header, claims fields // what differs from a good proof
		want           error
	}{
		{name: "good"},
		{name: "typ in capitals", header: fields{"typ": "DPoP+JWT"}},
		{name: "typ as a media type", header: fields{"typ": "application/dpop+jwt"}},
		{name: "with a kid", header: fields{"kid": "k"}},
		{name: "with a nonce that nobody asked for", claims: fields{"nonce": "n"}},
		{name: "iat with a fraction", claims: fields{"iat": float64(now.Unix()) + 0.5}},
		{name: "iat 60 s ago", claims: fields{"iat": now.Unix() - 60}},
		{name: "iat 60 s ahead", claims: fields{"iat": now.Unix() + 60}},
		{name: "exp in force", claims: fields{"exp": now.Unix() + 1}},

		{"typ missing", fields{"typ": nil}, nil, dpop.ErrMalformed},
		{"typ JWT", fields{"typ": "JWT"}, nil, dpop.ErrMalformed},
		{"typ of an access token", fields{"typ": "at+jwt"}, nil, dpop.ErrMalformed},
		{"alg none", fields{"alg": "none"}, nil, dpop.ErrMalformed},
		{"alg missing", fields{"alg": nil}, nil, dpop.ErrMalformed},
		{"alg HS256", fields{"alg": "HS256"}, nil, dpop.ErrMalformed},
		{"alg of another key type", fields{"alg": "RS256"}, nil, dpop.ErrMalformed},
		{"alg of another curve", fields{"alg": "ES384"}, nil, dpop.ErrMalformed},
		{"crit", fields{"crit": []string{"x"}}, nil, dpop.ErrMalformed},
		{"jwk missing", fields{"jwk": nil}, nil, dpop.ErrMalformed},
		{"jwk a string", fields{"jwk": "key"}, nil, dpop.ErrMalformed},
		{"jwk private", fields{"jwk": private}, nil, dpop.ErrMalformed},
		{"jwk symmetric", fields{"jwk": fields{"kty": "oct", "k": "AAAA"}}, nil, dpop.ErrMalformed},
		{"jwk for encryption", fields{"jwk": p.JWK().With(fields{"use": "enc"})}, nil, dpop.ErrMalformed},
		{"jwk off the curve", fields{"jwk": p.JWK().With(fields{"x": p.JWK()["y"]})}, nil, dpop.ErrMalformed},
		{"jwk of another key", fields{"jwk": other.JWK()}, nil, dpop.ErrMismatch},
		{"jku instead of jwk", fields{"jwk": nil, "jku": "https://evil.example.com/jwks"}, nil, dpop.ErrMalformed},

		{"jti missing", nil, fields{"jti": nil}, dpop.ErrMalformed},
		{"jti empty", nil, fields{"jti": ""}, dpop.ErrMalformed},
		{"jti a number", nil, fields{"jti": 1}, dpop.ErrMalformed},
		{"jti of 257 bytes", nil, fields{"jti": long}, dpop.ErrMalformed},
		{"htm missing", nil, fields{"htm": nil}, dpop.ErrMalformed},
		{"htm another", nil, fields{"htm": "POST"}, dpop.ErrMismatch},
		{"htm in lower case", nil, fields{"htm": "get"}, dpop.ErrMismatch},
		{"htu missing", nil, fields{"htu": nil}, dpop.ErrMalformed},
		{"htu an array", nil, fields{"htu": []string{origin + "/orders"}}, dpop.ErrMalformed},
		{"htu another path", nil, fields{"htu": origin + "/admin"}, dpop.ErrMismatch},
		{"iat missing", nil, fields{"iat": nil}, dpop.ErrMalformed},
		{"iat a string", nil, fields{"iat": "1700000000"}, dpop.ErrMalformed},
		{"iat negative", nil, fields{"iat": -1}, dpop.ErrMalformed},
		{"iat old", nil, fields{"iat": now.Unix() - 61}, dpop.ErrMismatch},
		{"iat future", nil, fields{"iat": now.Unix() + 61}, dpop.ErrMismatch},
		{"exp passed", nil, fields{"exp": now.Unix() - 61}, dpop.ErrMismatch},
		{"exp a string", nil, fields{"exp": "tomorrow"}, dpop.ErrMalformed},
		{"nbf to come", nil, fields{"nbf": now.Unix() + 61}, dpop.ErrMismatch},
		{"ath missing", nil, fields{"ath": nil}, dpop.ErrMalformed},
		{"ath of another token", nil, fields{"ath": encode(make([]byte, 32))}, dpop.ErrMismatch},
		{"ath padded", nil, fields{"ath": claims()["ath"].(string) + "="}, dpop.ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proof := p.Sign(t, p.Header().With(tt.header), claims().With(tt.claims))
			err := newChecker(t, dpop.Config{}).Check(t.Context(), callOf(p, proof))
			if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
				t.Errorf("Check(%s) = %v, want %v", tt.name, err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), proof[:20]) || len(err.Error()) > 200) {
				t.Errorf("Check(%s) = %q, which quotes the proof", tt.name, err)
			}
		})
	}
}

// TestCheckValues checks the DPoP header itself, and everything that another key
// can't sign.
func TestCheckValues(t *testing.T) {
	p, thief := prooftest.New(t), prooftest.New(t)
	good := p.Sign(t, p.Header(), claims())
	header, rest, _ := strings.Cut(good, ".")
	stolen := thief.Sign(t, p.Header(), claims()) // names p's key, signed by another
	more := callOf(p, good)
	more.Thumbprint += "!"
	c := newChecker(t, dpop.Config{})
	for _, tt := range []struct {
		name string
		call dpop.Call
		want error
	}{
		{"none", callOf(p), dpop.ErrMissing},
		{"two", callOf(p, good, good), dpop.ErrMalformed},
		{"empty", callOf(p, ""), dpop.ErrMalformed},
		{"not a JWS", callOf(p, "proof"), dpop.ErrMalformed},
		{"with a comma", callOf(p, good+","+good), dpop.ErrMalformed},
		{"with a space", callOf(p, " "+good), dpop.ErrMalformed},
		{"without a signature", callOf(p, strings.TrimRight(good, rest[strings.IndexByte(rest, '.'):])+"."), dpop.ErrMalformed},
		{"header alone", callOf(p, header), dpop.ErrMalformed},
		{"too long", callOf(p, good+strings.Repeat("A", 4096)), dpop.ErrMalformed},
		{"a million dots", callOf(p, strings.Repeat(".", 1<<20)), dpop.ErrMalformed},
		{"signed by another key", callOf(p, stolen), dpop.ErrMalformed},
		{"another client's key", callOf(p, thief.Sign(t, thief.Header(), claims())), dpop.ErrMismatch},
		{"no thumbprint", dpop.Call{Proofs: []string{good}, Method: "GET", Origin: origin, Path: "/orders", Token: token, Now: now}, dpop.ErrMismatch},
		{"a thumbprint with a character too many", more, dpop.ErrMismatch},
	} {
		if err := c.Check(t.Context(), tt.call); !errors.Is(err, tt.want) {
			t.Errorf("Check(%s) = %v, want %v", tt.name, err, tt.want)
		}
	}
	// None of them has used up the good one.
	if err := c.Check(t.Context(), callOf(p, good)); err != nil {
		t.Errorf("Check(good) = %v, want nil", err)
	}
	// With the header known, its signature counts as much as before.
	if err := c.Check(t.Context(), callOf(p, stolen)); !errors.Is(err, dpop.ErrMalformed) {
		t.Errorf("Check(signed by another key) = %v, want %v", err, dpop.ErrMalformed)
	}
}

func TestCheckTarget(t *testing.T) {
	p := prooftest.New(t)
	for _, tt := range []struct {
		name, htu, origin, path string
		same                    bool
	}{
		{"equal", "https://a.example/x", "https://a.example", "/x", true},
		{"scheme and host in capitals", "HTTPS://A.Example/x", "https://a.example", "/x", true},
		{"default port", "https://a.example:443/x", "https://a.example", "/x", true},
		{"default port in the origin", "https://a.example/x", "https://a.example:443", "/x", true},
		{"default port of http", "http://localhost:80/x", "http://localhost", "/x", true},
		{"an empty port", "https://a.example:/x", "https://a.example", "/x", true},
		{"query and fragment ignored", "https://a.example/x?a=/y#/z", "https://a.example", "/x", true},
		{"fragment ignored", "https://a.example/x#y", "https://a.example", "/x", true},
		{"fragment with a question mark", "https://a.example/x#y?z", "https://a.example", "/x", true},
		{"no path", "https://a.example", "https://a.example", "/", true},
		{"every letter of a host", "https://ABCXYZ.example/x", "https://abcxyz.example", "/x", true},
		{"an escaped unreserved character", "https://a.example/%7Eu/%61", "https://a.example", "/~u/a", true},
		{"the same in the request", "https://a.example/~u", "https://a.example", "/%7eu", true},
		{"escapes in lower case", "https://a.example/a%2fb", "https://a.example", "/a%2Fb", true},
		{"the prefix of a proxy", "https://a.example/api/x", "https://a.example/api", "/x", true},
		{"IPv6", "https://[::1]:443/x", "https://[::1]", "/x", true},

		{"another scheme", "http://a.example/x", "https://a.example", "/x", false},
		{"another host", "https://b.example/x", "https://a.example", "/x", false},
		{"a longer host", "https://a.example.evil/x", "https://a.example", "/x", false},
		{"another port", "https://a.example:8443/x", "https://a.example", "/x", false},
		{"the port of http", "https://a.example:80/x", "https://a.example", "/x", false},
		{"the host with a dot", "https://a.example./x", "https://a.example", "/x", false},
		{"user info", "https://u@a.example/x", "https://a.example", "/x", false},
		{"user info that looks like the host", "https://a.example@b.example/x", "https://a.example", "/x", false},
		{"without the prefix of a proxy", "https://a.example/x", "https://a.example/api", "/x", false},
		{"the path in capitals", "https://a.example/X", "https://a.example", "/x", false},
		{"a slash at the end", "https://a.example/x/", "https://a.example", "/x", false},
		{"two slashes", "https://a.example//x", "https://a.example", "/x", false},
		{"a dot segment", "https://a.example/./x", "https://a.example", "/x", false},
		{"a reserved escape decoded", "https://a.example/a/b", "https://a.example", "/a%2Fb", false},
		{"escaped twice", "https://a.example/%2561", "https://a.example", "/%61", false},
		{"a malformed escape", "https://a.example/%6", "https://a.example", "/%6", false},
		{"relative", "/x", "https://a.example", "/x", false},
		{"without a scheme", "//a.example/x", "https://a.example", "/x", false},
		{"a backslash", `https://a.example\x`, "https://a.example", "/x", false},
		{"not ASCII", "https://a.example/é", "https://a.example", "/é", false},
		{"no origin", "/x", "", "/x", false},
		{"an origin that is not of HTTP", "FTP://a.example/x", "ftp://a.example", "/x", false},
		{"an origin without a host", "HTTPS:///x", "https://", "/x", false},
		{"an origin with user info", "HTTPS://u@a.example/x", "https://u@a.example", "/x", false},
		{"a space in both", "https://a.example/a b", "https://a.example", "/a b", false},
		{"the port of another scheme twice", "https://a.example:443:443/x", "https://a.example", "/x", false},
		{"the path cut by a query in the request", "https://a.example/x", "https://a.example", "*", false},
		{"the host continued by the request", "https://a.example.evil/x", "https://a.example", ".evil/x", false},
		{"an empty path in the request", "https://a.example/", "https://a.example", "", false},
		{"a letter that folds to ASCII", "https://\u212a.example/x", "https://k.example", "/x", false},
	} {
		call := callOf(p, p.Sign(t, p.Header(), claims().With(fields{"htu": tt.htu})))
		call.Origin, call.Path = tt.origin, tt.path
		err := newChecker(t, dpop.Config{}).Check(t.Context(), call)
		if tt.same && err != nil || !tt.same && !errors.Is(err, dpop.ErrMismatch) {
			t.Errorf("Check(htu %s, %s) = %v, want a match: %v", tt.htu, tt.name, err, tt.same)
		}
	}
}

// TestRFC9449 verifies the proof of RFC 9449 §7.1.
func TestRFC9449(t *testing.T) {
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik" +
		"VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQ" +
		"SIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z" +
		"WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E" +
		"OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	err := newChecker(t, dpop.Config{}).Check(t.Context(), dpop.Call{
		Proofs: []string{proof}, Method: "GET", Origin: "https://resource.example.org", Path: "/protectedresource",
		Token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", Thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
		Now: now.Add(-137737382e9), // the second of its iat
	})
	if err != nil {
		t.Errorf("Check(RFC 9449 §7.1) = %v, want nil", err)
	}
}
