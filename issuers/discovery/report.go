package discovery

import "strings"

// Report lists what [Issuer] has found and what it has assumed.
type Report struct {
	// MetadataURL is the location of the metadata.
	MetadataURL string

	// Assumptions are the fields of the issuer that metadata does not determine,
	// one line each: the field's name, its default, and what to check. Compare
	// them with one real token.
	Assumptions []string
}

// String returns the report with a line for each part.
func (r Report) String() string {
	return "metadata: " + r.MetadataURL + "\n" + strings.Join(append(r.Assumptions, ""), "\n")
}

// assumptions lists the fields that neither metadata nor opts determine.
func assumptions(opts *Options) []string {
	list := []string{
		"Accept: verifier.SubjectIsClient; check what distinguishes machines' tokens from people's and from ID tokens",
		"ClientIDClaims: client_id; check which claim names the client",
		"ScopeClaims: scope, then scp; check which claim holds the granted scopes",
		`TokenTypes: at+jwt and JWT; check which "typ" access tokens have, if any`,
		"Algorithms: RS256, ES256 and EdDSA; check which algorithm signs access tokens (metadata list those of ID tokens)",
	}
	if len(opts.Audiences) == 0 {
		return append([]string{`Audiences: none, which verifier.New refuses; check which "aud" names this service`}, list...)
	}
	return list
}
