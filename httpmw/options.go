package httpmw

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/m2mauth/m2mauth/internal/challenge"
	"github.com/m2mauth/m2mauth/internal/resource"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options holds the optional settings of New. The zero value, and nil, is every
// default.
type Options struct {
	// Realm is the realm in challenges (RFC 9110 §11.5): "api" if empty. It
	// must be printable ASCII without '"' and '\', of at most 256 bytes.
	Realm string

	// Resource, if set, is the URL by which clients know this service, such as
	// "https://api.example.com/orders". It must be https, or http on loopback,
	// without query and fragment, in lower case up to the path. Challenges then
	// name the URL of its metadata (RFC 9728 §5.1); serve that with
	// [Middleware.Metadata].
	Resource string

	// Origin, if set, is the address by which clients reach this service, such
	// as "https://api.example.com": scheme and host as in Resource, and the
	// prefix that a proxy removes from paths, if it does. DPoP proofs must name
	// it (RFC 9449). It is never taken from the Host or a forwarded header. It is
	// required if the Verifier takes proofs.
	Origin string

	// CredentialHeader, if set, names the header field that holds the token alone, without
	// a scheme, such as "Cf-Access-Jwt-Assertion" behind Cloudflare Access. The token is
	// then read from there and from nowhere else: Authorization is ignored. Two values
	// refuse the call. If empty, the credential is in Authorization.
	CredentialHeader string

	// ProofsRequired reports in the metadata that every token must be bound to a
	// DPoP key (dpop_bound_access_tokens_required, RFC 9728 §2). To enforce it, set
	// verifier.Issuer.RequireBound.
	ProofsRequired bool

	// ErrorHandler, if set, answers refused calls instead of
	// [Middleware.WriteError], which it may call. Write nothing of err but what
	// err.Code and err.Challenges return: the cause is not for callers. Write a
	// status, too: a handler that writes nothing has answered 200, although the
	// guarded one was not called.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err *verifier.Error)

	// InsecurePeerCertificates, if set, returns the certificates that the
	// caller has proved, leaf first. It replaces those of the TLS connection.
	// Use it behind a proxy that ends TLS and passes the certificate in a header
	// (RFC 9440). It is insecure if a caller can reach this service without that
	// proxy, or send such a header through it: any certificate can then be
	// claimed, and a thief can use a token that is bound to one (RFC 8705).
	//
	// It is called after the token is verified. Return nil and no error for a
	// caller without a certificate. An error that is, or wraps, a verifier.Reason
	// or a *verifier.Error refuses the call with that Reason. Any other error, and
	// a panic, refuses it as Unavailable.
	InsecurePeerCertificates func(*http.Request) ([]*x509.Certificate, error)
}

// compile checks the options and sets what follows from them.
func (m *Middleware) compile() error {
	var errs []error
	report := func(option string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("httpmw: Options.%s %w", option, err))
		}
	}
	report("Realm", challenge.CheckRealm(m.opts.Realm))
	report("Origin", resource.CheckOrigin(m.opts.Origin))
	report("CredentialHeader", challenge.CheckCredentialHeader(m.opts.CredentialHeader))
	m.opts.CredentialHeader = http.CanonicalHeaderKey(m.opts.CredentialHeader)
	switch proofs := m.verifier.ProofAlgorithms() != nil; {
	case proofs && m.opts.Origin == "":
		report("Origin", errors.New("is empty: the Verifier takes DPoP proofs, which name the address of this service"))
	case !proofs && m.opts.ProofsRequired:
		report("ProofsRequired", errors.New("is set, but the Verifier takes no proofs: set verifier.Config.DPoP"))
	}
	if m.opts.Resource != "" {
		r, err := resource.Parse(m.opts.Resource)
		report("Resource", err)
		m.metadata = r.MetadataURL()
	}
	return errors.Join(errs...)
}
