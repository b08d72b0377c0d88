package explain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/verifier"
)

// errNoIssuer reports that no issuer was named.
var errNoIssuer = errors.New("want one of -issuer, -preset and -config")

// standIn stands in place of a required value with a mistake.
const standIn = "unknown"

// trusted returns the issuer that the flags describe, or every mistake in them that
// verifier.New does not find. With mistakes, the issuer is complete enough for New to
// find the others.
func (o *options) trusted() (verifier.Issuer, error) {
	iss, err := o.base()
	errs := []error{err}
	for _, f := range []struct {
		name, value string
		list        *[]string
	}{
		{"-audience", o.audience, &iss.Audiences}, {"-algorithms", o.algorithms, &iss.Algorithms}, {"-typ", o.types, &iss.TokenTypes},
		{"-client-id-claims", o.clientIDClaims, &iss.ClientIDClaims}, {"-scope-claims", o.scopeClaims, &iss.ScopeClaims},
	} {
		if f.value == "" {
			continue
		}
		if *f.list = strings.Fields(f.value); len(*f.list) == 0 {
			errs = append(errs, fmt.Errorf("%s: want a list, separated by spaces", f.name))
			*f.list = []string{standIn}
		}
	}
	errs = append(errs, checkClaimNames("-client-id-claims", iss.ClientIDClaims), checkClaimNames("-scope-claims", iss.ScopeClaims),
		checkClaimNames("AudienceClaims", iss.AudienceClaims))
	if o.types != "" {
		iss.TokenTypes = typesOf(iss.TokenTypes)
	}
	if o.scopeClaims != "" {
		iss.ScopesFrom = nil // of a preset
	}
	iss.WildcardScopes = iss.WildcardScopes || o.wildcards
	if o.accept != nil {
		accept, err := acceptRules("-accept", o.accept)
		iss.Accept, errs = accept, append(errs, err)
	}
	switch {
	case o.jwksURL != "" && o.jwksFile != "":
		errs = append(errs, errors.New("-jwks-url and -jwks-file: choose one"))
		iss.JWKSURL, iss.FetchJWKS = "", fileFetcher("-jwks-file", o.jwksFile)
	case o.jwksURL != "":
		iss.JWKSURL, iss.FetchJWKS = o.jwksURL, nil
	case o.jwksFile != "":
		iss.JWKSURL, iss.FetchJWKS = "", fileFetcher("-jwks-file", o.jwksFile)
	}
	return iss, errors.Join(errs...)
}

// checkClaimNames returns an error if a list holds a secret in place of the name of a
// claim. A refusal shows such a name as it is.
func checkClaimNames(where string, names []string) error {
	for _, name := range names {
		if redact.Text(name) != name {
			return fmt.Errorf("%s: want names of claims, found what looks like a secret", where)
		}
	}
	return nil
}

// typesOf returns token types for verifier.Issuer, where "" stands for none.
func typesOf(list []string) []string {
	for i, t := range list {
		if t == "none" {
			list[i] = ""
		}
	}
	return list
}

// base returns the issuer of -issuer, -preset or -config.
func (o *options) base() (verifier.Issuer, error) {
	named := 0
	for _, value := range []string{o.issuer, o.preset, o.config} {
		if value != "" {
			named++
		}
	}
	var errs []error
	if o.preset == "" {
		if o.project != "" || o.customDomain != "" {
			errs = append(errs, errors.New("-project and -custom-domain go with -preset stytch"))
		}
		if o.domain != "" || o.caller != "" {
			errs = append(errs, errors.New("-domain and -caller go with -preset"))
		}
	}
	var iss verifier.Issuer
	var err error
	switch {
	case named != 1:
		err = errNoIssuer
	case o.preset != "":
		iss, err = o.presetIssuer()
	case o.config != "":
		iss, err = readConfig(o.config)
	default:
		iss.Name = o.issuer
		if o.audience == "" {
			errs = append(errs, errors.New("-issuer needs -audience"))
			iss.Audiences = []string{standIn}
		}
		if o.jwksURL == "" && o.jwksFile == "" {
			errs = append(errs, errors.New("-issuer needs -jwks-url or -jwks-file"))
			iss.FetchJWKS = fileFetcher("", "")
		}
	}
	return iss, errors.Join(append(errs, err)...)
}

func (o *options) presetIssuer() (verifier.Issuer, error) {
	make, err := findPreset(o.preset)
	if err != nil {
		return verifier.Issuer{}, errors.Join(errNoIssuer, err)
	}
	one := *o
	one.audience, _, _ = strings.Cut(strings.TrimSpace(o.audience), " ") // of the list; trusted sets all of it
	iss, err := make(&one)
	if err != nil {
		// Only the preset knows what it needs: an empty issuer has other mistakes.
		return verifier.Issuer{}, presetError{err}
	}
	return iss, nil
}

// presetError is an error of a preset.
type presetError struct{ error }

func (presetError) Is(target error) bool { return target == errNoIssuer }
