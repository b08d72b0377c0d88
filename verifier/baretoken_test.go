package verifier_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestBareToken: exactly one credential, in one of two fields of a Request. The second
// call with an accepted token finds it remembered, and a refused one never is.
func TestBareToken(t *testing.T) {
	authority, v := m2mtest.Trust(t, &verifier.Config{Check: func(_ context.Context, _ verifier.Client, r verifier.Request) error {
		if r.BareToken != nil || r.Authorization != nil {
			return verifier.Denied // Check must not see the credential
		}
		return nil
	}})
	token := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-a"})
	other := authority.Token(m2mtest.TokenSpec{ClientID: "m2m-client-b"})
	expired := authority.Token(m2mtest.TokenSpec{TTL: -time.Hour})
	bound := authority.Token(m2mtest.TokenSpec{Claims: map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("a", 43)}}})
	bare := func(values ...string) verifier.Request { return verifier.Request{BareToken: values} }
	both := func(authorization string, values ...string) verifier.Request {
		return verifier.Request{Authorization: []string{authorization}, BareToken: values}
	}
	for _, tt := range []struct {
		name   string
		r      verifier.Request
		code   verifier.Code
		reason verifier.Reason
		text   string // in the error
	}{
		{"a token", bare(token), 0, "", ""},
		{"none", bare(), verifier.NoCredentials, verifier.CredentialsMissing, ""},
		{"two", bare(token, token), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 2 tokens without a scheme and 0 Authorization values"},
		{"two different ones", bare(token, other), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 2 tokens"},
		{"an empty one after it", bare(token, ""), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 2 tokens"},
		{"the same in Authorization", both("Bearer "+token, token), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 1 tokens without a scheme and 1 Authorization values"},
		{"another in Authorization", both("Bearer "+other, token), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 1 tokens"},
		{"Basic in Authorization", both("Basic dTpw", token), verifier.InvalidRequest, verifier.CredentialsMultiple, "found 1 tokens"},
		{"empty", bare(""), verifier.InvalidRequest, verifier.CredentialsMalformed, "is empty"},
		{"a scheme", bare("Bearer " + token), verifier.InvalidRequest, verifier.CredentialsMalformed, "a space or a comma"},
		{"a space before", bare(" " + token), verifier.InvalidRequest, verifier.CredentialsMalformed, "a space or a comma"},
		{"a space after", bare(token + " "), verifier.InvalidRequest, verifier.CredentialsMalformed, "a space or a comma"},
		{"two in one value", bare(token + "," + token), verifier.InvalidRequest, verifier.CredentialsMalformed, "a space or a comma"},
		{"a line feed", bare(token + "\n"), verifier.InvalidRequest, verifier.CredentialsMalformed, "printable ASCII"},
		{"a byte order mark", bare("\ufeff" + token), verifier.InvalidRequest, verifier.CredentialsMalformed, "printable ASCII"},
		{"quoted", bare(`"` + token + `"`), verifier.InvalidToken, verifier.Malformed, ""},
		{"no token", bare("x"), verifier.InvalidToken, verifier.Malformed, ""},
		{"too long", bare(strings.Repeat("a", 8193)), verifier.InvalidToken, verifier.TooLarge, ""},
		{"far too long", bare(strings.Repeat(" ", 1<<20)), verifier.InvalidToken, verifier.TooLarge, ""},
		{"expired", bare(expired), verifier.InvalidToken, verifier.Expired, ""},
		{"bound to a DPoP key", bare(bound), verifier.InvalidToken, verifier.Bound, ""},
	} {
		for range 2 {
			ctx, err := v.Authorize(t.Context(), tt.r, scopes.Authenticated())
			if tt.reason == "" {
				client, ok := verifier.ClientFromContext(ctx)
				if err != nil || !ok || client.ID != "m2m-client-a" {
					t.Errorf("Authorize(%s) = %v, %v, want m2m-client-a", tt.name, client, err)
				}
				continue
			}
			e := verifier.AsError(err)
			if err == nil || e.Code != tt.code || e.Reason != tt.reason || !strings.Contains(e.Error(), tt.text) {
				t.Errorf("Authorize(%s) = %v, want %v %v with %q", tt.name, err, tt.code, tt.reason, tt.text)
			}
			if err != nil && strings.Contains(err.Error(), "eyJ") {
				t.Errorf("Authorize(%s) = %v, which shows a token", tt.name, err)
			}
		}
	}
}
