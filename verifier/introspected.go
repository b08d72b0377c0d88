package verifier

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/introspect"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// This file reads the answers of an authority about tokens (RFC 7662 §2.2). They have
// the claims of a JWT, and pass the same rules.

// maxAnswer bounds an answer. An authority writes no more about one token.
const maxAnswer = 64 << 10

var answerLimits = strictjson.Limits{Depth: 16, Members: maxAnswer / bytesPerMember}

// answer is one answer that is well-formed.
type answer struct {
	text    string
	members strictjson.Object
	active  bool
}

// readAnswer parses an answer. Its errors tell that nothing is known of the token.
func readAnswer(text []byte) (a answer, err error) {
	if len(text) > maxAnswer {
		return a, fmt.Errorf("%w: it has %d bytes, want at most %d", introspect.ErrAnswer, len(text), maxAnswer)
	}
	a.text = string(text)
	if a.members, err = strictjson.Parse(a.text, answerLimits, nil); err != nil {
		return a, fmt.Errorf("%w: %w", introspect.ErrAnswer, err)
	}
	active, _ := a.members.Get("active")
	switch active.JSON() {
	case "true":
		a.active = true
	case "false":
	default: // such as "true" as a string: it could mean either
		return a, fmt.Errorf("%w: %w", introspect.ErrAnswer, claimIs("active", active, "true or false"))
	}
	return a, nil
}

// token returns the token that an answer describes, by the rules of iss, or its
// refusal. The order is that of a JWT's claims. d records how far it comes.
func (a answer) token(iss *issuer, asked *asked, d *decision) (*token, *Error) {
	v := iss.verifier
	d.reach(checkAnswer)
	if !a.active {
		// Nothing else of the answer is read (RFC 7662 §2.2).
		return nil, refuseWith(InvalidToken, Inactive, errInactive)
	}
	c, registered := claims{a.members, iss}, findRegistered(a.members)
	if refused := c.checkKind(&registered); refused != nil {
		return nil, refused
	}
	d.reach(checkAudience)
	audience, refused := c.audience()
	if refused != nil {
		return nil, refused
	}
	d.reach(checkTimes)
	dates, refused := registered.dates(iss)
	if refused != nil {
		return nil, refused
	}
	now := v.cfg.Now()
	d.reach(checkExpiry)
	lifetime, refused := dates.answered(v.cfg.Leeway, iss)
	if refused != nil {
		return nil, refused
	}
	if refused := lifetime.at(now); refused != nil {
		return nil, refused
	}
	d.reach(checkLife)
	if !dates.expires.IsZero() {
		if refused := dates.checkLife(now, v.cfg.Leeway, iss.MaxTokenLife); refused != nil {
			return nil, refused
		}
	}
	t := &token{
		client: Client{
			Issuer:    iss.Name,
			IssuedAt:  dates.issued,
			NotBefore: dates.notBefore,
			ExpiresAt: dates.expires,
		},
		issuer:   iss,
		lifetime: lifetime,
		payload:  a.text,
		members:  a.members,
		audience: audience,
		asked:    asked,
	}
	if refused := c.identify(t, &registered, d); refused != nil {
		return nil, refused
	}
	for _, name := range []string{"token_type", "typ"} { // RFC 9449 §6.2, and Keycloak's claim
		if typ, _ := c.members.Get(name); isText(typ, "DPoP") && t.bound.key == "" {
			d.reach(checkClaims)
			// Accepted as a bearer token, it would serve a thief (RFC 9449 §7.2).
			return nil, refuseWith(InvalidToken, Bound, claimIs(name, typ, `"cnf" with "jkt" beside it`))
		}
	}
	return t, nil
}

// answered returns the lifetime of an introspected token. Without "exp" it has no end
// of its own: then the MaxTokenLife counts from "iat", so that no token outlives its
// cut-off.
func (d dates) answered(leeway time.Duration, iss *issuer) (lifetime, *Error) {
	if !d.expires.IsZero() {
		return d.lifetime(leeway, iss.MaxTokenAge), nil
	}
	maxAge, most := iss.MaxTokenAge, iss.MaxTokenLife
	if most > 0 && d.issued.IsZero() {
		return lifetime{}, refuseWith(InvalidToken, TooLongLived, cause(func() string {
			return `"exp" and "iat" are missing, want at most the MaxTokenLife, ` + most.String()
		}))
	}
	d.expires = time.Unix(maxNumericDate, 0)
	if most > 0 {
		d.expires = d.issued.Add(most)
	}
	l := d.lifetime(leeway, maxAge)
	if most > 0 && l.late == Expired {
		l.late, l.maxAge = TooLongLived, most
	}
	return l, nil
}

// checkKind refuses what is no access token of the issuer: another issuer's, a refresh
// token, an ID token.
func (c claims) checkKind(r *registered) *Error {
	if iss := orAbsent(r.iss); !iss.IsAbsent() {
		name, _ := iss.Text()
		if names := append([]string{c.issuer.Name}, c.issuer.Aliases...); !slices.Contains(names, name) {
			return refuseWith(InvalidToken, UnknownIssuer, claimIs("iss", iss, oneOf(names)))
		}
	}
	for _, rule := range []struct {
		name  string
		want  []string
		types []string
	}{
		// RFC 7662 §2.2, RFC 9449 §6.2. "N_A" (RFC 8693 §2.2.1) is no access token.
		{"token_type", []string{"Bearer", "DPoP"}, nil},
		// Ory Hydra and Amazon Cognito name the kind so.
		{"token_use", []string{"access_token", "access"}, nil},
		// The "typ" of the JWT's header, or Keycloak's claim.
		{"typ", []string{"Bearer", "DPoP"}, c.issuer.TokenTypes},
	} {
		v, _ := c.members.Get(rule.name)
		if v = orAbsent(v); v.IsAbsent() {
			continue
		}
		want := append(rule.want, slices.DeleteFunc(slices.Clone(rule.types), func(t string) bool { return t == "" })...)
		text, ok := v.Text()
		if !ok || !slices.ContainsFunc(want, func(w string) bool { return equalMediaType(w, text) }) {
			return refuseWith(InvalidToken, TokenType, claimIs(rule.name, v, oneOf(want)))
		}
	}
	return nil
}

func isText(v strictjson.Value, want string) bool {
	text, ok := v.Text()
	return ok && len(text) == len(want) && strings.EqualFold(text, want)
}

// withoutToken returns err without the token, which an authority may repeat anywhere in
// its answer.
func withoutToken(err error, raw string) (shown error) {
	defer func() {
		if recover() != nil { // the Error method of a callback's error
			shown = err
		}
	}()
	return outbound.ErrorWithoutToken(err, raw)
}
