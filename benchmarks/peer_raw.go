package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

var errSignature = errors.New("the signature does not match")

// rawSignature is the lower bound: it decodes the signature and verifies it over the
// token's bytes with the standard library. It parses neither header nor claims.
func rawSignature() peer {
	return peer{
		name:   raw,
		byHand: "nothing but the signature is checked",
		bare:   true,
		build: func(t trust) (verify, error) {
			check, err := checker(t.key.Private.Public())
			if err != nil {
				return nil, err
			}
			return func(_ context.Context, token string) (string, error) {
				dot := strings.LastIndexByte(token, '.')
				signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
				if err != nil {
					return "", err
				}
				return "", check(token[:dot], signature)
			}, nil
		},
	}
}

// checker verifies signatures as JWS defines them (RFC 7518 §3.3 and §3.4, RFC 8037
// §3.1).
func checker(key crypto.PublicKey) (func(input string, signature []byte) error, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return func(input string, signature []byte) error {
			digest := sha256.Sum256([]byte(input))
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
		}, nil
	case *ecdsa.PublicKey:
		return func(input string, signature []byte) error {
			digest := sha256.Sum256([]byte(input))
			half := len(signature) / 2
			r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
			if !ecdsa.Verify(key, digest[:], r, s) {
				return errSignature
			}
			return nil
		}, nil
	case ed25519.PublicKey:
		return func(input string, signature []byte) error {
			if !ed25519.Verify(key, []byte(input), signature) {
				return errSignature
			}
			return nil
		}, nil
	default:
		return nil, fmt.Errorf("no signature check for %T", key)
	}
}
