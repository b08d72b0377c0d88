package stytch_test

import (
	"fmt"

	"github.com/m2mauth/m2mauth/stytch"
)

func ExampleIssuer() {
	issuer, err := stytch.Issuer("project-live-00000000-0000-4000-8000-000000000000", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	// verifier.New(verifier.Config{Issuers: []verifier.Issuer{issuer}})
	fmt.Println(issuer.Name)
	fmt.Println(issuer.JWKSURL)
	// Output:
	// stytch.com/project-live-00000000-0000-4000-8000-000000000000
	// https://api.stytch.com/v1/sessions/jwks/project-live-00000000-0000-4000-8000-000000000000
}
