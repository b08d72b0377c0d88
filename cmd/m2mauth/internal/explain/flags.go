package explain

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
	"github.com/m2mauth/m2mauth/scopes"
)

const usage = `usage: m2mauth explain [flags] <token

Says why a service accepts or refuses a token. The token is read from standard
input or a file, never from an argument, which others could see. It is sent
nowhere. Only the key set is fetched.

Who is trusted, one of:
  -issuer NAME         the exact "iss" of the tokens; with -audience and keys
  -preset NAME         a known authority: auth0, cognito, entra-v1, entra-v2,
                       github, google, keycloak, kubernetes, okta, stytch or
                       zitadel
  -config FILE         an issuer as JSON, see below

With a preset:
  -domain VALUE        the authority's domain, tenant, realm URL, user pool or
                       issuer URL
  -caller VALUE        with google, kubernetes and github: the caller's email,
                       namespace/name, or the owner's ID
  -project ID          the project, with stytch and zitadel
  -custom-domain URL   the project's own domain, with stytch

What the service expects, also in place of what a preset or -config says. LIST
is separated by spaces:
  -audience LIST       the service's names in the "aud" of the tokens
  -jwks-url URL        where the keys are published: https, or http on loopback
  -jwks-file FILE      the keys, as a JWK Set
  -algorithms LIST     RS256, ES256 and EdDSA by default
  -typ LIST            of the header: at+jwt and JWT by default; "none" stands
                       for tokens without one
  -client-id-claims LIST
                       the claims that name the client; client_id by default
  -scope-claims LIST   the claims with the scopes; scope and scp by default
  -wildcards           a granted "read:*" covers "read:users"; stytch has it on
  -accept RULE         what makes a token a machine's; every one of several:
                         subject-is-client (the default)
                         subject-prefix PREFIX
                         client-id ID [ID...]
                         claim NAME equals VALUE
                         claim NAME contains VALUE
                         claim NAME absent
                         claim-prefix PREFIX absent

What is required:
  -require-all LIST    every one of these scopes
  -require-any LIST    one of them

How:
  -token-file FILE     read the token from FILE, not from standard input
  -leeway DURATION     the clock skew to allow; 30s by default
  -now TIME            verify as of another time, such as 2026-01-31T15:04:05Z
  -v                   print every check, too
  -json                print JSON

The JSON of -config is one object with the fields of verifier.Issuer, by their
Go names: the texts Name, JWKSURL, TrustDomain and ScopeLimit; the lists of
texts Aliases, Audiences, AudienceClaims, Algorithms, TokenTypes, ClientIDClaims
and ScopeClaims; true or false for WildcardScopes and RequireBound; the
durations MaxTokenAge, MaxTokenLife and Backdating, as texts such as "10m".
Besides, JWKSFile names a file with the keys, and Accept is a list of the rules
above. Other members are refused.

Exit status: 0 accepted, 1 refused, 2 usage, 3 unknown.
`

// options holds the flags.
type options struct {
	issuer, preset, config                string
	project, customDomain, domain, caller string
	audience, jwksURL, jwksFile           string
	algorithms, types                     string
	clientIDClaims, scopeClaims           string
	accept                                rules
	wildcards                             bool
	requireAll, requireAny                string
	tokenFile                             string
	leeway                                time.Duration // as in verifier.Config
	now                                   string
	json, verbose                         bool

	need  scopes.Requirement
	clock func() time.Time
}

// rules is a flag that may be given several times.
type rules []string

func (r *rules) String() string { return strings.Join(*r, ", ") }

func (r *rules) Set(rule string) error {
	*r = append(*r, rule)
	return nil
}

// parse parses the flags. Its errors don't repeat values, which may be misplaced
// tokens.
func parse(args []string) (*options, error) {
	o := &options{clock: time.Now}
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	for name, value := range map[string]*string{
		"issuer": &o.issuer, "preset": &o.preset, "config": &o.config,
		"project": &o.project, "custom-domain": &o.customDomain, "domain": &o.domain, "caller": &o.caller,
		"audience": &o.audience, "jwks-url": &o.jwksURL, "jwks-file": &o.jwksFile,
		"algorithms": &o.algorithms, "typ": &o.types,
		"client-id-claims": &o.clientIDClaims, "scope-claims": &o.scopeClaims,
		"require-all": &o.requireAll, "require-any": &o.requireAny,
		"token-file": &o.tokenFile, "now": &o.now,
	} {
		fs.StringVar(value, name, "", "")
	}
	fs.Var(&o.accept, "accept", "")
	fs.BoolVar(&o.wildcards, "wildcards", false, "")
	fs.DurationVar(&o.leeway, "leeway", 30*time.Second, "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.verbose, "v", false, "")
	if err := operate.Parse(fs, args); err != nil {
		return nil, err
	}
	errs := []error{operate.NoneEmpty(fs)}
	switch {
	case o.leeway < 0:
		errs = append(errs, errors.New("-leeway: want a duration, such as 30s or 0s"))
	case o.leeway == 0:
		o.leeway = -1 // none; 0 would be the default
	}
	if o.now != "" {
		at, err := time.Parse(time.RFC3339, o.now)
		if err != nil {
			errs = append(errs, errors.New("-now: want a time, such as 2026-01-31T15:04:05Z"))
		}
		o.clock = func() time.Time { return at }
	}
	var err error
	if o.need, err = o.requirement(); err != nil {
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// requirement returns the Requirement of -require-all and -require-any: both if
// both are set, and any verified client if neither is.
func (o *options) requirement() (scopes.Requirement, error) {
	need := scopes.Authenticated()
	var errs []error
	for _, f := range []struct {
		name, value string
		of          func([]string) (scopes.Requirement, error)
	}{{"-require-all", o.requireAll, scopes.AllOf}, {"-require-any", o.requireAny, scopes.AnyOf}} {
		if f.value == "" {
			continue // NoneEmpty refuses one that is given
		}
		r, err := f.of(strings.Fields(f.value))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: want scope names, separated by spaces", f.name))
		}
		need = need.And(r)
	}
	return need, errors.Join(errs...)
}
