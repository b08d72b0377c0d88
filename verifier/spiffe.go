package verifier

import (
	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/internal/spiffeid"
)

// This file holds what differs for an Issuer with a TrustDomain: its tokens are
// JWT-SVIDs ("The SPIFFE JWT SVID").

// completeSPIFFE fills in the defaults of a trust domain. "typ" may be absent, and
// is JWT or JOSE otherwise (§2.3 there).
func (iss *Issuer) completeSPIFFE(m mistakes) {
	if !spiffeid.IsTrustDomain(iss.TrustDomain) {
		m.add("TrustDomain is %s: want a name of lower-case letters, digits, dots, dashes and underscores, "+
			"such as example.org, without spiffe:// and without a path", redact.Quote(iss.TrustDomain))
	}
	if iss.ClientIDClaims == nil {
		iss.ClientIDClaims = []string{"sub"}
	}
	if iss.TokenTypes == nil {
		iss.TokenTypes = []string{"", "JWT", "JOSE"}
	}
}

// issuerOf returns the issuer that a token claims to be of, or nil for none. An
// "iss" alone decides, whatever "sub" says: a token that another issuer signed must
// not be read as one of a trust domain, and the other way round. Only a token that
// has no "iss" at all is one of the trust domain in its "sub".
func (v *Verifier) issuerOf(r *registered) *issuer {
	if !r.iss.IsAbsent() {
		name, isText := r.iss.Text()
		if !isText {
			return nil
		}
		return v.byName[name]
	}
	if v.domains == nil {
		return nil
	}
	sub, _ := r.sub.Text()
	domain, _, ok := spiffeid.Split(sub)
	if !ok {
		return nil
	}
	return v.domains[domain]
}

// checkTrustDomain refuses a token of a trust domain whose subject is no SPIFFE ID of
// it ("The SPIFFE JWT SVID" §3.1): the keys of one trust domain must not name the
// workloads of another.
func (r *registered) checkTrustDomain(iss *issuer) *Error {
	if iss.TrustDomain == "" {
		return nil
	}
	sub, _ := r.sub.Text()
	if domain, _, ok := spiffeid.Split(sub); !ok || domain != iss.TrustDomain {
		return claimError("sub", r.sub, "a SPIFFE ID that begins with "+spiffeid.Scheme+iss.TrustDomain+"/")
	}
	return nil
}
