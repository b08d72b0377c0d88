// Package stytch connects services to Stytch's machine-to-machine
// authentication. Each part stands alone:
//
//   - A service that is called needs [Issuer], which makes a project an issuer
//     that a [verifier.Verifier] trusts.
//   - A machine that calls needs [TokenSource], for golang.org/x/oauth2 and gRPC.
//   - Who registers machines and rotates their secrets needs [New].
//
// Package gateway is the fourth: the token endpoint, key set and metadata that a
// SaaS serves at its own URL.
package stytch

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
	"github.com/m2mauth/m2mauth/verifier"
)

// IssuerOptions are the optional parts of an [Issuer]. The zero value is every
// default.
type IssuerOptions struct {
	// CustomDomain is the project's own domain at Stytch, written as a URL:
	// "https://login.example.com". Tokens issued there name it as their "iss";
	// it is accepted beside the project's name, and the keys are fetched from
	// it.
	CustomDomain string

	// B2B says that the project is one of Stytch's B2B projects, whose keys are
	// published at another path. Everything else is the same.
	B2B bool

	// ImportedClients are the IDs of clients that came to Stytch from another
	// authority and kept their IDs. Others start with "m2m-client-", and
	// tokens of nobody else are a machine's.
	ImportedClients []string
}

const (
	clientPrefix = "m2m-client-"
	claimPrefix  = "https://stytch.com/" // of the claims of people's sessions
)

// Issuer makes a Stytch project an issuer for [verifier.Config]. opts may be
// nil.
//
// It accepts machines' tokens only: a project signs its users' session tokens
// and its connected apps' tokens with the same keys, for the same issuer and
// audience. They are refused with [verifier.NotMachine].
//
// Scopes match as in Stytch's Go SDK: they are equal, or the granted one is
// "action:*" and the required one "action" or "action:resource", split at the
// first colon. The official SDKs differ, and this rule is the strictest of those
// with a wildcard:
//
//   - Node compares only the text between the first and the second colon. A
//     service that moves from Node loses this: a granted "read:users:1" no longer
//     meets "read:users" or "read:users:2".
//   - Go, Node and others treat a scope "read" without a colon like "read:-". Here
//     neither meets the other.
//   - Python fails on a scope with two colons, and Ruby has no wildcard.
//
// A custom claims template can copy parameters of the token request into the
// token. Such a claim is the caller's own word: don't decide by it.
//
// The result may be adapted before it is used. A malformed project ID, custom
// domain or imported client is an error, and all of them are reported at once.
func Issuer(projectID string, opts *IssuerOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &IssuerOptions{}
	}
	if err := outbound.Mistakes("stytch",
		stytchwire.CheckProjectID(projectID),
		checkCustomDomain(opts.CustomDomain),
		checkImported(opts.ImportedClients),
	); err != nil {
		return verifier.Issuer{}, err
	}
	issuer := verifier.Issuer{
		Name:           "stytch.com/" + projectID,
		Audiences:      []string{projectID},
		Algorithms:     []string{"RS256"},
		ClientIDClaims: []string{"sub"},
		// "scope" alone: a template may have filled an "scp" from the request.
		ScopeClaims:    []string{"scope"},
		WildcardScopes: true,
		Accept:         acceptMachines(slices.Clone(opts.ImportedClients)),
	}
	if opts.CustomDomain != "" {
		issuer.Aliases = []string{opts.CustomDomain}
	}
	issuer.JWKSURL = stytchwire.BaseURL(projectID, opts.CustomDomain) + stytchwire.KeysPath(projectID, opts.B2B)
	return issuer, nil
}

// acceptMachines tells a machine's token from people's.
func acceptMachines(imported []string) func(verifier.Client) error {
	return func(c verifier.Client) error {
		if !strings.HasPrefix(c.Subject, clientPrefix) && !slices.Contains(imported, c.Subject) {
			return fmt.Errorf(`%w: "sub" is neither an m2m-client-… nor an imported client`, verifier.NotMachine)
		}
		if err := sessionAbsent(c); err != nil {
			return fmt.Errorf("%w: it holds a claim of a person's session", err)
		}
		// A connected app's token is a person's, given to the client it names.
		if clientIDAbsent(c) != nil && verifier.ClaimEquals("client_id", c.Subject)(c) != nil {
			return fmt.Errorf(`%w: "client_id" differs from "sub"`, verifier.NotMachine)
		}
		return nil
	}
}

var (
	sessionAbsent  = verifier.ClaimPrefixAbsent(claimPrefix)
	clientIDAbsent = verifier.ClaimAbsent("client_id")
)

// checkCustomDomain wants the domain exactly as "iss" has it: it is compared
// byte for byte.
func checkCustomDomain(domain string) error {
	if domain == "" {
		return nil
	}
	u, err := url.Parse(domain)
	if err != nil || u.Host == "" || domain != "https://"+u.Host || domain != strings.ToLower(domain) {
		// Not quoted: a user or a query holds a secret.
		return errors.New(`malformed CustomDomain: write scheme and host alone, in lower case ` +
			`and without a slash at the end: "https://login.example.com"`)
	}
	return nil
}

func checkImported(clients []string) error {
	var errs []error
	for i, id := range clients {
		switch {
		case id == "":
			errs = append(errs, fmt.Errorf("ImportedClients[%d] is empty: write the client's ID", i))
		case strings.HasPrefix(id, "user-"), strings.HasPrefix(id, "member-"):
			errs = append(errs, fmt.Errorf("ImportedClients[%d] is %q, which is how Stytch names people: "+
				"write the ID of a machine", i, id))
		}
	}
	return errors.Join(errs...)
}
