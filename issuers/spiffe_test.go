package issuers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

func noBundle(context.Context) ([]byte, error) { return nil, context.Canceled }

// spiffe has the form of SPIRE's tokens: no iss unless jwt_issuer is set, a list as
// aud, and a bundle with the keys of X.509-SVIDs.
func spiffe() fixture {
	const domain = "spiffe://example.org"
	claims := func(id string) object { return object{"sub": domain + id, "aud": []string{api}} }
	key := testKeys().sign
	f := fixture{
		name:   "SPIFFE",
		header: object{"typ": "JWT"},
		key:    key,
		keys: []object{
			jwk(key, nil, object{"kid": key.ID, "use": "jwt-svid"}),
			jwk(testKeys().enc, nil, object{"kid": "x", "use": "x509-svid", "x5c": []string{"AA=="}}),
		},
		tokens: []token{
			{name: "an exact ID", claims: claims("/ns/prod/sa/api"), id: domain + "/ns/prod/sa/api", scopes: "write"},
			{name: "below a prefix", claims: claims("/ns/prod/sa/web"), id: domain + "/ns/prod/sa/web", scopes: "read"},
			{name: "below a longer prefix", claims: claims("/ns/prod/batch/x"), id: domain + "/ns/prod/batch/x", scopes: "batch"},
			{name: "further below a prefix", claims: claims("/ns/prod/batch/x/y/z"), id: domain + "/ns/prod/batch/x/y/z", scopes: "batch"},
			{name: "below an exact ID", claims: claims("/ns/prod/sa/api/x"), id: domain + "/ns/prod/sa/api/x", scopes: "read"},
			{name: "jwt_issuer", claims: with(claims("/ns/prod/sa/api"), object{"iss": "https://spire.example.org"}), id: domain + "/ns/prod/sa/api", scopes: "write"},
			{name: "a claim scope", claims: with(claims("/ns/prod/sa/web"), object{"scope": "write"}), id: domain + "/ns/prod/sa/web", scopes: "read"},

			{name: "the ID that a prefix names", claims: claims("/ns/prod"), want: verifier.NotAccepted},
			{name: "a segment that begins like the prefix", claims: claims("/ns/production/x"), want: verifier.NotAccepted},
			{name: "the prefix as a later segment", claims: claims("/x/ns/prod/y"), want: verifier.NotAccepted},
			{name: "a longer path that begins like an exact ID", claims: claims("/ns/prod2/sa/api"), want: verifier.NotAccepted},
			{name: "a path that an exact ID ends with", claims: claims("/x/ns/prod/sa/api"), want: verifier.NotAccepted},
			{name: "a wildcard segment", claims: claims("/ns/*/sa/api"), want: verifier.UnknownIssuer},
			{name: "a slash at the end", claims: claims("/ns/prod/sa/api/"), want: verifier.UnknownIssuer},
			{name: "a longer trust domain", claims: object{"sub": "spiffe://example.org.evil/ns/prod/sa/api", "aud": api}, want: verifier.UnknownIssuer},
			{name: "one of several audiences", claims: with(claims("/ns/prod/sa/api"), object{"aud": []string{"other", api}}), id: domain + "/ns/prod/sa/api", scopes: "write"},
			{name: "another case", claims: claims("/ns/Prod/sa/api"), want: verifier.NotAccepted},
			{name: "above the prefix", claims: claims("/ns"), want: verifier.NotAccepted},
			{name: "the rule itself", claims: claims("/ns/prod/*"), want: verifier.UnknownIssuer},
			{name: "dot segments into the prefix", claims: claims("/ns/test/../prod/x"), want: verifier.UnknownIssuer},
			{name: "dot segments out of the prefix", claims: claims("/ns/prod/../test/x"), want: verifier.UnknownIssuer},
			{name: "an escaped slash", claims: claims("/ns%2Fprod/x"), want: verifier.UnknownIssuer},
			{name: "an empty segment", claims: claims("/ns//prod/x"), want: verifier.UnknownIssuer},
			{name: "another trust domain", claims: object{"sub": "spiffe://example.com/ns/prod/sa/api", "aud": api}, want: verifier.UnknownIssuer},
			{name: "the trust domain's name and another's subject", want: verifier.ClaimMalformed,
				claims: object{"iss": domain, "sub": "spiffe://example.com/ns/prod/sa/api", "aud": api}},
			{name: "another audience", claims: with(claims("/ns/prod/sa/api"), object{"aud": "other"}), want: verifier.Audience},
			{name: "no audience", claims: with(claims("/ns/prod/sa/api"), object{"aud": m2mtest.Absent}), want: verifier.Audience},
			{name: "the key of X.509-SVIDs", claims: claims("/ns/prod/sa/api"), key: testKeys().enc, header: object{"kid": key.ID}, want: verifier.BadSignature},
		},
	}
	return f.of(issuers.SPIFFE("example.org", api, &issuers.SPIFFEOptions{
		BundleURL: "https://spire.example.org:8443/",
		Issuers:   []string{"https://spire.example.org"},
		Callers: issuers.Callers{
			domain + "/ns/prod/sa/api":  scopes.Of("write"),
			domain + "/ns/prod/*":       scopes.Of("read"),
			domain + "/ns/prod/batch/*": scopes.Of("batch"),
		},
	}))
}

func TestSPIFFE(t *testing.T) {
	spiffe().run(t)

	whole := spiffe()
	whole.tokens = []token{{name: "the whole trust domain", claims: object{"sub": "spiffe://example.org/x", "aud": api}, id: "spiffe://example.org/x"}}
	whole.of(issuers.SPIFFE("example.org", api, &issuers.SPIFFEOptions{FetchBundle: noBundle, Callers: issuers.Callers{"spiffe://example.org/*": {}}})).run(t)
}

// TestSPIFFEMistakes: every mistake is reported.
func TestSPIFFEMistakes(t *testing.T) {
	callers := func(ids ...string) *issuers.SPIFFEOptions {
		opts := &issuers.SPIFFEOptions{FetchBundle: noBundle, Callers: issuers.Callers{}}
		for _, id := range ids {
			opts.Callers[id] = scopes.Set{}
		}
		return opts
	}
	good := callers("spiffe://example.org/a")
	both := callers("spiffe://example.org/a")
	both.BundleURL = "https://spire.example.org/"
	const notCaller = "is no SPIFFE ID of the trust domain"
	for _, tt := range []struct {
		name, domain, audience string
		opts                   *issuers.SPIFFEOptions
		want                   []string
	}{
		{"good", "example.org", api, good, nil},
		{"nothing", "", "", nil, []string{`"" is no trust domain`, "the audience", "exactly one of BundleURL and FetchBundle", "no callers"}},
		{"two bundles", "example.org", api, both, []string{"exactly one of BundleURL and FetchBundle"}},
		{"a trust domain in upper case", "Example.org", api, callers("spiffe://Example.org/a"), []string{"is no trust domain", notCaller}},
		{"a trust domain with a scheme", "spiffe://example.org", api, good, []string{"is no trust domain"}},
		{"no path", "example.org", api, callers("spiffe://example.org"), []string{notCaller}},
		{"a slash at the end", "example.org", api, callers("spiffe://example.org/a/"), []string{notCaller}},
		{"another trust domain", "example.org", api, callers("spiffe://example.com/a"), []string{notCaller}},
		{"all of another trust domain", "example.org", api, callers("spiffe://example.com/*"), []string{notCaller}},
		{"a path alone", "example.org", api, callers("/a"), []string{notCaller}},
		{"everything", "example.org", api, callers("*"), []string{notCaller}},
		{"everything of SPIFFE", "example.org", api, callers("spiffe://*"), []string{notCaller}},
		{"a wildcard inside", "example.org", api, callers("spiffe://example.org/*/a"), []string{notCaller}},
		{"two wildcards", "example.org", api, callers("spiffe://example.org/*/*"), []string{notCaller}},
		{"half a segment", "example.org", api, callers("spiffe://example.org/a*"), []string{notCaller}},
		{"a dot segment", "example.org", api, callers("spiffe://example.org/../*"), []string{notCaller}},
		{"a percent-escape", "example.org", api, callers("spiffe://example.org/a%2Fb"), []string{notCaller}},
		{"a segment that begins with a wildcard", "example.org", api, callers("spiffe://example.org/*a"), []string{notCaller}},
		{"a slash and a wildcard", "example.org", api, callers("spiffe://example.org//*"), []string{notCaller}},
		{"an empty segment before a wildcard", "example.org", api, callers("spiffe://example.org/a//*"), []string{notCaller}},
		{"a longer trust domain", "example.org", api, callers("spiffe://example.org.evil/a"), []string{notCaller}},
		{"all of a longer trust domain", "example.org", api, callers("spiffe://example.org.evil/*"), []string{notCaller}},
		{"a shorter trust domain", "example.org", api, callers("spiffe://example.or/a"), []string{notCaller}},
		{"a trust domain in upper case in a caller", "example.org", api, callers("spiffe://EXAMPLE.org/a"), []string{notCaller}},
		{"a scheme in upper case", "example.org", api, callers("SPIFFE://example.org/a"), []string{notCaller}},
		{"a port", "example.org", api, callers("spiffe://example.org:443/a"), []string{notCaller}},
		{"user info", "example.org", api, callers("spiffe://user@example.org/a"), []string{notCaller}},
		{"a query", "example.org", api, callers("spiffe://example.org/a?b"), []string{notCaller}},
		{"a fragment", "example.org", api, callers("spiffe://example.org/a#b"), []string{notCaller}},
		{"not in ASCII", "example.org", api, callers("spiffe://example.org/ä"), []string{notCaller}},
		{"white space", "example.org", api, callers("spiffe://example.org/a "), []string{notCaller}},
		{"2049 bytes", "example.org", api, callers("spiffe://example.org/" + strings.Repeat("a", 2049-len("spiffe://example.org/"))), []string{notCaller}},
		{"no scheme", "example.org", api, callers("example.org/a"), []string{notCaller}},
		{"a path alone", "example.org", api, callers("/a"), []string{notCaller}},
		{"an empty caller", "example.org", api, callers(""), []string{notCaller}},
		{"a wildcard alone", "example.org", api, callers("*"), []string{notCaller}},
		{"a path and a wildcard alone", "example.org", api, callers("/*"), []string{notCaller}},
		{"a trust domain with a port", "example.org:443", api, callers("spiffe://example.org:443/a"), []string{"is no trust domain", notCaller}},
		{"a trust domain with a path", "example.org/a", api, callers("spiffe://example.org/a/b"), []string{"is no trust domain", notCaller}},
		{"a wildcard as the trust domain", "*", api, callers("spiffe://*/*"), []string{"is no trust domain"}},
		{"all at once", "Example.org", "", callers("spiffe://Example.org/a/", "spiffe://example.com/b", "/c"), []string{
			"is no trust domain", "the audience", `the caller "/c" ` + notCaller, `the caller "spiffe://Example.org/a/" ` + notCaller, `the caller "spiffe://example.com/b" ` + notCaller}},
	} {
		_, err := issuers.SPIFFE(tt.domain, tt.audience, tt.opts)
		if (err == nil) != (tt.want == nil) {
			t.Errorf("SPIFFE(%s) = %v, want %q", tt.name, err, tt.want)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("SPIFFE(%s) = %v, want %q", tt.name, err, want)
			}
		}
	}
}
