package verifier

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
)

// claims reads the payload of a token by one issuer's rules.
type claims struct {
	members strictjson.Object
	issuer  *issuer
}

// registered holds the claims with fixed names (RFC 7519 §4.1, RFC 7800 §3.1),
// found in one pass. An absent one is the zero Value.
type registered struct {
	iss, sub, exp, nbf, iat, jti, cnf strictjson.Value
}

func findRegistered(members strictjson.Object) (r registered) {
	for i := range members {
		switch v := members[i].Value; members[i].Name {
		case "iss":
			r.iss = v
		case "sub":
			r.sub = v
		case "exp":
			r.exp = v
		case "nbf":
			r.nbf = v
		case "iat":
			r.iat = v
		case "jti":
			r.jti = v
		case "cnf":
			r.cnf = v
		}
	}
	return r
}

// claimError returns a refusal as ClaimMalformed that names the value found and
// the one expected.
func claimError(name string, v strictjson.Value, want string) *Error {
	return refuseWith(InvalidToken, ClaimMalformed, claimIs(name, v, want))
}

// first returns the first of the claims that is present. It alone decides: a
// later claim is not read, even if the first does not suffice.
func (c claims) first(names []string) (name string, v strictjson.Value) {
	for _, name := range names {
		if v, present := c.members.Get(name); present {
			return name, v
		}
	}
	return "", strictjson.Value{}
}

// orAbsent returns v, or the zero Value if v is null: some serializers write null
// for an absent member.
func orAbsent(v strictjson.Value) strictjson.Value {
	if v.IsNull() {
		return strictjson.Value{}
	}
	return v
}

// text reads an optional claim that must be a string. It returns "" if the claim
// is absent, null or empty.
func text(name string, v strictjson.Value) (string, *Error) {
	if v = orAbsent(v); v.IsAbsent() {
		return "", nil
	}
	s, ok := v.Text()
	if !ok {
		return "", claimError(name, v, "a string")
	}
	return s, nil
}

// maxNumericDate is the last second of the year 9999: RFC 3339 has no later
// times.
const maxNumericDate = 253402300799

// maxNumber is the length of the longest literal that is converted: converting
// more digits takes longer, and no time needs them.
const maxNumber = 32

// date reads an optional NumericDate (RFC 7519 §2): seconds since 1970, with an
// optional fraction. It returns the zero Time if the claim is absent.
func date(name string, v strictjson.Value) (time.Time, *Error) {
	if v.IsAbsent() {
		return time.Time{}, nil
	}
	literal, ok := v.Number()
	if !ok || len(literal) > maxNumber {
		return time.Time{}, claimError(name, v, wantDate)
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil && n >= 0 && n <= maxNumericDate {
		return time.Unix(n, 0), nil
	}
	// Check the bounds first: converting a float64 that is too large is
	// implementation-dependent.
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || !(f >= 0 && f <= maxNumericDate) {
		return time.Time{}, claimError(name, v, wantDate)
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

const wantDate = "a number of seconds since 1970, before the year 10000"

// dates reads the times of a token. "exp" is required, and null is not accepted:
// the token would be valid for ever. In an answer it is optional (RFC 7662 §2.2): the
// authority is asked again soon.
func (r *registered) dates(iss *issuer) (d dates, err *Error) {
	if iss.Introspect != nil {
		r.exp = orAbsent(r.exp)
	}
	if d.expires, err = date("exp", r.exp); err != nil {
		return d, err
	}
	if d.notBefore, err = date("nbf", orAbsent(r.nbf)); err != nil {
		return d, err
	}
	if d.issued, err = date("iat", orAbsent(r.iat)); err != nil {
		return d, err
	}
	switch {
	case d.expires.IsZero() && iss.Introspect == nil:
		return d, claimError("exp", r.exp, wantDate)
	case iss.MaxTokenAge > 0 && d.issued.IsZero():
		return d, claimError("iat", r.iat, wantDate+": the issuer has a MaxTokenAge")
	}
	return d, nil
}

// maxItems bounds the lists of a token: its audiences and its scopes.
const maxItems = 256

// audience returns the audience of the token (RFC 7519 §4.1.3), and refuses the
// token if this service is not in it.
func (c claims) audience() (strictjson.Value, *Error) {
	name, v := c.first(c.issuer.AudienceClaims)
	if c.issuer.AllowNoAudience && orAbsent(v).IsAbsent() {
		return strictjson.Value{}, nil
	}
	isUs := func(name string) bool { return slices.Contains(c.issuer.Audiences, name) }
	if one, isText := v.Text(); isText {
		if isUs(one) {
			return v, nil
		}
	} else if all, ok := v.Texts(maxItems); ok && slices.ContainsFunc(all, isUs) {
		return v, nil
	}
	return v, refuseWith(InvalidToken, Audience, notAmong(name, v, c.issuer.AudienceClaims, c.issuer.Audiences))
}

// notAmong returns the cause of a refusal for a claim with none of the wanted
// values.
func notAmong(name string, v strictjson.Value, names, want []string) error {
	return cause(func() string {
		if name == "" {
			return noClaim(names, oneOf(want)).Error()
		}
		return claimIs(name, v, oneOf(want)).Error()
	})
}

// clientID reads the client ID, which must be a string and not empty.
func (c claims) clientID() (string, *Error) {
	const want = "the client ID, a string"
	name, v := c.first(c.issuer.ClientIDClaims)
	if name == "" {
		return "", refuseWith(InvalidToken, ClientIDMissing, noClaim(c.issuer.ClientIDClaims, want))
	}
	id, ok := v.Text()
	if !ok || id == "" {
		return "", refuseWith(InvalidToken, ClientIDMissing, claimIs(name, v, want))
	}
	return id, nil
}

// scopes reads the granted scopes. If no claim holds scopes, the Set is empty and
// meets only scopes.Authenticated. A claim that is null counts as absent.
func (c claims) scopes() (scopes.Set, *Error) {
	for _, name := range c.issuer.ScopeClaims {
		v, _ := c.members.Get(name)
		if v = orAbsent(v); v.IsAbsent() {
			continue
		}
		set, ok := scopeSet(v)
		if !ok {
			return scopes.Set{}, claimError(name, v, "a string or an array of strings, of at most 256 scopes")
		}
		return set, nil
	}
	return scopes.Set{}, nil
}

func scopeSet(v strictjson.Value) (set scopes.Set, ok bool) {
	var err error
	if text, isText := v.Text(); isText {
		set, err = scopes.Parse(text)
	} else if items, isList := v.Texts(maxItems); isList {
		set, err = scopes.ParseList(items)
	} else {
		return scopes.Set{}, false
	}
	return set, err == nil
}

// identify reads the client from the verified claims, and calls Accept.
func (c claims) identify(t *token, r *registered, d *decision) (err *Error) {
	client := &t.client
	client.token = t
	d.reach(checkClientID)
	if client.ID, err = c.clientID(); err != nil {
		return err
	}
	d.reach(checkClaims)
	if client.Subject, err = text("sub", r.sub); err != nil {
		return err
	}
	if client.TokenID, err = text("jti", r.jti); err != nil {
		return err
	}
	if t.asked != nil && client.TokenID == t.asked.raw {
		client.TokenID = "" // some authorities repeat the token, and a log has its "jti"
	}
	if t.bound, err = r.binding(c.issuer.verifier.cfg.DPoP != nil); err != nil {
		return err
	}
	if c.issuer.RequireBound && t.bound.isNone() {
		return refuseWith(InvalidToken, Unbound, errUnbound)
	}
	d.reach(checkScopeClaim)
	if client.Scopes, err = c.grantedScopes(*client); err != nil {
		return err
	}
	if c.issuer.WildcardScopes {
		client.Scopes = client.Scopes.Wildcards()
	}
	if limit := c.issuer.ScopeLimit; limit != nil {
		client.Scopes = client.Scopes.Intersect(*limit)
	}
	d.reach(checkMachine)
	return c.accept(*client)
}
