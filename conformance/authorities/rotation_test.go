package authorities_test

import (
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/conformance/authorities"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestKeyRotation rotates the authority's keys below a running verifier.
func TestKeyRotation(t *testing.T) {
	a, p := oidcProvider(t)
	c := secretClient(t, a)
	v := a.verifier(t)
	fetch := func() string {
		t.Helper()
		token, err := fetchControl(t.Context(), t, a, c, authorities.ResourceES256)
		if err != nil {
			t.Fatal(err)
		}
		return token.AccessToken
	}
	verify := func(what, token string, want error) {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if !errors.Is(err, want) {
			t.Errorf("Verify(%s) = %v, want %v", what, err, want)
		}
	}
	first := fetch()
	verify("a token before the rotation", first, nil)

	p.RotateKeys(true)
	second := fetch()
	verify("a token of the new key", second, nil)
	verify("a token of the old key, which is still published", first, nil)

	p.RotateKeys(false)
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify("a token of a removed key", second, verifier.KeyRemoved)
	verify("a token of the third key", fetch(), nil)
}
