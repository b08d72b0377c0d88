package httpmw_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// Read the token from a header of its own, as Cloudflare Access delivers it. Authorization
// is then not read.
func ExampleOptions_credentialHeader() {
	authority := m2mtest.NewAuthority(&m2mtest.Options{NoServer: true, Key: m2mtest.NewKey("ES256")})
	defer authority.Close()
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{authority.Issuer()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	guard, err := httpmw.New(v, &httpmw.Options{CredentialHeader: "Cf-Access-Jwt-Assertion"})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := guard.Require(scopes.All("reports:read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	token := authority.Token(m2mtest.TokenSpec{Scopes: []string{"reports:read"}})
	for _, header := range []http.Header{
		{"Cf-Access-Jwt-Assertion": {token}},
		{"Cf-Access-Jwt-Assertion": {token, token}},
		{"Authorization": {"Bearer " + token}},
	} {
		r := httptest.NewRequest("GET", "/reports", nil)
		r.Header = header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 400
	// 401
}
