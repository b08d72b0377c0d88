package doortest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/verifier"
)

// spiffe returns rows about JWT-SVIDs. The fixture's issuer is the trust domain
// example.org, and a second issuer has keys of its own.
func spiffe(f *Fixture) []Case {
	const id = "spiffe://example.org/ns/prod/sa/api"
	bundleKey := func(use any) map[string]any {
		jwk := f.Foreign.JWK()
		if jwk["use"] = use; use == nil {
			delete(jwk, "use")
		}
		return jwk
	}
	other := m2mtest.NewKey("ES256")
	// row returns a row with a token of key, in a bundle with one key of that use and
	// a key that is not for tokens.
	row := func(name string, key *m2mtest.Key, use any, claims map[string]any) Case {
		svid := map[string]any{"iss": m2mtest.Absent, "sub": id, "scope": m2mtest.Absent}
		maps.Copy(svid, claims)
		x509 := rsaKeys()[2].JWK()
		x509["use"], x509["x5c"] = "x509-svid", []string{"AA=="}
		return Case{
			Name: "a JWT-SVID " + name,
			Spec: spec{Key: key, Claims: svid},
			Issuer: func(i *verifier.Issuer) {
				i.Name, i.TrustDomain, i.ClientIDClaims, i.Accept = "spiffe://example.org", "example.org", nil, nil
				i.Aliases = []string{"https://spire.example.org"}
				i.FetchJWKS = keySet(bundleKey(use), x509)
				if use == "x509-svid" { // Ready needs a key
					i.FetchJWKS = keySet(bundleKey(use), m2mtestKey("jwt-svid"))
				}
			},
			Config: func(c *verifier.Config) {
				second := f.Base()
				second.Name = "https://other.example.com"
				second.FetchJWKS = keySet(other.JWK())
				third := c.Issuers[0]
				third.Name, third.Aliases, third.TrustDomain = "spiffe://federated.example", nil, "federated.example"
				svid := other.JWK()
				svid["use"] = "jwt-svid"
				third.FetchJWKS = keySet(svid)
				c.Issuers = append(c.Issuers, second, third)
			},
		}
	}
	svid := func(name string, claims map[string]any) Case { return row(name, f.Foreign, "jwt-svid", claims) }
	header := func(name string, member string, value any) Case {
		c := svid(name, nil)
		c.Spec.Header = map[string]any{member: value}
		return c
	}
	sub := func(name string, value any) Case { return svid("with "+name, map[string]any{"sub": value}) }
	ours, theirs := map[string]any{"iss": "spiffe://example.org"}, map[string]any{"iss": "https://other.example.com"}
	rows := []Case{
		svid("without iss", nil),
		svid("with the issuer's name", ours),
		svid("with an alias in iss", map[string]any{"iss": "https://spire.example.org"}),
		header("without typ", "typ", m2mtest.Absent),
		header("of the type JOSE", "typ", "JOSE"),
		row("of a key without a use, from a function", f.Foreign, nil, nil),
		row("of a federated trust domain", other, "jwt-svid", map[string]any{"sub": "spiffe://federated.example/x"}),
		svid("with marks of a person", map[string]any{"email": "ada@example.com"}),
		svid("for several services", map[string]any{"aud": []string{"spiffe://example.org/other", f.ProjectID(), "x"}}),
		row("of a federated trust domain, with its iss", other, "jwt-svid",
			map[string]any{"iss": "spiffe://federated.example", "sub": "spiffe://federated.example/x"}),
		sub("a path of dots that is no dot segment", "spiffe://example.org/.../..a"),
		sub("a path of 2048 bytes in all", "spiffe://example.org/"+strings.Repeat("a", 2048-len("spiffe://example.org/"))),
	}
	people := row("of another issuer that has a SPIFFE ID as its subject", other, "jwt-svid",
		map[string]any{"iss": "https://other.example.com"})
	forged := row("of a trust domain, with the key of another under its ID", rsaKeys()[0], "jwt-svid", nil)
	forged.Spec.Header = map[string]any{"kid": f.Foreign.ID}
	var malformed, strangers []Case
	for i, path := range []string{"", "/", "//", "/a/", "//a", "/a//b", "/.", "/..", "/a/.", "/a/..", "/a/./b", "/a/../b", "/%2e%2e/b", "/a%2Fb", "/a%00", "/a?b", "/a#b",
		"/a\\b", "/a;b", "/a:b", "/a@b", "/a+b", "/a~b", "/*", "/a/*", "/a b", "/a\n", "/a\x00", "/é", "/a\u2215b", "/\u202ea", "/" + strings.Repeat("a", 2048)} {
		name := fmt.Sprintf("a path that is none, %d", i)
		c := svid("with the name of the issuer and "+name, map[string]any{"iss": "spiffe://example.org", "sub": "spiffe://example.org" + path})
		malformed, strangers = append(malformed, c), append(strangers, sub(name, "spiffe://example.org"+path))
	}
	return slices.Concat(rows,
		// With an iss, sub selects nothing.
		invalid(verifier.NotMachine, people),
		invalid(verifier.BadSignature, forged),
		refused(verifier.Unavailable, verifier.KeysUnavailable, // the token may be of a newer key
			svid("with the iss of another issuer", theirs),
			row("of a trust domain, with the key of another issuer", other, "jwt-svid", nil),
			svid("of a federated trust domain, with the key of this one", map[string]any{"sub": "spiffe://federated.example/x"}),
			svid("with the iss of a federated trust domain, and a sub of it", map[string]any{"iss": "spiffe://federated.example", "sub": "spiffe://federated.example/x"}),
			row("of an X.509 key", f.Foreign, "x509-svid", nil),
		),
		invalid(verifier.ClaimMalformed, malformed...),
		invalid(verifier.ClaimMalformed,
			svid("with the issuer's name and another trust domain", map[string]any{"iss": "spiffe://example.org", "sub": "spiffe://federated.example/x"}),
			svid("with the iss of a federated trust domain, and a sub of this one", map[string]any{"iss": "spiffe://federated.example"}),
			row("of a federated trust domain, with its iss and a sub of this one", other, "jwt-svid", map[string]any{"iss": "spiffe://federated.example"}),
			row("of a federated trust domain, with a sub that begins with its name", other, "jwt-svid",
				map[string]any{"iss": "spiffe://federated.example", "sub": "spiffe://federated.example.evil/x"}),
			svid("with the issuer's name and no sub", map[string]any{"iss": "spiffe://example.org", "sub": m2mtest.Absent}),
			svid("with the issuer's name and a client ID", map[string]any{"iss": "spiffe://example.org", "sub": "m2m-client-a"}),
			svid("without exp", map[string]any{"exp": m2mtest.Absent}),
		),
		invalid(verifier.Audience,
			svid("without aud", map[string]any{"aud": m2mtest.Absent}),
			svid("for several other services", map[string]any{"aud": []string{f.ProjectID() + "/a", f.ProjectID()[1:], "spiffe://example.org"}}),
			svid("whose aud is its own sub", map[string]any{"aud": id})),
		invalid(verifier.TokenType, header("of the type at+jwt", "typ", "at+jwt")),
		invalid(verifier.UnknownIssuer, strangers...),
		invalid(verifier.UnknownIssuer,
			svid("with an unknown iss", map[string]any{"iss": "https://stranger.example"}),
			svid("with an iss that is null", map[string]any{"iss": nil}),
			svid("with an empty iss", map[string]any{"iss": ""}),
			svid("with a list as iss", map[string]any{"iss": []string{"spiffe://example.org"}}),
			sub("no sub", m2mtest.Absent), sub("a sub that is null", nil), sub("a list as sub", []string{id}),
			sub("a client ID as sub", "m2m-client-a"), sub("an unknown trust domain", "spiffe://stranger.example/x"),
			sub("a trust domain below it", "spiffe://a.example.org/x"), sub("a longer trust domain", "spiffe://example.org.evil.example/x"),
			sub("a trust domain in upper case", "spiffe://EXAMPLE.org/x"), sub("a scheme in upper case", "SPIFFE://example.org/x"),
			sub("a port", "spiffe://example.org:443/x"), sub("user info", "spiffe://example.org@stranger.example/x"),
			sub("an escape in the trust domain", "spiffe://example%2Eorg/x"), sub("an empty port", "spiffe://example.org:/x"),
			sub("the trust domain as user info", "spiffe://example.org:x@stranger.example/x"), sub("no trust domain", "spiffe:///example.org/x"),
			sub("one slash", "spiffe:/example.org/x"), sub("three slashes", "spiffe:///x"), sub("no scheme", "//example.org/x"), sub("another scheme", "https://example.org/x"),
			sub("a query instead of a path", "spiffe://example.org?/x"), sub("a fragment instead of a path", "spiffe://example.org#/x"),
			sub("a backslash instead of a path", `spiffe://example.org\x`), sub("a trust domain that looks like it", "spiffe://ex\u0430mple.org/x"),
			sub("an IPv6 address", "spiffe://[::1]/x"), sub("a trust domain of 256 bytes", "spiffe://"+strings.Repeat("a", 256)+"/x"),
			sub("a list with an ID as sub", []string{id, id}), sub("an object as sub", map[string]any{"id": id}), sub("white space after", id+" "),
			sub("a dot at the end of the trust domain", "spiffe://example.org./x"), sub("white space", " "+id),
		),
	)
}

// m2mtestKey returns a JWK with another use than m2mtest gives it.
func m2mtestKey(use string) map[string]any {
	jwk := rsaKeys()[0].JWK()
	jwk["use"] = use
	return jwk
}
