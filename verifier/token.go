package verifier

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/jwks"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// token is a verified token: what one good signature proved. It is immutable.
// What can change between two calls is not in it.
type token struct {
	client      Client // with a reference to this token
	issuer      *issuer
	set         *jwks.Set // that it was verified under
	key         jwks.Key
	named       bool // by its header, with a key ID
	lifetime    lifetime
	payload     string            // the bytes that were signed
	members     strictjson.Object // of payload
	audience    strictjson.Value
	certificate *[sha256.Size]byte // that it is bound to, or nil
}

// verify checks a token from its first byte to its last, in the order that
// makes junk cheap: nothing is fetched and no signature is checked for a token
// that would be refused anyway, and nothing of it is kept. It leaves what it
// finds in d.
func (v *Verifier) verify(ctx context.Context, raw string, d *decision) *Error {
	if len(raw) > v.cfg.MaxTokenBytes {
		return refuseWith(InvalidToken, TooLarge, tooLong(len(raw), v.cfg.MaxTokenBytes))
	}
	var buf jose.Buffers
	parsed, parts, err := jose.ParseToken(raw, v.cfg.MaxTokenBytes/bytesPerMember, &v.headers, &buf)
	if err != nil {
		return joseError(err)
	}
	// The issuer is chosen by what the token says and nobody has checked. It is
	// chosen from the configured ones, so the choice is only whose keys and
	// rules the token has to pass.
	registered := findRegistered(parts.Claims)
	name, isText := registered.iss.Text()
	iss := v.byName[name]
	if !isText || iss == nil {
		return refuseWith(InvalidToken, UnknownIssuer, v.unknownIssuer(registered.iss))
	}
	d.issuer = iss

	c := claims{parts.Claims, iss}
	audience, refused := c.audience()
	if refused != nil {
		return refused
	}
	dates, refused := registered.dates(iss)
	if refused != nil {
		return refused
	}
	lifetime := dates.lifetime(v.cfg.Leeway, iss.MaxTokenAge)
	now := v.cfg.Now()
	if refused := lifetime.at(now); refused != nil {
		return refused
	}
	if !iss.admits(parsed.Header.Type, parsed.Header.HasType) {
		return refuseWith(InvalidToken, TokenType, headerIs("typ", parsed.Header.Type, parsed.Header.HasType, iss.TokenTypes))
	}
	if !slices.Contains(iss.Algorithms, parsed.Header.Algorithm) {
		return refuseWith(InvalidToken, Algorithm, headerIs("alg", parsed.Header.Algorithm, true, iss.Algorithms))
	}

	key, set, err := iss.source.Find(ctx, jwks.Query{
		KeyID:     parsed.Header.KeyID,
		Algorithm: parsed.Header.Algorithm,
		IssuedAt:  dates.issued,
		Now:       now,
	})
	if err != nil {
		return keyError(err)
	}
	if err := parsed.Verify(parts, key.Key, key.Algorithm); err != nil {
		iss.source.Suspect() // another key may have taken its ID
		return joseError(err)
	}
	v.headers.Admit(parsed)

	// Finding the key may have taken seconds.
	if refused := lifetime.at(v.cfg.Now()); refused != nil {
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
	if refused := c.identify(t, &registered); refused != nil {
		return refused
	}
	d.token = t
	v.cache.Put(raw, t, t.size())
	return nil
}

// bytesPerMember bounds how many members a token may have by MaxTokenBytes. A
// token of Keycloak with the roles of 130 clients has some 280.
const bytesPerMember = 16

// unknownIssuer is the cause of UnknownIssuer.
func (v *Verifier) unknownIssuer(iss strictjson.Value) error {
	return cause(func() string { return claimIs("iss", iss, oneOf(v.Issuers())).Error() })
}

// size is about how many bytes a token holds, beside its text.
func (t *token) size() int {
	const fixed, member = 512, 48 // the structs, and what a claim takes beside its text
	return fixed + len(t.payload) + member*(len(t.members)+t.client.Scopes.Len())
}

// identify reads, from the bytes whose signature was good, who the token
// stands for, and asks whether that is a machine.
func (c claims) identify(t *token, r *registered) (err *Error) {
	client := &t.client
	client.token = t
	if client.ID, err = c.clientID(); err != nil {
		return err
	}
	if client.Subject, err = text("sub", r.sub); err != nil {
		return err
	}
	if client.TokenID, err = text("jti", r.jti); err != nil {
		return err
	}
	if t.certificate, err = r.certificate(); err != nil {
		return err
	}
	if client.Scopes, err = c.grantedScopes(*client); err != nil {
		return err
	}
	if c.issuer.WildcardScopes {
		client.Scopes = client.Scopes.Wildcards()
	}
	return c.accept(*client)
}

// joseError returns the refusal for an error of package jose.
func joseError(err error) *Error {
	reason := Malformed
	for _, m := range []struct {
		kind   error
		reason Reason
	}{
		{jose.ErrAlgorithm, Algorithm},
		{jose.ErrKeyID, KeyID},
		{jose.ErrExtension, HeaderExtension},
		{jose.ErrSignature, BadSignature},
	} {
		if errors.Is(err, m.kind) {
			reason = m.reason
		}
	}
	if found := jose.Found(err); !found.IsAbsent() {
		return refuseWith(InvalidToken, reason, cause(func() string { return err.Error() + ", found " + describe(found) }))
	}
	return refuseWith(InvalidToken, reason, err)
}
