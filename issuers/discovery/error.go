package discovery

import "fmt"

// Reason says why a discovery failed. Match it with errors.Is:
//
//	if errors.Is(err, discovery.IssuerMismatch) { … }
type Reason string

// The Reasons.
const (
	MalformedURL      Reason = "malformed_url"      // the issuer or jwks_uri is not https, or unfit
	Unreachable       Reason = "unreachable"        // no response, or a status other than 200
	PrivateAddress    Reason = "private_address"    // not on the public Internet
	Redirected        Reason = "redirected"         // redirects are not followed
	MalformedMetadata Reason = "malformed_metadata" // too long, not strict JSON, or without jwks_uri
	IssuerMismatch    Reason = "issuer_mismatch"    // the metadata belong to another issuer
)

// Error returns the Reason itself.
func (r Reason) Error() string { return string(r) }

// Error is one failed attempt of [Issuer]. It unwraps to its Reason and to its
// cause.
type Error struct {
	URL    string // without user info, query and fragment
	Reason Reason
	Err    error // the cause, if there is more to say
}

func (e *Error) Error() string {
	text := fmt.Sprintf("discovery: %s: %s", e.URL, string(e.Reason))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the Reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}
