package main

import (
	"strings"

	"github.com/m2mauth/m2mauth/verifier"
)

// check is one of a verifier's checks. The constants are in the verifier's order.
type check int

const (
	checkSize check = iota
	checkCredential
	checkForm
	checkHeader
	checkIssuer
	checkAudience
	checkTimes
	checkExpiry
	checkNotBefore
	checkIssuedAt
	checkType
	checkAlgorithm
	checkKey
	checkSignature
	checkClientID
	checkClaims
	checkMachine
	checkBinding
	checkScopes
	checkEnd // all were passed
)

func (c check) String() string {
	return [...]string{
		"size", "credential", "form", "header", "issuer", "audience", "times", "expiry", "not before", "issued at",
		"type", "algorithm", "key", "signature", "client ID", "claims", "machine", "binding", "scopes", "end",
	}[c]
}

// saysAll reports whether the facts of the check, found and wanted, repeat the
// whole text of the verifier's cause.
func (c check) saysAll() bool {
	switch c {
	case checkSize, checkIssuer, checkAudience, checkExpiry, checkNotBefore, checkIssuedAt, checkType,
		checkClientID, checkScopes:
		return true
	}
	return false
}

// failedAt returns the check for which the verifier refused the token. Earlier
// checks were passed, later ones not reached. failedAt reads the refusal and checks
// nothing itself. ok is false for an unknown Reason.
func failedAt(e *verifier.Error, d verifier.Decision) (c check, ok bool) {
	// Some Reasons belong to two checks. The decision tells them apart: it names
	// the issuer once one is chosen, and the client once the claims were read.
	before := func(known string, first, second check) check {
		if known == "" {
			return first
		}
		return second
	}
	switch e.Reason {
	case verifier.TooLarge:
		return checkSize, true
	case verifier.CredentialsMissing, verifier.SchemeUnsupported, verifier.CredentialsMultiple, verifier.CredentialsMalformed:
		return checkCredential, true
	case verifier.Malformed:
		return checkForm, true
	case verifier.HeaderExtension:
		return checkHeader, true
	case verifier.UnknownIssuer:
		return checkIssuer, true
	case verifier.Audience:
		return checkAudience, true
	case verifier.Expired, verifier.TooOld:
		return checkExpiry, true
	case verifier.NotYetValid:
		return checkNotBefore, true
	case verifier.IssuedInFuture:
		return checkIssuedAt, true
	case verifier.TokenType:
		return checkType, true
	case verifier.Algorithm:
		return before(d.Issuer, checkHeader, checkAlgorithm), true
	case verifier.KeyID:
		return before(d.Issuer, checkHeader, checkKey), true
	case verifier.KeyUnknown, verifier.KeyUnusable, verifier.KeyRemoved,
		verifier.KeysUnavailable, verifier.Canceled, verifier.Closed:
		return checkKey, true
	case verifier.BadSignature:
		return checkSignature, true
	case verifier.ClientIDMissing:
		return checkClientID, true
	case verifier.ClaimMalformed:
		if namesTime(e.Err) {
			return checkTimes, true
		}
		return checkClaims, true
	case verifier.NotMachine, verifier.NotAccepted, verifier.Panicked:
		return checkMachine, true
	case verifier.Bound:
		return before(d.Client.ID, checkClaims, checkBinding), true
	case verifier.ScopeMissing, verifier.NoRequirement:
		return checkScopes, true
	default:
		return 0, false
	}
}

// namesTime reports whether the cause of a ClaimMalformed begins with the quoted
// name of a time. Times are read before the other claims.
func namesTime(cause error) bool {
	if cause == nil {
		return false
	}
	for _, name := range []string{`"exp" `, `"nbf" `, `"iat" `} {
		if strings.HasPrefix(cause.Error(), name) {
			return true
		}
	}
	return false
}
