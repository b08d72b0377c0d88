package verifier

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

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
	named       bool              // by its header, with a key ID
	payload     string            // the bytes that were signed
	members     strictjson.Object // of payload
	audience    []string
	leeway      time.Duration
	certificate *[sha256.Size]byte // that it is bound to, or nil
}

// verify checks a token from its first byte to its last, in the order that
// makes junk cheap: nothing is fetched and no signature is checked for a token
// that would be refused anyway. It leaves what it finds in d.
func (v *Verifier) verify(ctx context.Context, raw string, d *decision) *Error {
	if len(raw) > v.cfg.MaxTokenBytes {
		return refuse(InvalidToken, TooLarge)
	}
	parsed, err := jose.ParseToken(raw, &v.headers)
	if err != nil {
		return joseError(err)
	}
	// The issuer is chosen by what the token says and nobody has checked. It is
	// chosen from the configured ones, so the choice is only whose keys and
	// rules the token has to pass.
	name, isText := "", false
	if v, present := parsed.Claims.Get("iss"); present {
		name, isText = v.Text()
	}
	iss := v.byName[name]
	if !isText || iss == nil {
		return refuseWith(InvalidToken, UnknownIssuer, untrusted("iss", name))
	}
	d.issuer = iss

	c := claims{parsed.Claims, iss}
	t, refused := c.gate(v.cfg.Leeway)
	if refused != nil {
		return refused
	}
	if refused := t.timely(v.cfg.Now()); refused != nil {
		return refused
	}
	if !iss.admits(parsed.Header.Type, parsed.Header.HasType) {
		return refuseWith(InvalidToken, TokenType, untrusted("typ", parsed.Header.Type))
	}
	if !slices.Contains(iss.Algorithms, parsed.Header.Algorithm) {
		return refuseWith(InvalidToken, Algorithm, untrusted("alg", parsed.Header.Algorithm))
	}

	t.named = parsed.Header.KeyID != ""
	if refused := v.findKey(ctx, t, parsed.Header); refused != nil {
		return refused
	}
	if err := parsed.Verify(t.key.Key, t.key.Algorithm); err != nil {
		return joseError(err)
	}
	v.headers.Admit(parsed)

	// Finding the key may have taken seconds.
	if refused := t.timely(v.cfg.Now()); refused != nil {
		return refused
	}
	t.payload, t.members = parsed.Payload, parsed.Claims
	if refused := c.identify(t); refused != nil {
		return refused
	}
	d.token = t
	v.cache.Put(raw, t, t.size())
	return nil
}

// size is about how many bytes a token holds, beside its text.
func (t *token) size() int {
	const fixed, member = 512, 48 // the structs, and what a claim takes beside its text
	return fixed + len(t.payload) + member*(len(t.members)+len(t.audience)+t.client.Scopes.Len())
}

// gate reads the claims that can refuse a token before its signature is
// looked at.
func (c claims) gate(leeway time.Duration) (t *token, err *Error) {
	t = &token{issuer: c.issuer, leeway: leeway}
	if t.audience, err = c.audience(); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		name string
		into *time.Time
	}{
		{"exp", &t.client.ExpiresAt}, {"nbf", &t.client.NotBefore}, {"iat", &t.client.IssuedAt},
	} {
		if *d.into, err = c.date(d.name); err != nil {
			return nil, err
		}
	}
	if t.client.ExpiresAt.IsZero() {
		return nil, claimError("exp", "is missing")
	}
	if c.issuer.MaxTokenAge > 0 && t.client.IssuedAt.IsZero() {
		return nil, claimError("iat", "is missing, and the issuer has a MaxTokenAge")
	}
	return t, nil
}

// timely holds a token's times against the clock.
func (t *token) timely(now time.Time) *Error {
	late, reason := t.deadline()
	switch {
	case !now.Before(late):
		return refuse(InvalidToken, reason)
	case now.Add(t.leeway).Before(t.client.NotBefore):
		return refuse(InvalidToken, NotYetValid)
	case now.Add(t.leeway).Before(t.client.IssuedAt):
		return refuse(InvalidToken, IssuedInFuture)
	}
	return nil
}

// deadline is the first moment at which the token is no longer good, and why
// it is not.
func (t *token) deadline() (time.Time, Reason) {
	expiry := t.client.ExpiresAt.Add(t.leeway)
	if maxAge := t.issuer.MaxTokenAge; maxAge > 0 {
		if aged := t.client.IssuedAt.Add(maxAge + t.leeway); aged.Before(expiry) {
			return aged, TooOld
		}
	}
	return expiry, Expired
}

// identify reads, from the bytes whose signature was good, who the token
// stands for, and asks whether that is a machine.
func (c claims) identify(t *token) (err *Error) {
	client := &t.client
	client.token = t
	client.Issuer = c.issuer.Name
	client.KeyID = t.key.ID
	if client.ID, err = c.clientID(); err != nil {
		return err
	}
	if client.Subject, err = c.text("sub"); err != nil {
		return err
	}
	if client.TokenID, err = c.text("jti"); err != nil {
		return err
	}
	if t.certificate, err = c.certificate(); err != nil {
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

// joseError says which Reason an error of package jose is.
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
	return refuseWith(InvalidToken, reason, err)
}
