package hints

import (
	"errors"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestOf: where one Reason has several causes, the hint fits the one that was found.
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reason verifier.Reason
		cause  string
		want   string // a part of the hint
	}{
		{"another URL", verifier.ProofMismatch, `the DPoP proof does not match: "htu" is "https://a/shop/x", want "https://a/x"`, "Options.Origin"},
		{"another time", verifier.ProofMismatch, `the DPoP proof does not match: "iat" is 5m0s ago, want at most 1m0s: it is an old proof, or a clock is wrong`, "correct the clock"},
		{"another method", verifier.ProofMismatch, `the DPoP proof does not match: "htm" is "GET", want "POST"`, "make one for each call"},
		{"another key", verifier.ProofMismatch, "the DPoP proof does not match", "the key that the token is bound to"},
		{"a claim in a caller's value", verifier.ProofMismatch, `the DPoP proof does not match: "htm" is "\"htu\"", want "POST"`, "make one for each call"},
		{"another trust domain", verifier.UnknownIssuer,
			`"iss" is missing, want "spiffe://a.example", or "sub" is "spiffe://b.example/x", want a SPIFFE ID of "a.example"`, "another trust domain"},
		{"another issuer", verifier.UnknownIssuer, `"iss" is "https://b.example", want "https://a.example"`, "copy iss"},
	} {
		got := Of(verifier.Decision{Reason: tt.reason, Err: &verifier.Error{Reason: tt.reason, Err: errors.New(tt.cause)}})
		if !strings.Contains(got, tt.want) || strings.HasSuffix(got, ".") {
			t.Errorf("%s: Of(%s: %s) = %q, want %q in it, without a period", tt.name, tt.reason, tt.cause, got, tt.want)
		}
	}
}
