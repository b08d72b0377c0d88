package explain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// preset returns the issuer for the flags. Its errors name the flags.
type preset func(o *options) (verifier.Issuer, error)

// presets returns the authorities that -preset accepts. To add one, add a line
// here, its flags in parse, and its name in usage.
func presets() map[string]preset {
	domain := func(of func(domain, audience string) (verifier.Issuer, error)) preset {
		return func(o *options) (verifier.Issuer, error) { return of(o.domain, o.audience) }
	}
	return map[string]preset{
		"auth0":    domain(issuers.Auth0),
		"okta":     domain(issuers.Okta),
		"entra-v2": domain(issuers.EntraV2),
		"entra-v1": domain(func(tenant, audience string) (verifier.Issuer, error) {
			return issuers.EntraV1(tenant, audience)
		}),
		"keycloak": domain(func(realm, audience string) (verifier.Issuer, error) {
			return issuers.Keycloak(realm, audience, nil)
		}),
		"cognito": domain(func(pool, client string) (verifier.Issuer, error) {
			return issuers.Cognito(pool, client)
		}),
		"zitadel": func(o *options) (verifier.Issuer, error) {
			return issuers.Zitadel(o.domain, o.project, nil)
		},
		"google": func(o *options) (verifier.Issuer, error) {
			return issuers.Google(o.audience, o.callers())
		},
		"github": func(o *options) (verifier.Issuer, error) {
			return issuers.GitHubActions(o.audience, issuers.GitHubCaller{OwnerID: o.caller})
		},
		"kubernetes": func(o *options) (verifier.Issuer, error) {
			return issuers.Kubernetes(o.domain, o.audience, o.callers(), nil)
		},
		"stytch": stytchPreset,
	}
}

// callers returns the one caller of -caller, without scopes.
func (o *options) callers() issuers.Callers {
	if o.caller == "" {
		return nil
	}
	return issuers.Callers{o.caller: scopes.Set{}}
}

func findPreset(name string) (preset, error) {
	all := presets()
	if p, ok := all[name]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("-preset: unknown; want one of: %s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

func stytchPreset(o *options) (verifier.Issuer, error) {
	if o.project == "" {
		return verifier.Issuer{}, errors.New("-preset stytch needs -project")
	}
	return stytch.Issuer(o.project, &stytch.IssuerOptions{CustomDomain: o.customDomain})
}
