package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// TokenEndpointOptions are the optional parts of a [TokenEndpoint]. The zero value is
// the default.
type TokenEndpointOptions struct {
	// BaseURL is the base URL of Stytch's API, such as a custom domain or a local
	// authority. It must be https, or http on loopback. If it is "", the project ID
	// determines it.
	BaseURL string

	// Transport sends the requests to Stytch. If nil, the TokenEndpoint uses a copy
	// of http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout limits a request to Stytch: 10 s if zero.
	Timeout time.Duration

	// Parameters names further parameters of token requests to forward: none if
	// empty. A custom claims template can copy them into the token. The caller
	// chooses the value of such a claim.
	Parameters []string

	// ClientAddr returns the address of the client, for the limits. If nil, it is
	// the connection's remote address. Behind a proxy that is the proxy's address,
	// and all clients share one limit: use [Proxies.ClientAddr] there. Requests
	// with an invalid address share one limit.
	ClientAddr func(*http.Request) netip.Addr

	// KeySet, if set, learns new keys from the tokens: before a token with an
	// unknown key is returned, the KeySet is fetched again. Stytch announces a
	// rotation in no other way.
	KeySet *KeySet

	// Issuer is the Issuer of the published [Metadata], if services are to verify tokens
	// by that document: they expect it as "iss" (RFC 9068 §4). "" for no check.
	// Stytch writes its own custom domain there, or else "stytch.com/" and the project
	// ID. NewTokenEndpoint refuses an Issuer that can't be that, and Answer.Warning
	// reports each token with another "iss". docs/issuers.md, "Names of Stytch's
	// tokens", says what to do.
	Issuer string

	// PerAddress limits the requests of an address: 10 per second with bursts of 100
	// if zero. IPv6 addresses are counted by their /64.
	PerAddress Limit

	// Failures limits the failed authentications of a client ID at an address: one
	// in 10 s with bursts of 10 if zero. Requests beyond the limit are refused
	// without a request to Stytch. The same client ID at other addresses is not
	// affected, so that strangers can't lock a customer out.
	Failures Limit

	// Tracked limits the addresses, the pairs of client ID and address, and the client
	// IDs that failed, that are remembered: 50,000 of each if zero, which takes up to 32
	// MB. The least used are forgotten first.
	Tracked int

	// Limiter, if set, counts PerAddress and Failures for all replicas of the gateway
	// together, in addition to the limits of this process. If it fails, those alone
	// apply, and Answer.LimiterErr has the error. Client IDs are tried at several
	// replicas at once: the first failures can exceed the burst of Failures, and count
	// afterwards. A Limiter that is used by gateways of several projects counts an
	// address once for all.
	Limiter Limiter

	// Observe, if set, is called with every Answer before it is sent, for an audit
	// log or metrics. It must be safe for concurrent use. A panic in it is
	// recovered.
	Observe func(context.Context, Answer)
}

// checkIssuer refuses an Issuer that Stytch certainly does not write into tokens.
func checkIssuer(issuer, baseURL, projectID string) error {
	if err := outbound.CheckOrigin("Issuer", issuer); err != nil || issuer == "" {
		return err
	}
	switch strings.TrimSuffix(baseURL, "/") {
	case "", "https://test.stytch.com", "https://api.stytch.com":
		return fmt.Errorf(`option Issuer is %s, but tokens from Stytch's own domain name "stytch.com/%s": set BaseURL to the `+
			`project's custom domain, or leave Issuer out and tell services that name`, outbound.Quote(issuer), projectID)
	}
	return nil
}

// checkParameters refuses parameters of other ways to authenticate, and of grants for
// people, which Stytch serves at the same path.
func checkParameters(names []string) error {
	var errs []error
	for i, name := range names {
		switch name {
		case "":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is empty: write a parameter's name", i))
		case "grant_type", "client_id", "client_secret", "scope":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is %q, which is always forwarded: leave it out", i, name))
		case "client_assertion", "client_assertion_type", "assertion", "code", "code_verifier", "redirect_uri",
			"refresh_token", "device_code", "username", "password", "subject_token", "actor_token":
			errs = append(errs, fmt.Errorf("option Parameters[%d] is %q, which belongs to another grant or another way "+
				"to authenticate: leave it out", i, name))
		}
	}
	return errors.Join(errs...)
}
