package verifier

import (
	"errors"
	"time"

	"github.com/m2mauth/m2mauth/internal/jsonv2"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
)

// Client is the machine that a verified token stands for. It is a value: what
// one handler does to its copy, no other call sees.
//
// (Issuer, ID) is the identity: two authorities may use the same client ID.
type Client struct {
	ID        string     // from the first present of Issuer.ClientIDClaims
	Subject   string     `json:",omitzero"` // "sub", or ""
	Issuer    string     // the configured Issuer.Name, never an alias
	TokenID   string     `json:",omitzero"` // "jti", or ""
	KeyID     string     `json:",omitzero"` // "kid" of the key that verified the token, or ""
	Scopes    scopes.Set // what the token grants
	IssuedAt  time.Time  `json:",omitzero"` // "iat", or zero
	NotBefore time.Time  `json:",omitzero"` // "nbf", or zero
	ExpiresAt time.Time  `json:",omitzero"` // "exp"; never zero in a verified Client

	token *token // nil in a Client that no Verifier made
}

// Audience returns the token's audience: a copy.
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

// ErrNoClaims is what [Client.Claims] returns for a Client without a token
// behind it.
var ErrNoClaims = errors.New("m2mauth: the client has no claims: it does not come from a token")

// Claims decodes the token's payload into dst, a pointer, as encoding/json's
// Unmarshal does: json.Number, time.Duration in nanoseconds, tag options,
// embedded structs and null included. One thing differs: names match
// case-sensitively. A claim "Role" never fills a field tagged "role", for two
// readers of one token must not see two values. The bytes are exactly those
// whose signature was checked. A Client without a token returns ErrNoClaims.
func (c Client) Claims(dst any) error {
	if c.token == nil {
		return ErrNoClaims
	}
	return jsonv2.UnmarshalExact([]byte(c.token.payload), dst)
}

// claim returns one claim of the payload, which was checked when the token was.
// It is the zero Value if the claim is absent.
func (c Client) claim(name string) strictjson.Value {
	if c.token == nil {
		return strictjson.Value{}
	}
	v, _ := c.token.members.Get(name)
	return v
}
