package verifier_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/revocation"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// goodIssuer is one without a mistake. Its keys are never there.
func goodIssuer() verifier.Issuer {
	return verifier.Issuer{
		Name:      "https://auth.example.com",
		Audiences: []string{"https://api.example.com"},
		FetchJWKS: func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	}
}

// TestConfigMistakes: New reports each mistake with its field and what to
// write instead.
func TestConfigMistakes(t *testing.T) {
	type config = verifier.Config
	type issuer = verifier.Issuer
	cfg := func(change func(*config)) func(*config) { return change }
	iss := func(change func(*issuer)) func(*config) { return func(c *config) { change(&c.Issuers[0]) } }
	jwks := func(change func(*verifier.JWKSOptions)) func(*config) {
		return func(c *config) { change(&c.Issuers[0].JWKS) }
	}
	url := func(u string) func(*config) {
		return iss(func(i *issuer) { i.JWKSURL, i.FetchJWKS = u, nil })
	}
	more := func(i issuer) func(*config) { return func(c *config) { c.Issuers = append(c.Issuers, i) } }
	const (
		audiences = "Audiences is empty or holds an empty name: write the name by which tokens are meant for this service"
		absolute  = "JWKSURL is not an absolute URL"
		plain     = "not https"
	)
	tests := []struct {
		name   string
		change func(*config)
		want   []string // in the message
	}{
		{"no issuers", cfg(func(c *config) { c.Issuers = nil }), []string{"Config: no Issuers: name at least one"}},
		{"Leeway", cfg(func(c *config) { c.Leeway = 5*time.Minute + 1 }), []string{"Config: Leeway is 5m0.000000001s: at most 5m"}},
		{"MaxTokenBytes negative", cfg(func(c *config) { c.MaxTokenBytes = -1 }), []string{"MaxTokenBytes is -1: want 1 to 65536"}},
		{"MaxTokenBytes too large", cfg(func(c *config) { c.MaxTokenBytes = 65537 }), []string{"MaxTokenBytes is 65537: want 1 to 65536"}},
		{"CacheSize and Introspect", cfg(func(c *config) { c.CacheSize, c.Issuers[0] = -1, newOracle().issuer() }),
			[]string{"CacheSize is -1, and an issuer has Introspect: the authority would be asked about every call"}},
		{"CacheSize", cfg(func(c *config) { c.CacheSize = 1<<24 + 1 }), []string{"CacheSize is 16777217: at most 16777216"}},

		{"no name", iss(func(i *issuer) { i.Name = "" }), []string{`Issuers[0] (""): Name is empty: write the exact "iss"`}},
		{"empty alias", iss(func(i *issuer) { i.Aliases = []string{"a", ""} }), []string{"Aliases holds an empty name"}},
		{"alias like the name", iss(func(i *issuer) { i.Aliases = []string{i.Name} }), []string{"taken by Issuers[0]"}},
		{"alias twice", iss(func(i *issuer) { i.Aliases = []string{"a", "a"} }), []string{`the name "a" is taken by Issuers[0]`}},
		{"name twice", more(goodIssuer()), []string{`Issuers[1] ("https://auth.example.com"): the name "https://auth.example.com" is taken by Issuers[0]`}},
		{"another's alias", cfg(func(c *config) {
			second := goodIssuer()
			second.Name, second.Aliases = "b", []string{"https://auth.example.com"}
			c.Issuers = append(c.Issuers, second)
		}), []string{`Issuers[1] ("b"): the name`, "taken by Issuers[0]"}},

		{"no audiences", iss(func(i *issuer) { i.Audiences = nil }), []string{audiences}},
		{"empty audiences", iss(func(i *issuer) { i.Audiences = []string{} }), []string{audiences}},
		{"empty audience", iss(func(i *issuer) { i.Audiences = []string{"a", ""} }), []string{audiences}},
		{"AudienceClaims", iss(func(i *issuer) { i.AudienceClaims = []string{} }), []string{`AudienceClaims is empty or holds an empty name: leave it nil for the default ["aud"]`}},
		{"ClientIDClaims", iss(func(i *issuer) { i.ClientIDClaims = []string{""} }), []string{`ClientIDClaims is empty or holds an empty name: leave it nil for the default ["client_id"]`}},
		{"ScopeClaims", iss(func(i *issuer) { i.ScopeClaims = []string{} }), []string{`ScopeClaims is empty or holds an empty name: leave it nil for the default ["scope" "scp"]`}},
		{"ScopesFrom and ScopeClaims", iss(func(i *issuer) {
			i.ScopeClaims, i.ScopesFrom = []string{"a"}, func(verifier.Client) (scopes.Set, error) { return scopes.Set{}, nil }
		}), []string{"both ScopesFrom and ScopeClaims are set: choose one"}},
		{"TokenTypes", iss(func(i *issuer) { i.TokenTypes = []string{} }), []string{`TokenTypes is empty: leave it nil for the default, or write {""}`}},
		{"MaxTokenAge", iss(func(i *issuer) { i.MaxTokenAge = -1 }), []string{"MaxTokenAge is -1ns: want a positive duration, or 0"}},

		{"MaxTokenLife", iss(func(i *issuer) { i.MaxTokenLife = -1 }), []string{"MaxTokenLife is -1ns: want a positive duration, or 0"}},
		{"a nil observer", cfg(func(c *config) { c.Observe = []func(context.Context, verifier.Decision){nil} }), []string{"Config: Observe[0] is nil: want a function"}},
		{"Revocations", cfg(func(c *config) { c.Revocations = new(revocation.List) }), []string{"Config: Revocations does not come from revocation.New"}},
		{"TrustDomain in upper case", iss(func(i *issuer) { i.TrustDomain = "Example.com" }), []string{`TrustDomain is "Example.com": want a name`}},
		{"TrustDomain as an ID", iss(func(i *issuer) { i.TrustDomain = "spiffe://example.com" }), []string{`TrustDomain is "spiffe://example.com": want a name`, "without spiffe://"}},
		{"TrustDomain with a port", iss(func(i *issuer) { i.TrustDomain = "example.com:443" }), []string{`TrustDomain is "example.com:443": want a name`}},
		{"TrustDomain twice", cfg(func(c *config) {
			second := goodIssuer()
			c.Issuers[0].TrustDomain, second.TrustDomain, second.Name = "example.com", "example.com", "b"
			c.Issuers = append(c.Issuers, second)
		}), []string{`Issuers[1] ("b"): the TrustDomain "example.com" is taken by Issuers[0]`}},
		{"Introspect beside keys", iss(func(i *issuer) { i.Introspect = noAnswer }), []string{"Introspect is set beside JWKSURL or FetchJWKS: choose one"}},
		{"Introspect beside TrustDomain", iss(func(i *issuer) {
			i.JWKSURL, i.FetchJWKS, i.Introspect, i.TrustDomain = "", nil, noAnswer, "example.com"
		}), []string{"Introspect is set beside TrustDomain: JWT-SVIDs are verified with keys, choose one"}},
		{"Introspect with fields of keys", iss(func(i *issuer) {
			i.JWKSURL, i.FetchJWKS, i.Introspect, i.Algorithms = "", nil, noAnswer, []string{"RS256"}
		}), []string{"Algorithms, Backdating and JWKS are about keys"}},
		{"Introspect with Backdating", iss(func(i *issuer) {
			i.JWKSURL, i.FetchJWKS, i.Introspect, i.Backdating = "", nil, noAnswer, time.Minute
		}), []string{"Algorithms, Backdating and JWKS are about keys"}},
		{"Introspect with JWKS", iss(func(i *issuer) {
			i.JWKSURL, i.FetchJWKS, i.Introspect, i.JWKS.MaxStale = "", nil, noAnswer, time.Hour
		}), []string{"Algorithms, Backdating and JWKS are about keys"}},
		{"two issuers with Introspect", cfg(func(c *config) {
			first, second := goodIssuer(), goodIssuer()
			first.JWKSURL, first.FetchJWKS, first.Introspect = "", nil, noAnswer
			second.Name, second.JWKSURL, second.FetchJWKS, second.Introspect = "b", "", nil, noAnswer
			c.Issuers = []issuer{first, second}
		}), []string{`Issuers[1] ("b"): Introspect is set here and in Issuers[0]`}},
		{"IntrospectTTL", iss(func(i *issuer) {
			i.JWKSURL, i.FetchJWKS, i.Introspect, i.IntrospectTTL = "", nil, noAnswer, time.Hour
		}), []string{"IntrospectTTL is 1h0m0s: want 1s to 5m0s"}},
		{"IntrospectTTL alone", iss(func(i *issuer) { i.IntrospectTTL = time.Second }), []string{"they have no meaning without"}},
		{"AllowNoAudience alone", iss(func(i *issuer) { i.AllowNoAudience = true }), []string{"they have no meaning without"}},

		{"everybody is a client", iss(func(i *issuer) { i.ClientIDClaims = []string{"azp", "sub"} }), []string{`ClientIDClaims holds "sub", and Accept is nil`, "say with Accept what marks a machine's token"}},

		{"no algorithms", iss(func(i *issuer) { i.Algorithms = []string{} }), []string{"Algorithms is empty: leave it nil for RS256, ES256 and EdDSA"}},
		{"none", iss(func(i *issuer) { i.Algorithms = []string{"RS256", "none"} }), []string{`Algorithms holds "none": with it, anyone who can read`, "such as RS256"}},
		{"None", iss(func(i *issuer) { i.Algorithms = []string{"None"} }), []string{`Algorithms holds "None": with it`}},
		{"HS256", iss(func(i *issuer) { i.Algorithms = []string{"HS256"} }), []string{`Algorithms holds "HS256": with it`}},
		{"hs512", iss(func(i *issuer) { i.Algorithms = []string{"hs512"} }), []string{`Algorithms holds "hs512": with it`}},
		{"lower case", iss(func(i *issuer) { i.Algorithms = []string{"rs256"} }), []string{`Algorithms holds "rs256", which is not known: want RS256,`}},
		{"a curve", iss(func(i *issuer) { i.Algorithms = []string{"ES256K"} }), []string{`Algorithms holds "ES256K", which is not known`}},
		{"an empty algorithm", iss(func(i *issuer) { i.Algorithms = []string{""} }), []string{`Algorithms holds "", which is not known`}},

		{"no keys", iss(func(i *issuer) { i.FetchJWKS = nil }), []string{"neither JWKSURL nor FetchJWKS is set: say where"}},
		{"keys from two places", iss(func(i *issuer) { i.JWKSURL = "https://a.example.com/" }), []string{"both JWKSURL and FetchJWKS are set: choose one"}},
		{"Transport with FetchJWKS", jwks(func(o *verifier.JWKSOptions) { o.Transport = http.DefaultTransport }), []string{"no meaning with FetchJWKS"}},
		{"InsecureHTTP with FetchJWKS", jwks(func(o *verifier.JWKSOptions) { o.InsecureHTTP = true }), []string{"no meaning with FetchJWKS"}},
		{"URL without a scheme", url("auth.example.com/s3cret"), []string{absolute}},
		{"URL of a path", url("/s3cret"), []string{absolute}},
		{"URL without a host", url("https:///s3cret"), []string{absolute}},
		{"URL with a port alone", url("https://:443/s3cret"), []string{absolute}},
		{"opaque URL", url("https:auth.example.com"), []string{absolute}},
		{"URL of a file", url("file:///s3cret"), []string{absolute}},
		{"URL with a fragment", url("https://auth.example.com/keys#s3cret"), []string{absolute}},
		{"malformed URL", url("https://auth.example.com/%zz/s3cret"), []string{absolute}},
		{"two URLs in one", url("https://auth.example.comhttp://x"), []string{absolute}},
		{"URL with a line feed", url("https://auth.example.com/s3cret\n"), []string{absolute}},
		{"URL with a password", url("https://user:s3cret@auth.example.com/"), []string{"JWKSURL holds credentials: send them with JWKS.Transport"}},
		{"http", url("http://auth.example.com/s3cret"), []string{`JWKSURL is "http" and not https`, "or with JWKS.InsecureHTTP"}},
		{"http to what looks like loopback", url("http://127.0.0.1.example.com/"), []string{plain}},
		{"http to a name under localhost", url("http://localhost.example.com/"), []string{plain}},
		{"http to a private address", url("http://10.0.0.1/"), []string{plain}},
		{"http to another private address", url("http://192.168.1.1/"), []string{plain}},
		{"http to a third private address", url("http://172.16.0.1/"), []string{plain}},
		{"http to a private address of IPv6", url("http://[fd00::1]/"), []string{plain}},
		{"http to a link-local address of IPv6", url("http://[fe80::1]/"), []string{plain}},
		{"http to a link-local address", url("http://169.254.169.254/"), []string{plain}},
		{"http to all addresses", url("http://0.0.0.0/"), []string{plain}},
		{"another scheme", url("ftp://auth.example.com/"), []string{`JWKSURL is "ftp" and not https`}},
		{"another scheme to loopback", url("ftp://127.0.0.1/"), []string{plain}},
		{"another scheme with InsecureHTTP", cfg(func(c *config) {
			url("ftp://auth.example.com/")(c)
			c.Issuers[0].JWKS.InsecureHTTP = true
		}), []string{plain}},

		{"RefreshInterval too short", jwks(func(o *verifier.JWKSOptions) { o.RefreshInterval = 30*time.Second - 1 }), []string{"JWKS.RefreshInterval is 29.999999999s: want 30s to 1h0m0s"}},
		{"RefreshInterval too long", jwks(func(o *verifier.JWKSOptions) { o.RefreshInterval = time.Hour + 1 }), []string{"JWKS.RefreshInterval is"}},
		{"RefreshInterval negative", jwks(func(o *verifier.JWKSOptions) { o.RefreshInterval = -1 }), []string{"JWKS.RefreshInterval is -1ns"}},
		{"MaxStale below twice the default", jwks(func(o *verifier.JWKSOptions) { o.MaxStale = 10*time.Minute - 1 }), []string{"JWKS.MaxStale is 9m59.999999999s: want at least twice the RefreshInterval, 10m0s"}},
		{"MaxStale below twice the interval", jwks(func(o *verifier.JWKSOptions) { o.RefreshInterval, o.MaxStale = time.Hour, time.Hour }), []string{"at least twice the RefreshInterval, 2h0m0s"}},
		{"MaxStale negative", jwks(func(o *verifier.JWKSOptions) { o.MaxStale = -1 }), []string{"JWKS.MaxStale is -1ns"}},
		{"FetchTimeout too short", jwks(func(o *verifier.JWKSOptions) { o.FetchTimeout = 250*time.Millisecond - 1 }), []string{"JWKS.FetchTimeout is 249.999999ms: want 250ms to 30s"}},
		{"FetchTimeout too long", jwks(func(o *verifier.JWKSOptions) { o.FetchTimeout = 30*time.Second + 1 }), []string{"JWKS.FetchTimeout is"}},
		{"Backdating too short", iss(func(i *issuer) { i.Backdating = 30*time.Second - 1 }), []string{"Backdating is 29.999999999s: want 30s to 1h0m0s"}},
		{"Backdating negative", iss(func(i *issuer) { i.Backdating = -1 }), []string{"Backdating is -1ns"}},
		{"Backdating too long", iss(func(i *issuer) { i.Backdating = time.Hour + 1 }), []string{"Backdating is 1h0m0.000000001s"}},
		{"MaxBytes too small", jwks(func(o *verifier.JWKSOptions) { o.MaxBytes = 4<<10 - 1 }), []string{"JWKS.MaxBytes is 4095: want 4096 to 4194304"}},
		{"MaxBytes too large", jwks(func(o *verifier.JWKSOptions) { o.MaxBytes = 4<<20 + 1 }), []string{"JWKS.MaxBytes is 4194305"}},
		{"MaxBytes negative", jwks(func(o *verifier.JWKSOptions) { o.MaxBytes = -1 }), []string{"JWKS.MaxBytes is -1"}},

		{"several at once", cfg(func(c *config) {
			c.Leeway = time.Hour
			c.Issuers[0].Name = ""
			c.Issuers[0].Audiences = nil
			c.Issuers[0].Algorithms = []string{"none", "x"}
			c.Issuers[0].JWKS.MaxBytes = 1
			second := goodIssuer()
			second.FetchJWKS = nil
			c.Issuers = append(c.Issuers, second)
		}), []string{"Leeway", "Name is empty", "Audiences", `"none"`, `"x"`, "MaxBytes", `Issuers[1] ("https://auth.example.com"): neither`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := verifier.Config{Issuers: []verifier.Issuer{goodIssuer()}}
			tt.change(&c)
			v, err := verifier.New(c)
			if err == nil {
				v.Close()
				t.Fatal("no error")
			}
			if v != nil {
				t.Error("a Verifier beside the error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is\n%v\nwant %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error repeats the URL: %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if want := map[bool]int{true: len(tt.want), false: 1}[tt.name == "several at once"]; len(lines) != want {
				t.Errorf("%d mistakes, want %d:\n%v", len(lines), want, err)
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, "verifier: Config: ") && !strings.HasPrefix(line, "verifier: Issuers[") {
					t.Errorf("%q does not say where", line)
				}
			}
		})
	}
}

// TestEveryMistakeAtOnce sets every field of every configuration to a mistake
// where one is possible. New reports all of them in one error.
func TestEveryMistakeAtOnce(t *testing.T) {
	free := map[string]bool{ // fields of which every value is good
		"Config.Issuers": true, "Config.Check": true, "Config.ObserveKeys": true, "Config.DPoP": true, "Config.Now": true,
		"Issuer.JWKS": true, "Issuer.Optional": true, "Issuer.WildcardScopes": true, "Issuer.ScopeLimit": true, "Issuer.RequireBound": true,
		"Issuer.ScopesFrom": true, "Issuer.Accept": true, "Issuer.AllowNoAudience": true, "JWKSOptions.AllowRSAExponent3": true,
		// Transport and InsecureHTTP need a FetchJWKS without JWKSURL.
		"JWKSOptions.Transport": true, "JWKSOptions.InsecureHTTP": true,
	}
	_, err := verifier.New(verifier.Config{
		Leeway: time.Hour, MaxTokenBytes: -1, CacheSize: 1 << 30, Observe: []func(context.Context, verifier.Decision){nil},
		Revocations: new(revocation.List),
		Issuers: []verifier.Issuer{{
			Name: "", Aliases: []string{""}, Audiences: []string{""}, AudienceClaims: []string{""},
			JWKSURL: "https://auth.example.com/", FetchJWKS: func(context.Context) ([]byte, error) { return nil, nil },
			JWKS:       verifier.JWKSOptions{RefreshInterval: 1, MaxStale: 1, FetchTimeout: 1, MaxBytes: 1},
			Backdating: -1, Algorithms: []string{"none"}, TokenTypes: []string{}, ClientIDClaims: []string{""}, ScopeClaims: []string{""},
			ScopesFrom:  func(verifier.Client) (scopes.Set, error) { return scopes.Set{}, nil },
			MaxTokenAge: -1, MaxTokenLife: -1, Introspect: func(context.Context, string) ([]byte, error) { return nil, nil },
			IntrospectTTL: 1, TrustDomain: "Example.com",
		}},
	})
	if err == nil {
		t.Fatal("New() = nil error, want every mistake")
	}
	for _, cfg := range []any{verifier.Config{}, verifier.Issuer{}, verifier.JWKSOptions{}} {
		typ := reflect.TypeOf(cfg)
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			if free[typ.Name()+"."+name] {
				continue
			}
			if typ.Name() == "JWKSOptions" {
				name = "JWKS." + name
			}
			named := func(line string) bool {
				return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(line)
			}
			if !slices.ContainsFunc(strings.Split(err.Error(), "\n"), named) {
				t.Errorf("New() does not report %s.%s:\n%v", typ.Name(), name, err)
			}
		}
	}
}

// TestConfigLimits: a value at the edge of its bounds is accepted.
func TestConfigLimits(t *testing.T) {
	type config = verifier.Config
	url := func(u string) func(*config) {
		return func(c *config) { c.Issuers[0].JWKSURL, c.Issuers[0].FetchJWKS = u, nil }
	}
	tests := []struct {
		name   string
		change func(*config)
	}{
		{"Leeway", func(c *config) { c.Leeway = 5 * time.Minute }},
		{"no Leeway", func(c *config) { c.Leeway = -1 }},
		{"no cache", func(c *config) { c.CacheSize = -1 }},
		{"CacheSize", func(c *config) { c.CacheSize = 1 << 24 }},
		{"MaxTokenBytes 1", func(c *config) { c.MaxTokenBytes = 1 }},
		{"MaxTokenBytes", func(c *config) { c.MaxTokenBytes = 64 << 10 }},
		{"names that differ in case", func(c *config) {
			c.Issuers[0].Aliases = []string{"HTTPS://auth.example.com", "https://auth.example.com/"}
		}},
		{"untyped tokens", func(c *config) { c.Issuers[0].TokenTypes = []string{""} }},
		{"every algorithm", func(c *config) {
			c.Issuers[0].Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
		}},
		{"shortest", func(c *config) {
			c.Issuers[0].JWKS = verifier.JWKSOptions{RefreshInterval: 30 * time.Second, MaxStale: time.Minute,
				FetchTimeout: 250 * time.Millisecond, MaxBytes: 4 << 10}
			c.Issuers[0].Backdating = 30 * time.Second
		}},
		{"longest", func(c *config) {
			c.Issuers[0].JWKS = verifier.JWKSOptions{RefreshInterval: time.Hour, MaxStale: 1<<63 - 1,
				FetchTimeout: 30 * time.Second, MaxBytes: 4 << 20}
			c.Issuers[0].Backdating = time.Hour
		}},
		{"http to 127.0.0.1", url("http://127.0.0.1:1/")},
		{"http to another of its net", url("http://127.1.2.3:1/")},
		{"http to ::1", url("http://[::1]:1/")},
		{"http to ::ffff:127.0.0.1", url("http://[::ffff:127.0.0.1]:1/")},
		{"http to localhost", url("http://LocalHost:1/")},
		{"scheme in capitals", url("HTTPS://127.0.0.1:1/keys?x=y")},
		{"InsecureHTTP", func(c *config) {
			url("http://auth.example.com/")(c)
			c.Issuers[0].JWKS.InsecureHTTP = true
			c.Issuers[0].JWKS.Transport = refusing{}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := verifier.Config{Issuers: []verifier.Issuer{goodIssuer()}}
			tt.change(&c)
			newVerifier(t, c)
		})
	}
}

// refusing is a transport to nowhere.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

// TestConfigIsCopied: changes of a Config after New have no effect.
func TestConfigIsCopied(t *testing.T) {
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer a.Close()
	c := verifier.Config{Issuers: []verifier.Issuer{{
		Name:           "stytch.com/" + a.ProjectID(),
		Aliases:        []string{"alias"},
		Audiences:      []string{a.ProjectID()},
		AudienceClaims: []string{"aud"},
		FetchJWKS:      a.FetchJWKS,
		Algorithms:     []string{"ES256"},
		TokenTypes:     []string{"JWT"},
		ClientIDClaims: []string{"sub"},
		Accept:         anyone,
		ScopeClaims:    []string{"scope"},
	}}}
	v := newVerifier(t, c)
	i := &c.Issuers[0]
	for _, list := range [][]string{i.Aliases, i.Audiences, i.AudienceClaims, i.Algorithms, i.TokenTypes, i.ClientIDClaims, i.ScopeClaims} {
		list[0] = "changed"
	}
	c.Issuers[0] = verifier.Issuer{}
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := v.Issuers(); !slices.Equal(got, []string{"stytch.com/" + a.ProjectID(), "alias"}) {
		t.Errorf("issuers %q", got)
	}
	for _, issuer := range []string{"", "alias"} {
		client, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{Issuer: issuer, Scopes: []string{"a"}}))
		if err != nil || client.Issuer != "stytch.com/"+a.ProjectID() || !client.Scopes.Has("a") {
			t.Errorf("%+v, %v", client, err)
		}
	}
}

// TestRepeatedAlgorithm: an algorithm that is listed twice counts once, so
// an RSA key without "alg" still has exactly one to take.
func TestRepeatedAlgorithm(t *testing.T) {
	key := m2mtest.NewKey("RS256")
	a := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: key})
	defer a.Close()
	for _, algorithms := range [][]string{{"RS256"}, {"RS256", "RS256"}, {"EdDSA", "RS256", "Ed25519", "RS256"}} {
		jwk := key.JWK()
		delete(jwk, "alg")
		doc, err := json.Marshal(map[string]any{"keys": []any{jwk}})
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, verifier.Config{Issuers: []verifier.Issuer{{
			Name: "stytch.com/" + a.ProjectID(), Audiences: []string{a.ProjectID()}, ClientIDClaims: []string{"sub"},
			Accept:     anyone,
			Algorithms: slices.Clone(algorithms),
			FetchJWKS:  func(context.Context) ([]byte, error) { return doc, nil },
		}}})
		if _, err := v.Verify(t.Context(), a.Token(m2mtest.TokenSpec{})); err != nil {
			t.Errorf("%q: %v", algorithms, err)
		}
	}
}

// TestMaxTokenAgeWithoutEnd tests the longest MaxTokenAge, which overflows a
// Duration when the leeway is added.
func TestMaxTokenAgeWithoutEnd(t *testing.T) {
	a, v := local(t, func(c *verifier.Config) { c.Issuers[0].MaxTokenAge = math.MaxInt64 })
	if _, err := v.Verify(t.Context(), a.Token(spec{})); err != nil {
		t.Error(err)
	}
}

func noAnswer(context.Context, string) ([]byte, error) { return nil, nil }
