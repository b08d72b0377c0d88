package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/outbound"
)

// Proxies determines the address of a client behind trusted proxies, for
// [TokenEndpointOptions].ClientAddr.
type Proxies struct {
	// Trusted lists the addresses of the proxies and is required. List no other
	// addresses: every machine with a trusted address can claim any other address.
	Trusted []netip.Prefix

	// Header names the header field to which the proxies append addresses,
	// "X-Forwarded-For" or "Forwarded" (RFC 7239). If it is "", the field is
	// X-Forwarded-For. The other field is ignored, because proxies forward a value
	// that the client has sent.
	Header string
}

const maxHops = 32 // the most elements of the header that are read

// ClientAddr returns a function that determines the client's address. Its error
// reports every mistake in p.
//
// The function starts with the connection's remote address and reads the header from
// right to left. As long as an address is a trusted proxy's, it continues with the
// next element. It returns the first address that is not trusted, and ignores the
// elements to its left, which the client may have written. If a trusted proxy wrote no
// address, such as "unknown", the function returns that proxy's address. Ports and
// IPv6 zones are dropped.
func (p Proxies) ClientAddr() (func(*http.Request) netip.Addr, error) {
	var noneTrusted, unknownHeader error
	if len(p.Trusted) == 0 {
		noneTrusted = errors.New("Proxies.Trusted is empty: write the addresses of the proxies")
	}
	parse := forwardedFor
	switch http.CanonicalHeaderKey(p.Header) {
	case "", "X-Forwarded-For":
		p.Header = "X-Forwarded-For"
	case "Forwarded":
		parse = forwarded
	default:
		unknownHeader = fmt.Errorf(`Proxies.Header is %s: write "X-Forwarded-For" or "Forwarded"`, outbound.Quote(p.Header))
	}
	var errs []error
	trusted := make([]netip.Prefix, len(p.Trusted))
	for i, prefix := range p.Trusted {
		trusted[i] = unmapped(prefix)
		switch {
		case !trusted[i].IsValid():
			errs = append(errs, fmt.Errorf("Proxies.Trusted[%d] is not valid: write a prefix, such as 10.0.0.0/8", i))
		case trusted[i].Bits() == 0:
			errs = append(errs, fmt.Errorf("Proxies.Trusted[%d] trusts every address: write those of the proxies alone", i))
		}
	}
	if err := outbound.Mistakes("gateway", noneTrusted, unknownHeader, errors.Join(errs...)); err != nil {
		return nil, err
	}
	header := p.Header
	return func(r *http.Request) netip.Addr {
		addr := plainAddr(connectionAddr(r))
		lines := r.Header.Values(header)
		hops := 0
		for _, line := range slices.Backward(lines) {
			for _, hop := range slices.Backward(parse(line)) {
				isProxy := slices.ContainsFunc(trusted, func(t netip.Prefix) bool { return t.Contains(addr) })
				if !isProxy || !hop.IsValid() || hops == maxHops {
					return addr
				}
				addr = hop
				hops++
			}
		}
		return addr
	}, nil
}

// forwardedFor parses an X-Forwarded-For field. For an element without an address it
// returns the zero Addr.
func forwardedFor(line string) []netip.Addr {
	var hops []netip.Addr
	for element := range strings.SplitSeq(line, ",") {
		hops = append(hops, parseNode(strings.Trim(element, " \t")))
	}
	return hops
}

// forwarded parses a Forwarded field (RFC 7239 §4). For an element without a valid
// "for" it returns the zero Addr. For a malformed field it returns one zero Addr: an
// open quote in the client's part could hide the beginning of the proxy's part.
func forwarded(line string) []netip.Addr {
	var hops []netip.Addr
	elements, ok := splitQuoted(line, ',')
	if !ok {
		return []netip.Addr{{}}
	}
	for _, element := range elements {
		var hop netip.Addr
		pairs, _ := splitQuoted(element, ';')
		seen := false
		for _, pair := range pairs {
			name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !strings.EqualFold(name, "for") {
				continue
			}
			if seen { // each parameter comes once
				hop = netip.Addr{}
				break
			}
			seen = true
			quoted := len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"'
			if quoted {
				value = value[1 : len(value)-1]
			}
			// §6: colons and brackets stand in quotes alone. Many proxies leave the
			// quotes out, and nothing is ambiguous without them.
			hop = parseNode(value)
		}
		hops = append(hops, hop)
	}
	return hops
}

// splitQuoted splits text at separators outside quoted strings (RFC 9110 §5.6.4).
// It reports false if a quoted string has no end.
func splitQuoted(text string, separator byte) (parts []string, ok bool) {
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:]), !quoted
}

// parseNode parses an address as proxies write it: with or without a port, IPv6
// with or without brackets. It returns the zero Addr for everything else.
func parseNode(text string) netip.Addr {
	if bracketed, ok := strings.CutPrefix(text, "["); ok {
		if host, ok := strings.CutSuffix(bracketed, "]"); ok {
			addr, err := netip.ParseAddr(host)
			if err != nil || !addr.Is6() {
				return netip.Addr{}
			}
			return plainAddr(addr)
		}
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return plainAddr(addr)
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddr(addr.Addr())
}

// plainAddr returns the one form of an address: without IPv6 zone, and IPv4 if it is
// mapped to IPv6.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// unmapped returns the IPv4 prefix for one that is mapped to IPv6.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}
