// Package stytch connects services to Stytch's machine-to-machine (M2M)
// authentication. Its parts are independent:
//
//   - A service that receives calls needs [Issuer]. It returns the configuration
//     with which a [verifier.Verifier] accepts a project's tokens.
//   - A machine that makes calls needs [TokenSource], which configures package
//     tokensource for a project.
//   - A program that registers M2M clients or rotates their secrets needs [New].
//   - A SaaS that serves a token endpoint at its own URL needs package gateway.
//
// docs/migrating.md, "From stytch-go", compares the package with Stytch's SDK.
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

// IssuerOptions are the optional parts of an [Issuer]. The zero value is the default.
type IssuerOptions struct {
	// CustomDomain is the project's own domain at Stytch, written as a URL:
	// "https://login.example.com". The domain is accepted as "iss" in addition to
	// the project's name, and the keys are fetched from it.
	CustomDomain string

	// B2B selects the key set of a B2B project, which Stytch publishes at another
	// path. The rest is the same.
	B2B bool

	// ImportedClients are the IDs of clients that were imported with an ID of
	// their own. The IDs of all other clients begin with "m2m-client-".
	ImportedClients []string
}

const (
	clientPrefix = "m2m-client-"
	claimPrefix  = "https://stytch.com/" // begins the claims of people's sessions
)

// Issuer returns the configuration of a Stytch project for [verifier.Config]. opts
// may be nil. Issuer does no I/O. Its error reports every mistake in the arguments.
// The result may be changed before use.
//
// Only machines' tokens are accepted. A project signs its users' session tokens and
// its connected apps' tokens with the same keys, for the same issuer and audience:
// these are refused with [verifier.NotMachine].
//
// A granted scope meets a required one if both are equal. A granted "action:*" also
// meets "action" and every "action:resource", split at the first colon. Stytch's Go
// SDK decides in the same way. The other official SDKs differ, and this rule is the
// strictest of those with a wildcard:
//
//   - Node compares only the text between the first and the second colon. A service
//     that moves from Node loses this: a granted "read:users:1" no longer meets
//     "read:users" or "read:users:2".
//   - Go, Node and others treat a scope "read" without a colon like "read:-". Here
//     neither meets the other.
//   - Python fails on a scope with two colons, and Ruby has no wildcard.
//
// A custom claims template can copy parameters of the token request into the token.
// The caller chooses the value of such a claim: do not base a decision on it.
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
		// Not "scp": a template could fill it from the request.
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

// acceptMachines returns an Accept rule that refuses people's tokens.
func acceptMachines(imported []string) func(verifier.Client) error {
	return func(c verifier.Client) error {
		if !strings.HasPrefix(c.Subject, clientPrefix) && !slices.Contains(imported, c.Subject) {
			return fmt.Errorf(`%w: "sub" neither begins with "m2m-client-" nor is an imported client`, verifier.NotMachine)
		}
		if err := sessionAbsent(c); err != nil {
			return fmt.Errorf("%w: it holds a claim of a person's session", err)
		}
		// A connected app's token stands for a person. Its "client_id" names the app.
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

// checkCustomDomain accepts a domain in the exact spelling of "iss", because issuers
// are compared byte for byte.
func checkCustomDomain(domain string) error {
	if domain == "" {
		return nil
	}
	u, err := url.Parse(domain)
	if err != nil || u.Host == "" || domain != "https://"+u.Host || domain != strings.ToLower(domain) {
		// The domain is not quoted: user info or a query may be secret.
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
