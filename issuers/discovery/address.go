package discovery

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"syscall"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// newTransport returns a transport that connects to the public Internet, and to
// private addresses only if allowPrivate is set. It uses no proxy, because a
// proxy's connections can't be checked here.
func newTransport(roots *x509.CertPool, allowPrivate bool) *http.Transport {
	// The check runs when the name is already resolved: a check of the name alone
	// would leave time to change its address (DNS rebinding).
	control := func(_, address string, _ syscall.RawConn) error { return checkAddress(address) }
	if allowPrivate {
		control = nil
	}
	return outbound.NewDirectTransport(&tls.Config{RootCAs: roots}, control)
}

func checkAddress(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return fmt.Errorf("%w: %s is not on the public Internet (Options.AllowPrivate admits it)", PrivateAddress, address)
	}
	return nil
}

// isPublic reports whether addr is a unicast address of the public Internet, in
// no IANA registry of special-purpose addresses (RFC 6890).
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Is6() {
		// NAT64 maps IPv4 addresses (RFC 6052 §2.1): check the IPv4 address.
		if b := addr.As16(); inAny(addr, "64:ff9b::/96") {
			return isPublic(netip.AddrFrom4([4]byte(b[12:])))
		}
		// IANA has assigned global unicast addresses in 2000::/3 only. The ranges
		// in it are IETF protocols with Teredo, documentation, 6to4, documentation.
		return inAny(addr, "2000::/3") && !inAny(addr, "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	}
	return addr.Is4() && !inAny(addr,
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared, behind carriers' NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, with clouds' metadata servers
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // IETF protocols
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
	)
}

// inAny reports whether addr is in one of the prefixes. An address with a zone is
// in none.
func inAny(addr netip.Addr, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return netip.MustParsePrefix(p).Contains(addr) })
}
