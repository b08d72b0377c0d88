package verifier

import (
	"context"
	"crypto/x509"
)

// Request describes one call, as its transport knows it. Always write it with
// field names: fields will be added.
type Request struct {
	// Operation names the operation that is called, for Check and Observe:
	// "GET /settings", "/pkg.Service/Method". No rule of this package reads it.
	Operation string

	// Authorization holds every value of the Authorization header or metadata
	// key, unchanged. Do not drop a second value: two values refuse the call.
	Authorization []string

	// BareToken holds every value of another header or metadata key, which has the
	// token alone, without a scheme: Cf-Access-Jwt-Assertion, for example. Nil if the
	// credential is in Authorization. Values of both refuse the call. A token in
	// BareToken counts as a bearer token.
	BareToken []string

	// PeerCertificates is the chain that the caller proved in the TLS
	// handshake, leaf first; nil without mutual TLS. It is shared with the
	// transport: Check must not change the certificates.
	PeerCertificates []*x509.Certificate

	// PeerCertificatesFrom, if set, supplies the certificates instead of
	// PeerCertificates. It is called after the token is verified, for a
	// transport that finds them elsewhere than in its own TLS connection. An
	// error refuses the call: by the rule of Config.Check if it is a Reason or
	// an *Error, otherwise, like a panic, as Unavailable.
	PeerCertificatesFrom func() ([]*x509.Certificate, error)

	// DPoP is every value of the DPoP header or metadata key (RFC 9449 §4.1),
	// untouched. Guards set it, and the three fields below, only for calls that
	// carry a proof. Without Config.DPoP they are not read.
	DPoP []string

	// Method is the HTTP method, to compare with a proof's "htm": POST for
	// gRPC.
	Method string

	// Origin is the address by which clients reach this service, from the
	// configuration: scheme and host, and the prefix that a proxy removes. Origin
	// and Path together are the URL that a proof's "htu" must name.
	Origin string

	// Path is the path of the request line as the client sent it, without the
	// query and still encoded.
	Path string

	// Realm is the realm in the challenge of a refusal: "api" if empty. If a
	// challenge can't hold it, "api" replaces it, too: it must be printable
	// ASCII without '"' and '\', of at most 256 bytes.
	Realm string

	// ResourceMetadata, if set, is the URL of this resource's metadata, which
	// challenges name (RFC 9728 §5.1).
	ResourceMetadata string
}

// findPeer calls PeerCertificatesFrom, if it is set, and keeps its result in
// PeerCertificates.
func (r *Request) findPeer(ctx context.Context) *Error {
	from := r.PeerCertificatesFrom
	if from == nil {
		return nil
	}
	r.PeerCertificates, r.PeerCertificatesFrom = nil, nil
	return guarded("PeerCertificatesFrom", func() *Error {
		var err error
		if r.PeerCertificates, err = from(); err != nil {
			return refusalWithin(ctx, err, Unavailable, PeerUnknown)
		}
		return nil
	})
}
