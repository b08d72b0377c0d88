package clientauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/m2mauth/m2mauth/internal/redact"
)

// Key holds a private key, or a handle of one in a KMS or an HSM.
type Key struct {
	Signer    crypto.Signer
	ID        string // "kid", or ""
	Algorithm string // "alg"
}

// Complete returns k with the default algorithm of its key if it has none, or an
// error if key and algorithm don't fit.
func (k Key) Complete() (Key, error) {
	fitting, err := algorithms(k.Signer.Public())
	switch {
	case err != nil:
		return k, err
	case k.Algorithm == "":
		k.Algorithm = fitting[0]
	case !slices.Contains(fitting, k.Algorithm):
		return k, fmt.Errorf("field Algorithm is %s: want %s for this key", redact.Quote(k.Algorithm), strings.Join(fitting, " or "))
	}
	return k, nil
}

// algorithms returns the algorithms of a key, the most widely supported first
// (RFC 7518 §3.1).
func algorithms(public crypto.PublicKey) ([]string, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 { // RFC 7518 §3.3
			return nil, fmt.Errorf("the RSA key has %d bits: want at least 2048", bits)
		}
		return []string{"RS256", "PS256", "RS384", "PS384", "RS512", "PS512"}, nil
	case *ecdsa.PublicKey:
		if alg, ok := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]; ok {
			return []string{alg}, nil
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	}
	return nil, errors.New("the key is neither RSA, ECDSA on a NIST curve nor Ed25519")
}

// ParseKey reads a private key from PEM (PKCS #1, PKCS #8, SEC 1) or JWK (RFC
// 7517). Certificates beside it in PEM are skipped. Its errors quote nothing of
// text.
func ParseKey(text []byte) (Key, error) {
	errNoKey := errors.New("no private key: want PEM or one JWK, RSA, EC or Ed25519, without a password")
	isPEM := bytes.Contains(text, []byte("-----BEGIN"))
	if isPEM {
		block := privateBlock(text)
		if block == nil {
			return Key{}, errNoKey
		}
		text = pem.EncodeToMemory(block)
	}
	parsed, err := jwk.ParseKey(text, jwk.WithPEM(isPEM))
	if err != nil {
		return Key{}, errNoKey
	}
	var raw any
	if err := jwk.Export(parsed, &raw); err != nil {
		return Key{}, errNoKey
	}
	signer, ok := raw.(crypto.Signer)
	if !ok {
		return Key{}, errNoKey
	}
	key := Key{Signer: signer}
	if !isPEM {
		key.ID, _ = parsed.KeyID()
		if alg, ok := parsed.Algorithm(); ok {
			key.Algorithm = alg.String()
		}
	}
	return key.Complete()
}

// privateBlock returns the first private key of a PEM file.
func privateBlock(text []byte) *pem.Block {
	for {
		block, rest := pem.Decode(text)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		text = rest
	}
}
