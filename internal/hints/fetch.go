package hints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/m2mauth/m2mauth/internal/jwks"
)

// Fetch returns the hint for an error of fetching an issuer's keys, and "" for
// nil.
func Fetch(err error) string {
	if err == nil {
		return ""
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "no DNS entry for the host: check the name in Issuer.JWKSURL, and which DNS server this machine asks"
		}
		return "DNS does not answer: check the resolver of this machine, and egress to it"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return "the proxy can't be reached: check HTTPS_PROXY, or exclude the authority with NO_PROXY"
	}
	if status, ok := errors.AsType[*jwks.FetchError](err); ok {
		return httpStatus(status.Status)
	}
	if _, ok := errors.AsType[*jwks.DocumentError](err); ok {
		return "the response is no key set: Issuer.JWKSURL is wrong, or a proxy's page answered in its place"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at this address: the authority is down, or Issuer.JWKSURL has the wrong host or port"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, jwks.ErrTimeout), isTimeout(err):
		return "the authority does not answer in time: does it hang, does a firewall drop the packets, or is DNS slow? Else raise JWKS.FetchTimeout"
	case isOutOfDate(err):
		return "the authority's certificate has expired, or is not valid yet: is this machine's clock right?"
	case isRemoteAlert(err):
		return "the server refuses the TLS connection: is Issuer.JWKSURL the public address? One that wants a client certificate needs JWKS.Transport"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "this port serves http without TLS: Issuer.JWKSURL has the wrong port or scheme"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection is closed without an answer: by a firewall or a proxy between here and the authority?"
	case errors.Is(err, fs.ErrNotExist):
		return "the file with the keys does not exist: is its name right, and is it mounted?"
	case errors.Is(err, fs.ErrPermission) && !isNetwork(err):
		return "this process may not read the file with the keys: check its owner and mode"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, fs.ErrPermission):
		return "there is no route from this machine to the authority: check egress rules, or set HTTPS_PROXY"
	case isTLS(err):
		return "the TLS connection fails: a private CA belongs into JWKS.Transport; does the host name fit the certificate?"
	case isProxyAnswer(err):
		return "the proxy refuses the connection: check HTTPS_PROXY and what it permits, or exclude the authority with NO_PROXY"
	}
	return "the keys can't be fetched: check Issuer.JWKSURL, HTTPS_PROXY and the network from this machine to the authority"
}

func httpStatus(code int) string {
	switch {
	case code >= 300 && code < 400:
		return "redirects are not followed: write the final URL into Issuer.JWKSURL"
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return "the key set is public at every authority: a proxy or firewall asks for credentials, or Issuer.JWKSURL is wrong"
	case code >= 500 || code == http.StatusTooManyRequests:
		return "the authority fails: ask its operator; the keys in use stay valid meanwhile"
	default:
		return "no key set at this address: Issuer.JWKSURL is wrong, copy jwks_uri from the authority's metadata"
	}
}

func isNetwork(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// isOutOfDate reports whether a certificate is not valid at the time of this machine.
func isOutOfDate(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired // or not valid yet
}

// isRemoteAlert reports whether the server ended the handshake.
func isRemoteAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// isProxyAnswer reports whether a proxy answered CONNECT with something else than
// 200. net/http then returns the text of the status alone.
func isProxyAnswer(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if errors.Unwrap(err) != nil {
			continue
		}
		for code := http.StatusBadRequest; code < 600; code++ {
			if text := http.StatusText(code); text != "" && strings.EqualFold(err.Error(), text) {
				return true
			}
		}
	}
	return false
}
