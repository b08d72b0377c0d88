package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/c2sp/wycheproof"
)

// file holds the members of a Wycheproof file that are used here.
type file struct {
	Count  int     `json:"numberOfTests"`
	Groups []group `json:"testGroups"`
}

// group is a key and its signatures. Different schemas have different members.
type group struct {
	Public  json.RawMessage `json:"public"`  // a JWK or a JWK Set
	Private json.RawMessage `json:"private"` // likewise

	PublicKeyJWK json.RawMessage `json:"publicKeyJwk"`
	KeyJWK       json.RawMessage `json:"keyJwk"`
	PublicKey    struct {
		Curve        string   `json:"curve"`
		Uncompressed hexBytes `json:"uncompressed"`
		Modulus      hexBytes `json:"modulus"`
		Exponent     hexBytes `json:"publicExponent"`
	} `json:"publicKey"`

	Hash     string `json:"sha"`
	MaskHash string `json:"mgfSha"`
	SaltLen  int    `json:"sLen"`

	Tests []vector `json:"tests"`
}

type vector struct {
	ID      int             `json:"tcId"`
	Comment string          `json:"comment"`
	Result  string          `json:"result"`
	JWS     json.RawMessage `json:"jws"` // a string, or an object in JSON serialization
	JWE     json.RawMessage `json:"jwe"`
	Message hexBytes        `json:"msg"`
	Sig     hexBytes        `json:"sig"`
}

// token is a JWS or JWE. Some files write it as another value than a string.
func (v vector) token() string {
	raw := v.JWS
	if raw == nil {
		raw = v.JWE
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// load returns a file of Wycheproof, or the one in rfc.go.
func load(name string) (file, error) {
	if name == rfcVectors {
		return rfcFile(), nil
	}
	doc, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		return file{}, err
	}
	var f file
	if err := json.Unmarshal(doc, &f); err != nil {
		return file{}, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}
