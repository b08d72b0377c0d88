package verifier

import (
	"context"
	"slices"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/scopes"
)

// This file is a token's way from the request to the context: Authorize calls
// decide, decide calls verify, verify calls claims.identify.

// Authorize decides one call: which client is calling, and whether it meets
// need. The returned context holds the Client for [ClientFromContext].
//
// A Client that ctx already holds is never read, and is hidden. If two
// Verifiers guard one call, both decide, and the handler finds the inner one's
// Client.
//
// With [scopes.Public] the credential is not read, Check is not called, and
// there is no Client. With the zero Requirement every call is refused.
//
// The error is an [*Error]. The context returned with it holds no Client.
func (v *Verifier) Authorize(ctx context.Context, r Request, need scopes.Requirement) (context.Context, error) {
	ctx = orBackground(ctx)
	if need.IsPublic() {
		v.report(ctx, &r, need, &decision{})
		return withoutClient(ctx), nil
	}
	d := v.decide(ctx, &r, nil, need)
	if d.err != nil {
		return withoutClient(ctx), d.err
	}
	c := call{client: &d.token.client, operation: r.Operation, peers: d.peers, realm: r.Realm, metadata: r.ResourceMetadata}
	if d.token.bound.key != "" {
		c.proof = r.DPoP[0]
	}
	return withCall(ctx, c), nil
}

// Verify verifies a token that did not come with a call, and returns its
// Client. It refuses tokens that are bound to a certificate or a key (RFC 8705,
// RFC 9449): without a call, nothing can prove possession. [Config].Check and
// Observe are called as for a call, with a zero [Request]. The error is an
// [*Error].
func (v *Verifier) Verify(ctx context.Context, token string) (Client, error) {
	d := v.decide(orBackground(ctx), &Request{}, &token, scopes.Authenticated())
	if d.err != nil {
		return Client{}, d.err
	}
	return d.token.client, nil
}

// decide makes the decision about one call, for every transport, and reports
// it to Observe. If bare is nil, the token is in r's credential.
func (v *Verifier) decide(ctx context.Context, r *Request, bare *string, need scopes.Requirement) (d decision) {
	if v.observes() {
		d.began = time.Now()
	}
	v.decideToken(ctx, r, bare, need, &d)
	v.describe(&d, r, need)
	if v.observes() {
		d.ended = time.Now()
	}
	v.report(ctx, r, need, &d)
	return d
}

// describe completes the error with what its challenge shows.
func (v *Verifier) describe(d *decision, r *Request, need scopes.Requirement) {
	if d.err == nil {
		return
	}
	d.err.Need, d.err.Realm, d.err.ResourceMetadata = need, r.Realm, r.ResourceMetadata
	d.err.proofs = v.proofScheme(d.scheme)
}

// decideToken finds the token, verifies it unless it is remembered, and then
// checks what can change between two calls: revocation, the caller's possession of
// what the token is bound to, Check, and the requirement.
func (v *Verifier) decideToken(ctx context.Context, r *Request, bare *string, need scopes.Requirement, d *decision) {
	if v.isClosed() {
		d.err = refuse(Unavailable, Closed)
		return
	}
	raw, scheme := v.plain(r)
	if bare != nil {
		raw, scheme = *bare, bearer
	}
	// A remembered text is that of a verified token. Neither its size nor the
	// syntax of the credential around it needs a second check.
	if !d.dry {
		d.token, d.now = v.remembered(raw, d.began)
	}
	if d.token == nil && bare == nil {
		d.reach(checkCredential)
		plain := raw
		raw, scheme, d.err = v.credential(r)
		if d.scheme = scheme; d.err != nil {
			return
		}
		if raw != plain && !d.dry {
			d.token, d.now = v.remembered(raw, d.began)
		}
	}
	d.scheme = scheme
	if d.token != nil {
		d.issuer, d.cached = d.token.issuer, true
	} else if d.err = v.verify(ctx, raw, d); d.err != nil {
		return
	}
	d.reach(checkRevoked)
	if d.err = v.checkRevoked(d.token, d.now); d.err != nil {
		return
	}
	d.reach(checkPeer)
	if d.trace != nil {
		d.trace.asksPeer = r.PeerCertificatesFrom != nil
	}
	if d.err = r.findPeer(ctx); d.err != nil {
		return
	}
	d.peers = r.PeerCertificates
	d.reach(checkPossession)
	if d.err = v.checkBinding(ctx, raw, r, d); d.err != nil {
		return
	}
	d.err = v.checkClient(ctx, &d.token.client, r, need, d)
}

// checkClient calls Config.Check and compares the client's scopes with need.
func (v *Verifier) checkClient(ctx context.Context, client *Client, r *Request, need scopes.Requirement, d *decision) *Error {
	d.reach(checkConfigured)
	if !d.withoutCheck {
		if err := v.check(ctx, client, r); err != nil {
			return err
		}
	}
	d.reach(checkRequirement)
	return checkScopes(client.Scopes, need)
}

// checkScopes refuses a client whose scopes do not meet need.
func checkScopes(granted scopes.Set, need scopes.Requirement) *Error {
	switch {
	case need.MetBy(granted):
		return nil
	case need.IsZero():
		return refuse(InsufficientScope, NoRequirement)
	default:
		return refuseWith(InsufficientScope, ScopeMissing, scopesMissing(granted, need))
	}
}

// verify verifies a token and stores it in d, and d.issuer as soon as it is
// known. The order keeps hostile tokens cheap: a token that its claims or its
// header refuse causes no fetch and no signature check. Only verified tokens
// are remembered.
func (v *Verifier) verify(ctx context.Context, raw string, d *decision) *Error {
	d.reach(checkSize)
	if len(raw) > v.cfg.MaxTokenBytes {
		return refuseWith(InvalidToken, TooLarge, tooLong(len(raw), v.cfg.MaxTokenBytes))
	}
	d.reach(checkForm)
	if d.trace != nil {
		d.trace.size = len(raw)
	}
	if v.opaque != nil && !hasJOSEForm(raw) {
		return v.opaque.verify(ctx, raw, d)
	}
	var buf jose.Buffers
	parsed, parts, err := jose.ParseToken(raw, v.cfg.MaxTokenBytes/bytesPerMember, &v.headers, &buf)
	if err != nil {
		return joseError(err)
	}
	// The issuer is chosen by a claim that is not verified yet. That is safe:
	// it only selects, among the configured issuers, whose keys and rules the
	// token must pass.
	d.read(parsed.Header, parts.Claims)
	d.reach(checkIssuer)
	registered := findRegistered(parts.Claims)
	iss := v.issuerOf(&registered)
	if iss == nil {
		return refuseWith(InvalidToken, UnknownIssuer, v.unknownIssuer(registered.iss, registered.sub))
	}
	d.issuer = iss
	if refused := registered.checkTrustDomain(iss); refused != nil {
		return refused
	}
	if iss.Introspect != nil {
		return v.opaque.verify(ctx, raw, d)
	}

	c := claims{parts.Claims, iss}
	d.reach(checkAudience)
	audience, refused := c.audience()
	if refused != nil {
		return refused
	}
	d.reach(checkTimes)
	dates, refused := registered.dates(iss)
	if refused != nil {
		return refused
	}
	lifetime := dates.lifetime(v.cfg.Leeway, iss.MaxTokenAge)
	now := v.cfg.Now()
	d.reach(checkExpiry)
	if refused := lifetime.at(now); refused != nil {
		return refused
	}
	d.reach(checkLife)
	if refused := dates.checkLife(now, v.cfg.Leeway, iss.MaxTokenLife); refused != nil {
		return refused
	}
	d.reach(checkType)
	if !iss.accepts(parsed.Header.Type, parsed.Header.HasType) {
		return refuseWith(InvalidToken, TokenType, headerIs("typ", parsed.Header.Type, parsed.Header.HasType, iss.TokenTypes))
	}
	d.reach(checkAlgorithm)
	if !slices.Contains(iss.Algorithms, parsed.Header.Algorithm) {
		return refuseWith(InvalidToken, Algorithm, headerIs("alg", parsed.Header.Algorithm, true, iss.Algorithms))
	}

	d.reach(checkKey)
	key, set, err := d.findKey(ctx, jwks.Query{
		KeyID:     parsed.Header.KeyID,
		Algorithm: parsed.Header.Algorithm,
		IssuedAt:  dates.issued,
		Now:       now,
	})
	if err != nil {
		return keyError(err)
	}
	d.reach(checkSignature)
	if err := parsed.Verify(parts, key.Key, key.Algorithm); err != nil {
		if !d.dry {
			iss.source.Suspect() // the authority may have replaced the key under its ID
		}
		return joseError(err)
	}
	if !d.dry {
		v.headers.Admit(parsed)
	}

	// Find may have waited for seconds.
	d.now = v.cfg.Now()
	d.reach(checkExpiry)
	if refused := lifetime.at(d.now); refused != nil {
		return refused
	}
	t := &token{
		client: Client{
			Issuer:    iss.Name,
			KeyID:     key.ID,
			IssuedAt:  dates.issued,
			NotBefore: dates.notBefore,
			ExpiresAt: dates.expires,
		},
		issuer:   iss,
		set:      set,
		key:      key,
		named:    parsed.Header.KeyID != "",
		lifetime: lifetime,
		payload:  parsed.Payload,
		members:  slices.Clone(parts.Claims), // out of buf
		audience: audience,
	}
	if d.trace != nil {
		d.trace.token = t
	}
	if refused := c.identify(t, &registered, d); refused != nil {
		return refused
	}
	d.token = t
	if !d.dry {
		v.cache.Put(raw, t, t.size())
	}
	return nil
}

// findKey returns the key that a token names. Unless d is dry, it may wait for a
// fetch.
func (d *decision) findKey(ctx context.Context, q jwks.Query) (jwks.Key, *jwks.Set, error) {
	if d.dry {
		return d.issuer.source.Peek(q)
	}
	return d.issuer.source.Find(ctx, q)
}

// bytesPerMember bounds how many members a token may have by MaxTokenBytes. A
// Keycloak token with the roles of 130 clients has some 280 members.
const bytesPerMember = 16
