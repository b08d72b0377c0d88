package issuers_test

import (
	"testing"
)

const (
	api      = "https://api.example.com"
	tenant   = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	stranger = "11112222-bbbb-3333-cccc-4444dddd5555" // another tenant
	apiID    = "00001111-aaaa-2222-bbbb-3333cccc4444"
	appID    = "55556666-ffff-7777-aaaa-8888bbbb9999"
	appOID   = "66667777-aaaa-8888-bbbb-9999cccc0000"
	userOID  = "77778888-bbbb-9999-cccc-0000dddd1111"
)

// TestFixtures runs tokens of the form of each vendor through its preset: a machine's,
// a person's, and similar ones.
func TestFixtures(t *testing.T) {
	for _, f := range []fixture{
		auth0(), auth0RFC9068(), okta(), entraV2(), entraV1(), keycloak(), keycloakRealmRoles(), keycloakScopes(),
		cognito(), google(), github(), zitadel(), kubernetes(),
	} {
		t.Run(f.name, f.run)
	}
}
