package fuzz

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// A second implementation of the grammar of RFC 9110 §11.4 and RFC 6750 §2.1: any
// scheme first, then Bearer's.
var (
	anyScheme = regexp.MustCompile("^([0-9A-Za-z!#$%&'*+.^_`|~-]+)( [ -~]*)?$")
	bearer    = regexp.MustCompile(`^(?i:bearer) +([!-+\--~]+)$`)
)

const maxCredential = 8<<10 + 64

// wantCode returns the Code for the header's values, or 0 and the token if they are
// one bearer token.
func wantCode(values []string) (verifier.Code, string) {
	if len(values) == 0 {
		return verifier.NoCredentials, ""
	}
	if len(values) > 1 {
		return verifier.InvalidRequest, ""
	}
	scheme := anyScheme.FindStringSubmatch(values[0])
	switch {
	case scheme == nil:
		return verifier.InvalidRequest, ""
	case !strings.EqualFold(scheme[1], "bearer"):
		return verifier.NoCredentials, ""
	}
	token := bearer.FindStringSubmatch(values[0])
	if token == nil {
		return verifier.InvalidRequest, ""
	}
	return 0, token[1]
}

// FuzzCredential checks that the header is parsed by the grammar only. The decision
// on a token does not depend on the scheme's case or the number of spaces.
func FuzzCredential(f *testing.F) {
	good := sign(goodHeader, goodClaims)
	for _, value := range []string{
		"Bearer " + good, "bEARER   " + good, "Bearer\t" + good, "Bearer " + good + " ", " Bearer " + good,
		"Bearer " + good + "," + good, "Bearer " + good + " x", "Bearer", "Bearer ", "", " ", "Basic dTpw", "DPoP " + good,
		"Bearer=" + good, "Bearer: " + good, "\ufeffBearer " + good, "Bearer \u200b" + good, "Bearer " + good + "\x00",
		"Bearer " + good + "\n", "B\u0435arer " + good, "\u212aey x", "Bearer .", "Bearer ..", "Bearer " + strings.Repeat(".", 9000),
		strings.Repeat("x", 9000), "Basic " + strings.Repeat("x", 9000), good, "Bearer " + good[:len(good)-1],
	} {
		f.Add(value, "", uint8(1))
	}
	f.Add("Bearer "+good, "Bearer "+good, uint8(2))
	f.Add("Basic dTpw", "Bearer "+good, uint8(2))
	f.Add("", "", uint8(0))

	f.Fuzz(func(t *testing.T, first, second string, n uint8) {
		values := []string{first, second, first}[:n%4]
		code, token := wantCode(values)
		ask := func() (context.Context, error) {
			return guard().Authorize(context.Background(), verifier.Request{Authorization: values}, scopes.Authenticated())
		}
		before := guard().Status()[0].Fetches
		ctx, err := ask()
		fetched := guard().Status()[0].Fetches != before
		client, found := verifier.ClientFromContext(ctx)
		if found != (err == nil) {
			t.Fatalf("a Client in the context: %t, with %v", found, err)
		}
		var e *verifier.Error
		if err != nil {
			e = refusal(t, err)
		}
		switch {
		case len(values) == 1 && len(first) > maxCredential:
			// Of a value that is too long, only the scheme is read.
			if e == nil || e.Reason != verifier.TooLarge && e.Reason != verifier.SchemeUnsupported {
				t.Errorf("%d bytes: %v", len(first), err)
			}
		case code != 0 && (e == nil || e.Code != code):
			t.Errorf("%q: %v, want %v", values, err, code)
		case code == 0:
			alone, aloneErr := guard().Verify(context.Background(), token)
			if (aloneErr == nil) != (err == nil) || alone.ID != client.ID || alone.TokenID != client.TokenID {
				t.Errorf("%q: %v, and the token alone: %v", values, err, aloneErr)
			}
			if e != nil && e.Code != verifier.InvalidToken && e.Code != verifier.Unavailable {
				t.Errorf("%q: %v", values, err)
			}
		}
		if fetched {
			// The timer may have started that fetch, but not two at once.
			before = guard().Status()[0].Fetches
			_, err = ask()
			if guard().Status()[0].Fetches != before && !errors.Is(err, verifier.KeyUnknown) && !errors.Is(err, verifier.KeysUnavailable) {
				t.Errorf("%q: keys were fetched for %v", values, err)
			}
		}
	})
}
