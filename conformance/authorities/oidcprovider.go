package authorities

import (
	"testing"
	"time"
)

// The resources that an OIDCProvider knows (RFC 8707). The first three get JWTs of
// RFC 9068, signed by the algorithm in the name; the last gets opaque tokens.
const (
	ResourceRS256  = "https://rs256.example.com/"
	ResourceES256  = "https://es256.example.com/"
	ResourceEdDSA  = "https://eddsa.example.com/"
	ResourceOpaque = "https://opaque.example.com/"
)

// OIDCProviderOptions are the optional parts of StartOIDCProvider.
type OIDCProviderOptions struct {
	// CA issues the server's certificate, and those of the clients of
	// tls_client_auth: a new one if nil.
	CA *CA

	// TokenLife limits access tokens, in whole seconds: 1 h if zero.
	TokenLife time.Duration

	// MTLSAlias makes the authority ask for client certificates at a second
	// address only, which its metadata name in mtls_endpoint_aliases (RFC 8705
	// §5). Otherwise it asks for them everywhere.
	MTLSAlias bool

	// JWTIntrospection makes the authority sign or encrypt its answers about tokens
	// for the clients whose metadata ask for that (RFC 9701 §6).
	JWTIntrospection bool
}

// OIDCProvider runs oidc-provider, the OpenID Connect server of npm. Its
// endpoints are /token, /token/introspection, /token/revocation and /jwks.
type OIDCProvider struct {
	Issuer string
	CA     *CA
	proc   *process
}

// StartOIDCProvider starts an authority without clients. It ends with the test.
func StartOIDCProvider(tb testing.TB, opts *OIDCProviderOptions) *OIDCProvider {
	tb.Helper()
	var o OIDCProviderOptions
	if opts != nil {
		o = *opts
	}
	if o.CA == nil {
		o.CA = NewCA(tb)
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	resource := func(format, alg, audience string) map[string]any {
		r := map[string]any{
			"audience": audience, "scope": "read:users write:users",
			"accessTokenFormat": format, "accessTokenTTL": int(o.TokenLife.Seconds()),
		}
		if alg != "" {
			r["jwt"] = map[string]any{"sign": map[string]any{"alg": alg}}
		}
		return r
	}
	cert, key := o.CA.pemPair(o.CA.Server())
	p := &OIDCProvider{CA: o.CA}
	var ready struct{ Issuer string }
	p.proc = startNode(tb, "oidcprovider.mjs", map[string]any{
		"tls": map[string]any{"cert": cert, "key": key, "ca": o.CA.PEM()},
		"resources": map[string]any{
			ResourceRS256:  resource("jwt", "RS256", ResourceRS256),
			ResourceES256:  resource("jwt", "ES256", ResourceES256),
			ResourceEdDSA:  resource("jwt", "EdDSA", ResourceEdDSA),
			ResourceOpaque: resource("opaque", "", ResourceOpaque),
		},
		"ttl":              int(o.TokenLife.Seconds()),
		"mtlsAlias":        o.MTLSAlias,
		"jwtIntrospection": o.JWTIntrospection,
	}, &ready)
	p.Issuer = ready.Issuer
	return p
}

// Register adds a client by its metadata (RFC 7591 §2), or changes it: its secret
// or its keys, say. What Register does not name is for a client of the
// client_credentials grant.
func (p *OIDCProvider) Register(clientID string, metadata map[string]any) {
	p.proc.tb.Helper()
	full := map[string]any{
		"client_id":      clientID,
		"grant_types":    []string{"client_credentials"},
		"redirect_uris":  []string{},
		"response_types": []string{},
	}
	for name, value := range metadata {
		full[name] = value
	}
	p.proc.do("client", full, nil)
}

// RotateKeys makes the authority sign with new keys. It goes on publishing the old
// ones if keepOld, and removes them otherwise.
func (p *OIDCProvider) RotateKeys(keepOld bool) {
	p.proc.tb.Helper()
	p.proc.do("rotate", map[string]bool{"keepOld": keepOld}, nil)
}

// RequireNonce makes the token endpoint ask for a nonce in DPoP proofs (RFC 9449 §8).
func (p *OIDCProvider) RequireNonce(required bool) {
	p.proc.tb.Helper()
	p.proc.do("nonce", required, nil)
}

// Down makes the authority drop every connection without an answer.
func (p *OIDCProvider) Down(down bool) {
	p.proc.tb.Helper()
	p.proc.do("down", down, nil)
}

// TokenRequest describes a request that has reached the token endpoint.
type TokenRequest struct {
	Client string // "" if it was not recognized
	Error  string // "" if a token was issued
	Detail string // why, for people
}

// TokenRequests returns the token requests since it was called last.
func (p *OIDCProvider) TokenRequests() []TokenRequest {
	p.proc.tb.Helper()
	var seen []TokenRequest
	p.proc.do("seen", nil, &seen)
	return seen
}
