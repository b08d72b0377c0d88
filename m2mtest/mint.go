package m2mtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// TokenSpec describes a token to mint. The zero TokenSpec is a well-formed token
// of a machine without scopes, valid for an hour. Each field changes one thing.
type TokenSpec struct {
	// ClientID is the "sub": always the same m2m-client-test-… if "". A verifier
	// refuses an ID that does not begin with "m2m-client-" as NotMachine, as
	// stytch.Issuer does, unless a client with that ID was imported before
	// [Authority.Issuer] was called. With Options.Issuer it is the client ID as that
	// reads it: "worker" if "".
	ClientID string

	Scopes []string // "scope", joined by spaces, or as the Shape has them

	Issuer   string   // "iss"; the custom domain, the project or the name of Options.Issuer if ""
	Audience []string // "aud"; the project or the first audience of Options.Issuer if nil

	IssuedAt  time.Time     // "iat"; now if zero
	NotBefore time.Time     // "nbf"; IssuedAt if zero
	ExpiresAt time.Time     // "exp"; IssuedAt plus TTL if zero
	TTL       time.Duration // 1 h if zero; negative makes an expired token

	// Header and Claims set members, and override the fields above. [Absent]
	// removes a member. A json.RawMessage is written unchanged.
	Header map[string]any
	Claims map[string]any

	// RawHeader and RawPayload, if not "", replace the whole header and the whole
	// payload. They can be any bytes.
	RawHeader  string
	RawPayload string

	// Key signs instead of the authority's current key, and the header names it.
	// To forge, set another "kid" in Header.
	Key *Key

	// Sign, if set, makes the signature. Signature, if not nil, is the signature;
	// an empty one removes it.
	Sign      func(signingInput []byte) []byte
	Signature []byte
}

type absent string

// Absent, as a value in [TokenSpec].Header or Claims, removes the member.
const Absent absent = "absent"

const defaultClientID = "m2m-client-test-00000000-0000-4000-8000-000000000000"

// Token mints a token of the authority's current key, as spec describes it. It
// needs no registered client, and works after Close. It panics if a value of
// spec can't be encoded as JSON.
func (a *Authority) Token(spec TokenSpec) string {
	key := spec.Key
	if key == nil {
		key = a.keys.current()
	}
	header, payload := []byte(spec.RawHeader), []byte(spec.RawPayload)
	if spec.RawHeader == "" {
		header = members(a.header(key), spec.Header)
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

// header returns the header of the authority's tokens.
func (a *Authority) header(key *Key) map[string]any {
	header := map[string]any{"alg": key.Algorithm, "kid": key.ID, "typ": "JWT"}
	if a.standsFor != nil {
		a.standsFor.setType(header)
	}
	return header
}

// times returns the times of a token.
func (a *Authority) times(spec TokenSpec) (issued, notBefore, expires int64) {
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
	return spec.IssuedAt.Unix(), spec.NotBefore.Unix(), spec.ExpiresAt.Unix()
}

// claims returns the claims of the authority's tokens: Stytch's, or those of
// Options.Issuer.
func (a *Authority) claims(spec TokenSpec) map[string]any {
	claims := map[string]any{}
	claims["iat"], claims["nbf"], claims["exp"] = a.times(spec)
	if a.standsFor != nil {
		a.standsFor.setClaims(claims, spec)
		return claims
	}
	if spec.ClientID == "" {
		spec.ClientID = defaultClientID
	}
	if spec.Issuer == "" {
		spec.Issuer = a.domain
	}
	if spec.Issuer == "" {
		spec.Issuer = "stytch.com/" + a.projectID
	}
	if spec.Audience == nil {
		spec.Audience = []string{a.projectID}
	}
	claims["sub"], claims["iss"], claims["aud"] = spec.ClientID, spec.Issuer, spec.Audience
	claims["scope"] = strings.Join(spec.Scopes, " ")
	return claims
}

// members returns the JSON of base with the members of change.
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
		panic(fmt.Sprintf("m2mtest: a value of the TokenSpec can't be encoded as JSON: %v", err))
	}
	return bytes.TrimSuffix(doc.Bytes(), []byte("\n"))
}
