package grpcmw

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/m2mauth/m2mauth/internal/challenge"
	"github.com/m2mauth/m2mauth/internal/resource"
	"github.com/m2mauth/m2mauth/verifier"
)

// Options holds the optional settings of New. The zero value, and nil, is every
// default.
type Options struct {
	// Realm is the realm in the www-authenticate metadata: "api" if empty. It
	// must be printable ASCII without '"' and '\', of at most 256 bytes.
	Realm string

	// Origin, if set, is the address by which clients reach this service, such
	// as "https://api.example.com": https, or http on loopback, scheme and host
	// in lower case, and the prefix that a proxy removes from paths, if it does.
	// DPoP proofs must name it (RFC 9449). Package grpctoken signs "https://", also
	// for a channel without TLS on loopback. It is never taken from the
	// ":authority". It is required if the Verifier takes proofs.
	Origin string

	// CredentialHeader, if set, names the metadata key that holds the token alone, without
	// a scheme, such as "Cf-Access-Jwt-Assertion" behind Cloudflare Access. The token is
	// then read from there and from nowhere else: Authorization is ignored. Two values
	// refuse the call. If empty, the credential is in Authorization.
	CredentialHeader string

	// ErrorHandler, if set, makes the status of a refused call instead of
	// [Interceptor.StatusError], which it may call. ctx is that of the call, or
	// of the stream. Use nothing of err but what err.Code and err.Challenges
	// return: the cause is not for callers. The refusal's metadata is sent
	// either way.
	//
	// If it returns nil or a status that is OK, or panics, StatusError makes the
	// status: a refused call can't succeed. It must be safe for concurrent use.
	ErrorHandler func(ctx context.Context, err *verifier.Error) error

	// KeepStreamsPastExpiry lets a stream continue after its token has expired,
	// for as long as the client keeps it open. It also continues after the
	// token's key was removed, and after Verifier.Close. By default it ends.
	KeepStreamsPastExpiry bool

	// InsecurePeerCertificates, if set, returns the certificates that the
	// caller has proved, leaf first. It replaces those of the TLS connection.
	// Use it behind a proxy that ends TLS and passes the certificate in the
	// metadata (RFC 9440). It is insecure if a caller can reach this service
	// without that proxy, or send such metadata through it: any certificate can
	// then be claimed, and a thief can use a token that is bound to one (RFC
	// 8705).
	//
	// It is called after the token is verified. Return nil and no error for a
	// caller without a certificate. An error that is, or wraps, a verifier.Reason
	// or a *verifier.Error refuses the call with that Reason. Any other error, and
	// a panic, refuses it as Unavailable.
	InsecurePeerCertificates func(context.Context) ([]*x509.Certificate, error)
}

// check returns every mistake in the options.
func (o *Options) check(v *verifier.Verifier) error {
	origin := resource.CheckOrigin(o.Origin)
	if o.Origin == "" && v.ProofAlgorithms() != nil {
		origin = errors.New("is empty: the Verifier takes DPoP proofs, which name the address of this service")
	}
	var errs []error
	for _, option := range []struct {
		name string
		err  error
	}{
		{"Realm", challenge.CheckRealm(o.Realm)},
		{"Origin", origin},
		{"CredentialHeader", challenge.CheckCredentialHeader(o.CredentialHeader)},
	} {
		if option.err != nil {
			errs = append(errs, fmt.Errorf("grpcmw: Options.%s %w", option.name, option.err))
		}
	}
	return errors.Join(errs...)
}
