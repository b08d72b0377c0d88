package verifier

import (
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/m2mauth/m2mauth/internal/jose"
	"github.com/m2mauth/m2mauth/internal/strictjson"
	"github.com/m2mauth/m2mauth/scopes"
)

// claims reads the payload of a token by one issuer's rules.
type claims struct {
	members strictjson.Object
	issuer  *issuer
}

// registered are the claims whose names no issuer chooses (RFC 7519 §4.1, RFC
// 7800 §3.1), found in one pass. One that is absent is the zero Value.
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

// claimError is ClaimMalformed with the name of the claim.
func claimError(name, problem string) *Error {
	return refuseWith(InvalidToken, ClaimMalformed, claimProblem{name, problem})
}

// claimProblem puts off the making of a text that is rarely read.
type claimProblem struct{ name, problem string }

func (p claimProblem) Error() string { return strconv.Quote(p.name) + " " + p.problem }

// first finds the first of the names that is present. It alone decides: what
// it lacks, a later one does not make up for.
func (c claims) first(names []string) (name string, v strictjson.Value, present bool) {
	for _, name := range names {
		if v, present := c.members.Get(name); present {
			return name, v, true
		}
	}
	return "", strictjson.Value{}, false
}

// text reads an optional claim that must be a string, and not an empty one.
func text(name string, v strictjson.Value) (string, *Error) {
	if v.IsAbsent() {
		return "", nil
	}
	s, ok := v.Text()
	if !ok || s == "" {
		return "", claimError(name, "is not a string, or empty")
	}
	return s, nil
}

// maxNumericDate is the last second of the year 9999, beyond which a time
// can't be written in RFC 3339.
const maxNumericDate = 253402300799

// maxNumber is the length of the longest literal that is converted: more digits
// than that say nothing about a time, and cost the more.
const maxNumber = 32

// date reads an optional NumericDate (RFC 7519 §2): seconds since 1970, a
// fraction allowed. It is zero if the claim is absent.
func date(name string, v strictjson.Value) (time.Time, *Error) {
	if v.IsAbsent() {
		return time.Time{}, nil
	}
	literal, ok := v.Number()
	if !ok || len(literal) > maxNumber {
		return time.Time{}, claimError(name, "is not a number, or a very long one")
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil && n >= 0 && n <= maxNumericDate {
		return time.Unix(n, 0), nil
	}
	// Bounds come first: the conversion of a float64 that is too large is
	// undefined.
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || !(f >= 0 && f <= maxNumericDate) {
		return time.Time{}, claimError(name, "is not a time from 1970 to 9999")
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// dates reads when the token was issued and when it is good.
func (r *registered) dates(iss *issuer) (d dates, err *Error) {
	if d.expires, err = date("exp", r.exp); err != nil {
		return d, err
	}
	if d.notBefore, err = date("nbf", r.nbf); err != nil {
		return d, err
	}
	if d.issued, err = date("iat", r.iat); err != nil {
		return d, err
	}
	switch {
	case d.expires.IsZero():
		return d, claimError("exp", "is missing")
	case iss.MaxTokenAge > 0 && d.issued.IsZero():
		return d, claimError("iat", "is missing, and the issuer has a MaxTokenAge")
	}
	return d, nil
}

// maxItems bounds the lists of a token: its audiences and its scopes.
const maxItems = 256

// audience finds who the token is meant for (RFC 7519 §4.1.3), and checks that
// this service is among them.
func (c claims) audience() (strictjson.Value, *Error) {
	_, v, _ := c.first(c.issuer.AudienceClaims)
	isUs := func(name string) bool { return slices.Contains(c.issuer.Audiences, name) }
	if one, isText := v.Text(); isText {
		if isUs(one) {
			return v, nil
		}
	} else if all, ok := v.Texts(maxItems); ok && slices.ContainsFunc(all, isUs) {
		return v, nil
	}
	return v, refuse(InvalidToken, Audience)
}

func (c claims) clientID() (string, *Error) {
	_, v, _ := c.first(c.issuer.ClientIDClaims)
	id, ok := v.Text()
	if !ok || id == "" {
		return "", refuse(InvalidToken, ClientIDMissing)
	}
	return id, nil
}

// scopes reads the granted scopes: none if no claim holds them, so that only
// scopes.Authenticated is met.
func (c claims) scopes() (scopes.Set, *Error) {
	name, v, present := c.first(c.issuer.ScopeClaims)
	if !present {
		return scopes.Set{}, nil
	}
	var set scopes.Set
	err := errScopeType
	if text, ok := v.Text(); ok {
		set, err = scopes.Parse(text)
	} else if items, ok := v.Texts(maxItems); ok {
		set, err = scopes.ParseList(items)
	}
	if err != nil {
		return scopes.Set{}, claimError(name, err.Error())
	}
	return set, nil
}

var errScopeType = errors.New("is neither a string nor an array of at most 256 strings")

// certificate reads which client certificate the token is bound to (RFC 8705
// §3.1), if it is bound at all. A confirmation that is not understood, in
// whole or in part, refuses the token: taken for a bearer token it would serve
// whoever stole it (RFC 9449 §7.2).
func (r *registered) certificate() (thumbprint *[sha256.Size]byte, err *Error) {
	if r.cnf.IsAbsent() {
		return nil, nil
	}
	cnf, _ := r.cnf.Object()
	if len(cnf) != 1 || cnf[0].Name != "x5t#S256" {
		return nil, refuseWith(InvalidToken, Bound, errConfirmation)
	}
	text, _ := cnf[0].Value.Text()
	digest, decodeErr := jose.DecodeBase64URL(nil, text)
	if decodeErr != nil || len(digest) != sha256.Size {
		return nil, refuseWith(InvalidToken, Bound, errConfirmation)
	}
	return (*[sha256.Size]byte)(digest), nil
}

var errConfirmation = errors.New(`the only "cnf" understood is {"x5t#S256": <SHA-256 of the certificate>}`)
