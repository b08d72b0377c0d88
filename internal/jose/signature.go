package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
)

// Verify verifies the signature of t under k. parts are those of t, and algorithm
// is the one that UsableFor returned for k. The error is of kind [ErrAlgorithm]
// or [ErrSignature].
func (t Token) Verify(parts Parts, k *Key, algorithm string) error {
	if t.Header.Algorithm != algorithm {
		return &tokenError{kind: ErrAlgorithm, text: "not the key's"}
	}
	var buf [1024]byte // keeps the copy of an ordinary token off the heap
	return k.VerifyBytes(algorithm, append(buf[:0], t.signed...), parts.signature)
}

// VerifyBytes verifies a signature over any bytes under k, with the algorithm that
// UsableFor returned. [Token.Verify] calls it; test vectors that sign other bytes
// than a token can call it directly.
//
// It calls the standard library and not jwx, which would pass the same bytes to
// the same functions after looking up the algorithm for each token.
func (k *Key) VerifyBytes(algorithm string, signed, signature []byte) error {
	a, ok := algorithms[algorithm]
	if !ok || k.Algorithm != "" && k.Algorithm != algorithm {
		return ErrSignature
	}
	good := false
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		good = a.keyType == keyRSA && verifyRSA(public, a, signed, signature)
	case *ecdsa.PublicKey:
		good = a.keyType == keyEC && verifyECDSA(public, a, signed, signature)
	case ed25519.PublicKey:
		good = a.keyType == keyOKP && ed25519.Verify(public, signed, signature) // RFC 8037 §3.1
	}
	if !good {
		return ErrSignature
	}
	return nil
}

// verifyRSA verifies by RFC 7518 §3.3 and §3.5. The salt of a PSS signature must
// be as long as the hash.
func verifyRSA(public *rsa.PublicKey, a algorithm, signed, signature []byte) bool {
	var sum [maxDigest]byte
	digest := a.digest(&sum, signed)
	if a.pss {
		opts := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(public, a.hash, digest, signature, &opts) == nil
	}
	return rsa.VerifyPKCS1v15(public, a.hash, digest, signature) == nil
}

// verifyECDSA verifies by RFC 7518 §3.4: the signature is r and s, each of the
// full size of the curve's order. crypto/ecdsa checks that both are in range.
func verifyECDSA(public *ecdsa.PublicKey, a algorithm, signed, signature []byte) bool {
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	var sum [maxDigest]byte
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, a.digest(&sum, signed), r, s)
}

const maxDigest = sha512.Size

// digest hashes data into sum.
func (a algorithm) digest(sum *[maxDigest]byte, data []byte) []byte {
	switch a.hash {
	case crypto.SHA256:
		d := sha256.Sum256(data)
		return append(sum[:0], d[:]...)
	case crypto.SHA384:
		d := sha512.Sum384(data)
		return append(sum[:0], d[:]...)
	default:
		*sum = sha512.Sum512(data)
		return sum[:]
	}
}
