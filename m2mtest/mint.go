package m2mtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// TokenSpec says what token to mint. The zero TokenSpec is a well-formed token
// of a machine without scopes, good for an hour; every field bends one thing.
type TokenSpec struct {
	ClientID string   // "sub"; one and the same m2m-client-test-… if ""
	Scopes   []string // "scope", joined by spaces

	Issuer   string   // "iss"; the project's if ""
	Audience []string // "aud"; the project if nil

	IssuedAt  time.Time     // "iat"; now if zero
	NotBefore time.Time     // "nbf"; IssuedAt if zero
	ExpiresAt time.Time     // "exp"; IssuedAt and TTL if zero
	TTL       time.Duration // 1 h if zero; negative makes an expired token

	// Header and Claims set members, the above included; [Absent] leaves one
	// out. A json.RawMessage is written as it stands.
	Header map[string]any
	Claims map[string]any

	// RawHeader and RawPayload, if not "", are what is encoded in place of the
	// header and the claims: any bytes.
	RawHeader  string
	RawPayload string

	// Key signs in place of the authority's current one, and the header names
	// it: put another "kid" in Header to forge.
	Key *Key

	// Sign, if set, makes the signature: by another algorithm, in another
	// form. Signature, if not nil, is the signature; an empty one strips it.
	Sign      func(signingInput []byte) []byte
	Signature []byte
}

type absent string

// Absent, as the value of a member in [TokenSpec].Header or Claims, leaves the
// member out.
const Absent absent = "absent"

const defaultClientID = "m2m-client-test-00000000-0000-4000-8000-000000000000"

// Token mints a token: well-formed and of the authority's current key, unless
// spec says otherwise. It needs no registered client, and goes on after Close.
// It panics if spec holds what JSON can't.
func (a *Authority) Token(spec TokenSpec) string {
	key := spec.Key
	if key == nil {
		key = a.keys.current()
	}
	header, payload := []byte(spec.RawHeader), []byte(spec.RawPayload)
	if spec.RawHeader == "" {
		header = members(map[string]any{"alg": key.Algorithm, "kid": key.ID, "typ": "JWT"}, spec.Header)
	}
	if spec.RawPayload == "" {
		payload = members(a.claims(spec), spec.Claims)
	}
	signed := encode(header) + "." + encode(payload)
	signature := spec.Signature
	switch {
	case signature != nil:
	case spec.Sign != nil:
		signature = spec.Sign([]byte(signed))
	default:
		signature = key.Sign([]byte(signed))
	}
	return signed + "." + encode(signature)
}

// claims are those of Stytch's tokens.
func (a *Authority) claims(spec TokenSpec) map[string]any {
	if spec.ClientID == "" {
		spec.ClientID = defaultClientID
	}
	if spec.Issuer == "" {
		spec.Issuer = "stytch.com/" + a.projectID
	}
	if spec.Audience == nil {
		spec.Audience = []string{a.projectID}
	}
	if spec.TTL == 0 {
		spec.TTL = time.Hour
	}
	if spec.IssuedAt.IsZero() {
		spec.IssuedAt = a.now()
	}
	if spec.NotBefore.IsZero() {
		spec.NotBefore = spec.IssuedAt
	}
	if spec.ExpiresAt.IsZero() {
		spec.ExpiresAt = spec.IssuedAt.Add(spec.TTL)
	}
	return map[string]any{
		"sub":   spec.ClientID,
		"iss":   spec.Issuer,
		"aud":   spec.Audience,
		"scope": strings.Join(spec.Scopes, " "),
		"iat":   spec.IssuedAt.Unix(),
		"nbf":   spec.NotBefore.Unix(),
		"exp":   spec.ExpiresAt.Unix(),
	}
}

// members is the JSON object of base, changed by change.
func members(base, change map[string]any) []byte {
	for name, value := range change {
		if value == Absent {
			delete(base, name)
			continue
		}
		base[name] = value
	}
	var doc bytes.Buffer
	e := json.NewEncoder(&doc)
	e.SetEscapeHTML(false)
	if err := e.Encode(base); err != nil {
		panic(fmt.Sprintf("m2mtest: a TokenSpec holds what JSON can't: %v", err))
	}
	return bytes.TrimSuffix(doc.Bytes(), []byte("\n"))
}
