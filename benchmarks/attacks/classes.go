package main

import (
	"regexp"
	"strings"
)

// class is a kind of attack: what it means for a service that it is accepted.
type class struct {
	breach bool
	what   string
	names  []string // of attacks, with * for any text
}

// classes sorts the attacks. The first class that names an attack has it.
//
// A breach lets a caller in who has no token for this operation: a thief without the key
// that the token is bound to, a person, somebody with a token that was issued for
// another use, or a forger. A leniency needs a token that the authority has made for the
// caller, or would have to make; it matters where two programs read the same call.
var classes = []class{
	{true, "A token that is bound to a key or a certificate, without a proof of it: a stolen one is as good as its own (RFC 9449 §7.1, RFC 8705 §3).",
		[]string{"claims: cnf of DPoP, unproved", "claims: cnf of a certificate, unproved"}},
	{true, "The token of a person, or of an app that acts for one, where machines are expected.",
		[]string{"claims: sub a person", "claims: a person's session", "claims: a connected app's client_id"}},
	{true, "A token that was issued for another use: an ID token, a logout token (RFC 8725 §3.11).",
		[]string{"header: typ of an ID token", "header: typ of a logout token"}},
	{true, "A token with a restriction that the authority has marked as critical and the service does not understand (RFC 7515 §4.1.11).",
		[]string{"header: crit of something unknown"}},
	{true, "A forged signature, or none.", []string{"signature: *", "header: *, no signature", "header: HMAC with *", "header: * of a forger's key*"}},
	{true, "Another issuer, another audience, another time, or a missing scope.", []string{
		"claims: iss *", "claims: aud missing", "claims: aud another's", "claims: aud a list of others", "claims: expired*", "claims: exp missing", "claims: exp 0",
		"claims: nbf in ten minutes*", "scopes: none", "scopes: all but one of those that are named", "scopes: those of another operation"}},
	{true, "Another way to a guarded operation.", []string{"route: *", "name: *"}},
	{false, "A credential that is ambiguous or malformed, such as two of them, in which a good token is found.", []string{"credential: *", "elsewhere: *"}},
	{false, "A token that is no well-formed JWS, or whose JSON two readers read differently, such as a claim that is there twice.", []string{"structure: *"}},
	{false, "A header that contradicts the key, the signature or the format.", []string{"header: *"}},
	{false, "Claims that are malformed or make no sense, such as an expiry in the year 10000.", []string{"claims: *"}},
	{false, "A scope claim that is malformed.", []string{"scopes: *"}},
}

// classOf returns the class of an attack; nil if none names it.
func classOf(attack string) *class {
	for i, c := range classes {
		for _, name := range c.names {
			if pattern := strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*"); regexp.MustCompile("^" + pattern + "$").MatchString(attack) {
				return &classes[i]
			}
		}
	}
	return nil
}

// counts returns how many breaches and leniencies there are among the accepted attacks.
func (f *findings) counts() (breaches, leniencies int) {
	for _, name := range f.accepted {
		if classOf(name).breach {
			breaches++
		} else {
			leniencies++
		}
	}
	return breaches, leniencies
}
