package challenge_test

import (
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/challenge"
)

func TestCheckCredentialHeader(t *testing.T) {
	const name, other = "want the name of a header field", "holds something else"
	for _, tt := range []struct{ header, want string }{
		{"", ""},
		{"Cf-Access-Jwt-Assertion", ""},
		{"x-goog-iap-jwt-assertion", ""},
		{"X-Amzn-Oidc-Data", ""},
		{"Authorization", "leave it empty"},
		{"AUTHORIZATION", "leave it empty"},
		{"x y", name},
		{"x:", name},
		{":path", name},
		{"x\r\nAuthorization", name},
		{"cf–access", name},
		{"(x)", name},
		{"Cookie", other},
		{"DPoP", other},
		{"Host", other},
		{"Proxy-Authorization", other},
		{"transfer-encoding", other},
		{"grpc-timeout", other},
		{"token-bin", other},
	} {
		err := challenge.CheckCredentialHeader(tt.header)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckCredentialHeader(%q) = %v, want %q", tt.header, err, tt.want)
		}
	}
}
