package explain

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPresets checks that each preset makes an issuer from its flags, and that the usage
// names it.
func TestPresets(t *testing.T) {
	const tenant = "11111111-2222-4333-8444-555555555555"
	for name, tt := range map[string]struct {
		flags options
		want  string // the issuer's name
	}{
		"auth0":      {options{domain: "tenant.eu.auth0.com", audience: "https://api.example.com"}, "https://tenant.eu.auth0.com/"},
		"okta":       {options{domain: "https://example.okta.com/oauth2/default", audience: "api://default"}, "https://example.okta.com/oauth2/default"},
		"entra-v2":   {options{domain: tenant, audience: tenant}, "https://login.microsoftonline.com/" + tenant + "/v2.0"},
		"entra-v1":   {options{domain: tenant, audience: "api://" + tenant}, "https://sts.windows.net/" + tenant + "/"},
		"keycloak":   {options{domain: "https://sso.example.com/realms/main", audience: "orders"}, "https://sso.example.com/realms/main"},
		"cognito":    {options{domain: "eu-west-1_AbCdEfGhI", audience: "1example23456789"}, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"},
		"zitadel":    {options{domain: "example.zitadel.cloud", project: "123456789012345678"}, "https://example.zitadel.cloud"},
		"google":     {options{audience: "https://api.example.com", caller: "job@project.iam.gserviceaccount.com"}, "https://accounts.google.com"},
		"github":     {options{audience: "https://api.example.com", caller: "1234567"}, "https://token.actions.githubusercontent.com"},
		"kubernetes": {options{domain: "https://kubernetes.example.com", audience: "orders", caller: "shop/orders"}, "https://kubernetes.example.com"},
		"stytch":     {options{project: "project-test-" + tenant}, "stytch.com/project-test-" + tenant},
	} {
		t.Run(name, func(t *testing.T) {
			tt.flags.preset = name
			issuer, err := tt.flags.trusted()
			if err != nil || issuer.Name != tt.want {
				t.Errorf("%q, %v; want %q", issuer.Name, err, tt.want)
			}
			if !strings.Contains(usage, name) {
				t.Error("the usage does not name it")
			}
		})
	}
	if n := len(slices.Collect(maps.Keys(presets()))); n != 11 {
		t.Errorf("%d presets, and 11 rows", n)
	}
}
