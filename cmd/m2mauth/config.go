package main

import (
	"errors"

	"github.com/m2mauth/m2mauth/verifier"
)

// trusted returns the issuer that the flags describe.
func (o *options) trusted() (verifier.Issuer, error) {
	iss, err := o.base()
	if err != nil {
		return verifier.Issuer{}, err
	}
	if o.audience != "" {
		iss.Audiences = []string{o.audience}
	}
	iss.WildcardScopes = iss.WildcardScopes || o.wildcards
	switch {
	case o.jwksURL != "" && o.jwksFile != "":
		return verifier.Issuer{}, errors.New("-jwks-url and -jwks-file: choose one")
	case o.jwksURL != "":
		iss.JWKSURL, iss.FetchJWKS = o.jwksURL, nil
	case o.jwksFile != "":
		iss.JWKSURL, iss.FetchJWKS = "", fileFetcher(o.jwksFile)
	}
	return explicit(iss), nil
}

func (o *options) base() (verifier.Issuer, error) {
	switch {
	case (o.issuer == "") == (o.preset == ""):
		return verifier.Issuer{}, errors.New("want one of -issuer and -preset")
	case o.preset != "":
		make, err := findPreset(o.preset)
		if err != nil {
			return verifier.Issuer{}, err
		}
		return make(o)
	case o.project != "" || o.customDomain != "":
		return verifier.Issuer{}, errors.New("-project and -custom-domain go with -preset stytch")
	case o.domain != "" || o.caller != "":
		return verifier.Issuer{}, errors.New("-domain and -caller go with -preset")
	case o.audience == "":
		return verifier.Issuer{}, errors.New("-issuer needs -audience")
	case o.jwksURL == "" && o.jwksFile == "":
		return verifier.Issuer{}, errors.New("-issuer needs -jwks-url or -jwks-file")
	}
	return verifier.Issuer{Name: o.issuer}, nil
}

// explicit sets the fields that the verifier would set to defaults, so that the
// report shows them.
func explicit(iss verifier.Issuer) verifier.Issuer {
	standard(&iss.AudienceClaims, "aud")
	standard(&iss.Algorithms, "RS256", "ES256", "EdDSA")
	standard(&iss.TokenTypes, "at+jwt", "JWT")
	standard(&iss.ClientIDClaims, "client_id")
	if iss.ScopesFrom == nil {
		standard(&iss.ScopeClaims, "scope", "scp")
	}
	return iss
}

func standard(list *[]string, values ...string) {
	if *list == nil {
		*list = values
	}
}
