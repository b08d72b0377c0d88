package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/stytch"
	"github.com/m2mauth/m2mauth/verifier"
)

// preset makes an issuer of what the flags say. It reads what it needs of
// them, and its errors name the flags.
type preset func(o *options) (verifier.Issuer, error)

// presets are the authorities that -preset knows. A further one is a line
// here, its flags in parseFlags, and a line of usage.
func presets() map[string]preset {
	return map[string]preset{
		"stytch": stytchPreset,
	}
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
