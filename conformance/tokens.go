package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
)

var allAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// judgeTokens loads a group's keys as an issuer's, and finds a token's key as the
// verifier does.
func judgeTokens(_ suite, g group) (func(vector) bool, string, error) {
	doc := g.Public
	if doc == nil {
		doc = g.Private // a secret of two parties, or the key that decrypts
	}
	doc, err := asKeySet(doc)
	if err != nil {
		return nil, "", err
	}
	set, err := keySet(doc)
	if err != nil {
		return nil, "", err
	}
	return func(v vector) bool { return acceptsToken(set, v.token()) }, tokenDesign(g, doc), nil
}

// tokenDesign returns the reason to refuse a whole group: its key is for something
// that no verifier of access tokens may do.
func tokenDesign(g group, keySet []byte) string {
	if g.Tests[0].JWE != nil {
		return "encrypted tokens (JWE)"
	}
	var set struct {
		Keys []struct{ Kty, Use string }
	}
	// asKeySet made it, so missing members are simply absent.
	_ = json.Unmarshal(keySet, &set)
	for _, k := range set.Keys {
		if k.Kty == "oct" && k.Use != "enc" {
			return "symmetric keys (HMAC)"
		}
	}
	return ""
}

func asKeySet(doc []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, fmt.Errorf("no key: %w", err)
	}
	if _, isSet := members["keys"]; isSet {
		return doc, nil
	}
	return bytes.Join([][]byte{[]byte(`{"keys":[`), doc, []byte("]}")}, nil), nil
}

// keySet compiles a document for an issuer that signs with any algorithm. It returns
// nil if no key can be used.
func keySet(doc []byte) (*jwks.Set, error) {
	if _, err := jose.ParseKeySet(doc, jose.Options{}); err != nil {
		return nil, err
	}
	source := jwks.New(jwks.Options{
		Fetch:          jwks.FromFunc(func(context.Context) ([]byte, error) { return doc, nil }),
		Algorithms:     allAlgorithms,
		MaxBytes:       1 << 20,
		Interval:       time.Hour,
		MaxStale:       24 * time.Hour,
		Timeout:        time.Minute,
		Slots:          jwks.NewSlots(1),
		Now:            time.Now,
		RandomFraction: func() float64 { return 1 },
	})
	defer source.Close()
	_ = source.Refresh(context.Background()) // it fails if nothing in the document can be used
	return source.Current(), nil
}

// acceptsToken reports whether the signature of a compact JWS is good under the key
// of set that it names.
//
// Wycheproof signs "foo" and the like, which are no claims sets, so ParseToken must
// refuse all its tokens. acceptsToken therefore parses the token with {} as payload,
// and decodes the real payload as a signature, which may be any bytes.
func acceptsToken(set *jwks.Set, compact string) bool {
	if set == nil {
		return false
	}
	if t, parts, err := jose.ParseToken(compact, 512, nil, nil); err == nil {
		key, why := set.Lookup(t.Header.KeyID, t.Header.Algorithm)
		return why == jwks.Found && t.Verify(parts, key.Key, key.Algorithm) == nil
	}
	first, last := strings.IndexByte(compact, '.'), strings.LastIndexByte(compact, '.')
	if first < 0 || first == last {
		return false
	}
	header, payload, signature := compact[:first], compact[first+1:last], compact[last+1:]
	const claims = ".e30." // {}
	t, _, err := jose.ParseToken(header+claims+signature, 512, nil, nil)
	if err != nil {
		return false
	}
	if payload != "" {
		if _, _, err := jose.ParseToken(header+claims+payload, 512, nil, nil); err != nil {
			return false
		}
	}
	key, verdict := set.Lookup(t.Header.KeyID, t.Header.Algorithm)
	if verdict != jwks.Found {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && key.VerifyBytes(key.Algorithm, []byte(header+"."+payload), sig) == nil
}
