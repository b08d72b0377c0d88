package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// isSecret reports whether jwk contains a secret part.
func isSecret(jwk strictjson.Object) bool {
	return slices.ContainsFunc(jwk, func(m strictjson.Member) bool { return outbound.IsPrivateMember(m.Name) })
}

// isSymmetric reports whether jwk holds a shared secret. An empty one counts,
// because every reader knows it now. Without "k" nothing is revealed.
func isSymmetric(jwk strictjson.Object) bool {
	kty, _ := textMember(jwk, "kty")
	_, hasSecret := textMember(jwk, "k")
	return kty == "oct" && hasSecret
}

// leaked holds the key pairs whose secret part a document publishes.
//
// An RSA pair is identified by its modulus, an EC pair by its curve and x, and an
// Ed25519 pair by x. The RFC 7638 thumbprint would miss related keys: the factors
// of an RSA modulus allow signatures under every exponent, and the d of an EC
// point allows signatures under its negative.
type leaked map[string]bool

// add records the pair of jwk, which holds a secret part. It reads leniently: the
// public members may be padded, lack a leading zero, or be missing.
func (l leaked) add(jwk strictjson.Object) {
	kty, _ := textMember(jwk, "kty")
	crv, _ := textMember(jwk, "crv")
	d := lenientOctets(jwk, "d")
	switch {
	case kty == keyRSA:
		l[pairID(keyRSA, lenientOctets(jwk, "n"))] = true
		p, q := new(big.Int).SetBytes(lenientOctets(jwk, "p")), new(big.Int).SetBytes(lenientOctets(jwk, "q"))
		l[pairID(keyRSA, p.Mul(p, q).Bytes())] = true
	case kty == keyEC:
		l[pairID(crv, lenientOctets(jwk, "x"))] = true
		curve, _ := curveOf(crv)
		if curve == nil {
			return
		}
		size := (curve.Params().BitSize + 7) / 8
		if d = bytes.TrimLeft(d, "\x00"); len(d) > size {
			return
		}
		private, err := ecdsa.ParseRawPrivateKey(curve, slices.Concat(make([]byte, size-len(d)), d))
		if err != nil {
			return
		}
		if point, err := private.PublicKey.Bytes(); err == nil {
			l[pairID(crv, point[1:1+size])] = true
		}
	case kty == keyOKP && crv == "Ed25519":
		l[pairID(crv, lenientOctets(jwk, "x"))] = true
		if len(d) == ed25519.SeedSize {
			l[pairID(crv, ed25519.NewKeyFromSeed(d).Public().(ed25519.PublicKey))] = true
		}
	}
}

// has reports whether the secret part of k is published.
func (l leaked) has(k *Key) bool {
	if len(l) == 0 {
		return false
	}
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return l[pairID(keyRSA, p.N.Bytes())]
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		return err != nil || l[pairID(p.Curve.Params().Name, point[1:1+len(point)/2])]
	case ed25519.PublicKey:
		return l[pairID("Ed25519", p)]
	}
	return false
}

func pairID(kind string, number []byte) string {
	return kind + " " + string(bytes.TrimLeft(number, "\x00"))
}

// curveOf returns the curve that "crv" names, and the one algorithm of its keys
// (RFC 7518 §3.4). The curve is nil for an unknown name.
func curveOf(crv string) (elliptic.Curve, string) {
	switch crv {
	case "P-256":
		return elliptic.P256(), "ES256"
	case "P-384":
		return elliptic.P384(), "ES384"
	case "P-521":
		return elliptic.P521(), "ES512"
	default:
		return nil, ""
	}
}

// maxNumber exceeds the size of every number in a usable key.
const maxNumber = 2048 // bytes

// lenientOctets decodes a member in either alphabet of base64, padded or not. It
// returns nil if that fails, and for more than maxNumber bytes.
func lenientOctets(jwk strictjson.Object, name string) []byte {
	text, _ := textMember(jwk, name)
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) > maxNumber {
		return nil
	}
	return b
}
