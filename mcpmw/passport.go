package mcpmw

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
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
	info       auth.TokenInfo
	stamped    context.Context // authorized with info

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
	p.info = auth.TokenInfo{
		UserID:     owner(client),
		Scopes:     slices.Collect(client.Scopes.All()),
		Expiration: client.ExpiresAt,
		Extra:      map[string]any{extraKey: p},
	}
	withInfo.ServeHTTP(nil, credential.WithContext(context.WithValue(ctx, passportKey{}, p)))
	return p.stamped
}

// owner names a client. Two authorities may use the same client ID, and one client may
// act for several subjects.
func owner(client verifier.Client) string {
	var name []byte
	for _, part := range []string{client.Issuer, client.ID, client.Subject} {
		name = append(strconv.AppendQuote(name, part), ' ')
	}
	return string(name)
}

// withInfo sets the TokenInfo of a passport in the request's context, and the result in the
// passport. The SDK has no function for that: only its own middleware sets the value. It
// gets a request without the real credential, whose token was verified before. If it does
// not accept the TokenInfo, stamped stays nil, and the request fails.
var (
	withInfo = auth.RequireBearerToken(
		func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
			return &ctx.Value(passportKey{}).(*passport).info, nil
		},
		&auth.RequireBearerTokenOptions{
			AllowMissingExpiration: true,
			ClockSkew:              math.MaxInt64, // the Verifier has its own clock and leeway
		},
	)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.Context().Value(passportKey{}).(*passport).stamped = r.Context()
	}))
	credential = &http.Request{Header: http.Header{"Authorization": {"Bearer verified"}}}
)

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
