package tokensource_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/internal/tlstest"
	"github.com/m2mauth/m2mauth/tokensource"
)

// TestIncompleteKeys: New returns an error for a key that makes its own methods
// panic.
func TestIncompleteKeys(t *testing.T) {
	cert := tlstest.New(t).Leaf
	for name, key := range map[string]crypto.Signer{
		"a nil RSA key": (*rsa.PrivateKey)(nil), "an empty RSA key": &rsa.PrivateKey{}, "a nil EC key": (*ecdsa.PrivateKey)(nil),
		"an empty EC key": &ecdsa.PrivateKey{}, "a nil Ed25519 key": ed25519.PrivateKey(nil),
	} {
		for _, certificate := range []*x509.Certificate{nil, cert} {
			c := tokensource.PrivateKeyJWT{ClientID: clientID, Key: key, Audience: "a", Certificate: certificate}
			_, err := tokensource.New(tokensource.Config{TokenURL: tokenURL, Credentials: c})
			if err == nil || !strings.HasPrefix(err.Error(), "tokensource: PrivateKeyJWT: ") {
				t.Errorf("New(%s) = %v, want an error of PrivateKeyJWT", name, err)
			}
		}
	}
}
