package doortest

import "testing"

// advisories lists published mistakes of other projects since 2023, by kind, with
// the rows of the table that would find them here. Those about routes have tests
// in httpmw, httpmw/gorilla and grpcmw: TestMuxRefusesWhatServeMuxLetsThrough,
// TestRawHeaders and TestRawPaths.
//
//   - grpc-go CVE-2026-33186, a path without its leading slash: TestRawPaths.
//   - Spring Security CVE-2026-22753, CVE-2026-22754 and CVE-2024-38821, a rule
//     that reads another path than the router: all three.
//   - Envoy CVE-2023-27487, a header that replaces the path: TestRawHeaders.
//   - grpc-go GHSA-hrxh-6v49-42gf, a policy whose unknown parts allow every call:
//     grpcmw's TestNewRefuses.
var advisories = []struct {
	kind  string
	names []string // where one is known by a number
	rows  []string
}{
	{"the token says what its key is: a public key as an HMAC secret",
		[]string{"fast-jwt CVE-2023-48223", "fast-jwt CVE-2026-34950", "PyJWT CVE-2026-48526"},
		[]string{"header: HMAC with the public key, PEM", "header: HMAC with the public key, PEM after white space", "header: HMAC with the JWK", "header: alg HS256, the key's signature"}},
	{"no key, or an empty one, is an HMAC secret like any other",
		[]string{"fast-jwt CVE-2026-44351"},
		[]string{"header: HMAC with nothing", "header: alg none, no signature", "header: kid empty"}},
	{"the token chooses the secret by a header or claim that nobody has checked",
		[]string{"node-jws CVE-2025-65945"},
		[]string{"header: HMAC with the key's ID", "header: kid a path", "header: kid SQL", "header: kid a template"}},
	{"the header's own key, or the address of one, is trusted or fetched",
		[]string{"PyJWT CVE-2026-48522"},
		[]string{"header: jwk of a forger's key, a published kid", "header: jwk of a forger's key, its own kid", "header: jku of a forger's key, no kid", "header: kid a URL"}},
	{"crit is not understood, and not refused",
		[]string{"PyJWT CVE-2026-32597", "fast-jwt CVE-2026-35042"},
		[]string{"header: crit", "header: crit of something unknown", "header: empty crit", "header: crit null", "header: crit of an unencoded payload"}},
	{"what is not yet verified is decoded without bounds",
		[]string{"PyJWT CVE-2026-48525"},
		[]string{"header: b64", "header: b64 false", "header: crit of an unencoded payload", "credential: a token of 80 KiB"}},
	{"memory by the number of dots",
		[]string{"golang-jwt CVE-2025-30204", "go-jose CVE-2025-27144"},
		[]string{"a million dots", "credential: a hundred thousand dots", "credential: as many dots as the default limit", "credential: dots around it"}},
	{"a small token that decompresses to a large one",
		[]string{"go-jose CVE-2024-28180", "jwx CVE-2024-28122"},
		[]string{"header: zip", "structure: a JWE, compressed"}},
	{"as many rounds of key derivation as the token asks for",
		[]string{"jwx CVE-2023-49290"},
		[]string{"structure: a JWE with two thousand million rounds", "header: alg PBES2-HS256+A128KW, the key's signature"}},
	{"a crash in decryption that nobody had asked for",
		[]string{"go-jose CVE-2026-34986"},
		[]string{"structure: a JWE", "structure: a JWE with an empty key", "header: alg A128KW, the key's signature", "structure: five segments, as in JWE"}},
	{"a crash by another serialization",
		[]string{"jwx CVE-2024-21664"},
		[]string{"structure: JSON serialization", "credential: JSON serialization, without a protected header", "credential: JSON serialization, general"}},
	{"of two errors one hides the other",
		[]string{"golang-jwt CVE-2024-51744"},
		[]string{"claims: expired, of a forger's key", "claims: expired, of a key that nobody publishes", "claims: nbf in ten minutes, of a forger's key"}},
	{"a part of the issuer's name is its name",
		[]string{"PyJWT CVE-2024-53861"},
		[]string{"claims: iss a part of it", "claims: iss the end of it", "claims: iss more than it", "claims: aud a beginning of it", "claims: aud the end of it", "scopes: with a letter less"}},
	{"a list with the issuer's name in it is its name",
		[]string{"fast-jwt CVE-2025-30144"},
		[]string{"claims: iss a list", "claims: iss a list with a stranger's", "claims: iss an object"}},
	{"the issuer is not checked at all",
		[]string{"Spring Security CVE-2026-22748"},
		[]string{"claims: iss a stranger's", "claims: iss missing", "claims: iss null", "claims: iss empty"}},
	{"the audience is a pattern, whose cost the token decides",
		[]string{"fast-jwt CVE-2026-35041"},
		[]string{"claims: aud a wildcard", "claims: aud 257 of them", "claims: aud several in one string"}},
	{"a cache returns the claims of another token",
		[]string{"fast-jwt GHSA-rp9m-7r4c-75qg"},
		[]string{"signature: of another payload", "signature: one bit changed", "its key is removed", "another key takes its key's ID", "it expires", "the client is revoked"}},
	{"no authentication at all is taken for one",
		[]string{"Spring Security CVE-2024-22257"},
		[]string{"credential: none", "credential: empty", "no requirement"}},
	{"several tokens in one request, or several values of one header",
		[]string{"Envoy CVE-2025-64527", "Envoy CVE-2026-26308"},
		[]string{"credential: a good one before a forged one", "credential: the same twice", "credential: an empty value after it", "credential: two in one value", "elsewhere: in the query", "elsewhere: in x-authorization"}},
	{"keys that can't be had, or do not fit, crash the verifier or let the token in",
		[]string{"Envoy CVE-2024-45809"},
		[]string{"signature: of a key that may be newer than the known ones", "signature: of a key that nobody publishes", "the verifier is closed"}},
	{"a certificate whose name is misread is somebody else's",
		[]string{"Spring Security CVE-2026-22747", "Envoy CVE-2025-66220"},
		[]string{"bound, another certificate", "bound, no certificate"}},
	{"only a beginning of a secret or a digest is compared",
		[]string{"Spring Security CVE-2025-22228"},
		[]string{"signature: cut", "signature: ECDSA cut", "signature: longer"}},
	{"letters are folded where names are compared",
		[]string{"Spring Security CVE-2024-38827"},
		[]string{"claims: iss in upper case", "scopes: in upper case", "a scope in another alphabet's case", "credential: Kelvin sign", "structure: EXP for exp"}},
	{"keys that are too weak are used",
		[]string{"PyJWT CVE-2025-45768"},
		[]string{"a key of 1,024 bits", "a key with the exponent 1", "a key with the exponent 3"}},
}

func TestAdvisories(t *testing.T) {
	f := newFixture(t)
	f.Trap = "http://127.0.0.1/"
	rows := map[string]Case{}
	for _, c := range cases(t, f) {
		if _, twice := rows[c.Name]; twice {
			t.Errorf("two rows are named %q", c.Name)
		}
		rows[c.Name] = c
	}
	for _, a := range advisories {
		for _, name := range a.rows {
			c, ok := rows[name]
			if !ok {
				t.Errorf("%s: there is no row %q", a.kind, name)
			} else if c.Reason == "" && c.LaterReason == "" {
				t.Errorf("%s: the row %q is allowed", a.kind, name)
			}
		}
	}
}
