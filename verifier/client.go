package verifier

import (
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
)

// Client describes the machine that a verified token identifies. Issuer and ID
// together are its identity: two authorities may use the same client ID. A
// handler may change its copy: no other call sees that.
type Client struct {
	ID        string     // from the first present of Issuer.ClientIDClaims
	Subject   string     `json:",omitzero"` // "sub", or ""
	Issuer    string     // the configured Issuer.Name, also if the token names an alias
	TokenID   string     `json:",omitzero"` // "jti", or "" without one, or if it is the token itself
	KeyID     string     `json:",omitzero"` // "kid" of the key that verified the token, or ""
	Scopes    scopes.Set // what the token grants
	IssuedAt  time.Time  `json:",omitzero"` // "iat", or zero
	NotBefore time.Time  `json:",omitzero"` // "nbf", or zero
	ExpiresAt time.Time  `json:",omitzero"` // "exp"; zero only if an introspected token has none

	token *token // nil in a Client that no Verifier made
}

// Audience returns a copy of the token's audience, and nil for a Client without
// a token.
func (c Client) Audience() []string {
	if c.token == nil {
		return nil
	}
	if one, isText := c.token.audience.Text(); isText {
		return []string{one}
	}
	all, _ := c.token.audience.Texts(maxItems)
	return all
}

// ErrNoClaims is the error of [Client.Claims] for a Client that does not come
// from a token.
var ErrNoClaims = errors.New("m2mauth: the client has no claims: it does not come from a token")

// Claims decodes the token's payload into dst, a pointer, as encoding/json's
// Unmarshal does: json.Number, time.Duration in nanoseconds, tag options,
// embedded structs and null included. One thing differs: names match
// case-sensitively, so that a claim "Role" never fills a field tagged "role". It
// decodes exactly the bytes whose signature was verified, or the authority's answer
// about an opaque token. For a Client without a
// token it returns ErrNoClaims.
func (c Client) Claims(dst any) error {
	if c.token == nil {
		return ErrNoClaims
	}
	return jsonv2.UnmarshalExact([]byte(c.token.payload), dst)
}

// claim returns one claim of the payload, or the zero Value if it is absent.
func (c Client) claim(name string) strictjson.Value {
	if c.token == nil {
		return strictjson.Value{}
	}
	v, _ := c.token.members.Get(name)
	return v
}
