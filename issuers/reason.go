package issuers

import "fmt"

// DiscoveryReason says why a discovery failed. It is an error, to be matched
// with errors.Is:
//
//	if errors.Is(err, issuers.IssuerMismatch) { … }
type DiscoveryReason string

const (
	MalformedURL      DiscoveryReason = "malformed_url"      // the issuer's, or the keys' in the metadata: not https, or unfit
	Unreachable       DiscoveryReason = "unreachable"        // no answer, or one other than 200
	PrivateAddress    DiscoveryReason = "private_address"    // not on the public Internet
	Redirected        DiscoveryReason = "redirected"         // redirects are not followed
	MalformedMetadata DiscoveryReason = "malformed_metadata" // too long, not strict JSON, or without jwks_uri
	IssuerMismatch    DiscoveryReason = "issuer_mismatch"    // the metadata is another issuer's
)

// Error returns the DiscoveryReason itself.
func (r DiscoveryReason) Error() string { return string(r) }

// DiscoveryError is one failed attempt of [Discover]. It unwraps to its Reason
// and to its cause.
type DiscoveryError struct {
	URL    string
	Reason DiscoveryReason
	Err    error // the cause, if there is more to say
}

func (e *DiscoveryError) Error() string {
	text := fmt.Sprintf("issuers: Discover: %.256q: %s", e.URL, string(e.Reason))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the Reason and the cause.
func (e *DiscoveryError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}
