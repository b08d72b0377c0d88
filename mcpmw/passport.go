package mcpmw

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/m2mauth/m2mauth/verifier"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// passport carries the verified call of one HTTP request to the middleware that decides
// on its message, and the requirement of that message to the store of its events.
//
// The SDK gives middleware the context of the request that opened the session. What it
// hands on for each request is TokenInfo, in RequestExtra.
type passport struct {
	authorized context.Context // of the HTTP request

	mu      sync.Mutex
	decided bool
	demands []demand // of the message, once it is decided
}

// extraKey is the key of a passport in TokenInfo.Extra. Only this package can make a
// value of its type.
const extraKey = "github.com/m2mauth/m2mauth/mcpmw"

// passportKey is the key of a passport in a context.
type passportKey struct{}

// withPassport returns ctx with a passport for its verified client, and with the
// TokenInfo that makes the client the owner of its session.
func withPassport(ctx context.Context) context.Context {
	client, _ := verifier.ClientFromContext(ctx)
	p := &passport{authorized: ctx}
	return withTokenInfo(context.WithValue(ctx, passportKey{}, p), &auth.TokenInfo{
		// Two authorities may use the same client ID, and one client may act for
		// several subjects.
		UserID:     fmt.Sprintf("%q %q %q", client.Issuer, client.ID, client.Subject),
		Scopes:     slices.Collect(client.Scopes.All()),
		Expiration: client.ExpiresAt,
		Extra:      map[string]any{extraKey: p},
	})
}

// withTokenInfo returns ctx with info. The SDK has no function for that: only its own
// middleware sets the value. It gets a request without the real credential, whose token
// was verified before.
func withTokenInfo(ctx context.Context, info *auth.TokenInfo) context.Context {
	verified := func(context.Context, string, *http.Request) (*auth.TokenInfo, error) { return info, nil }
	capture := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })
	request := (&http.Request{Header: http.Header{"Authorization": {"Bearer verified"}}}).WithContext(ctx)
	ctx = nil // stays nil, and the request fails, if the SDK does not accept info
	auth.RequireBearerToken(verified, &auth.RequireBearerTokenOptions{
		AllowMissingExpiration: true,
		ClockSkew:              math.MaxInt64, // the Verifier has its own clock and leeway
	})(capture).ServeHTTP(nil, request)
	return ctx
}

// passportOf returns the passport of a message, or nil if it did not come through a
// Handler.
func passportOf(req mcp.Request) *passport {
	extra := req.GetExtra()
	if extra == nil || extra.TokenInfo == nil {
		return nil
	}
	p, _ := extra.TokenInfo.Extra[extraKey].(*passport)
	return p
}

// decide records demands of the message. Another Guard of the same server adds its own.
func (p *passport) decide(demands []demand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decided = true
	for _, d := range demands {
		if !slices.ContainsFunc(p.demands, func(known demand) bool { return known.need.Equal(d.need) }) {
			p.demands = append(p.demands, d)
		}
	}
}

// required returns the demands of the message. ok is false before it is decided.
func (p *passport) required() (demands []demand, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.demands), p.decided
}
