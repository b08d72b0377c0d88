package discovery

import "fmt"

// Reason identifies why a discovery failed. Match it with errors.Is:
//
//	if errors.Is(err, discovery.IssuerMismatch) { … }
type Reason string

// The reasons for a failure.
const (
	MalformedURL      Reason = "malformed_url"      // the issuer or jwks_uri is malformed, or not https
	Unreachable       Reason = "unreachable"        // no response, or a status other than 200
	PrivateAddress    Reason = "private_address"    // not on the public Internet
	Redirected        Reason = "redirected"         // redirects are not followed
	MalformedMetadata Reason = "malformed_metadata" // too long, not strict JSON, or without jwks_uri
	IssuerMismatch    Reason = "issuer_mismatch"    // the metadata names another issuer
)

// Error returns the Reason itself.
func (r Reason) Error() string { return string(r) }

// Error describes a failed request of [Issuer]. It unwraps to its Reason and its
// cause.
type Error struct {
	URL    string // without user info, query and fragment
	Reason Reason
	Err    error // the cause, or nil
}

// Error returns the URL, the Reason and the cause.
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
