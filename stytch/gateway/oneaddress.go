package gateway

import (
	"fmt"
	"net/netip"
	"sync"
)

const oneAddressAfter = 100 // requests before the first warning

// oneAddress detects that all requests come from one private address. It is probably
// the address of a proxy that ClientAddr does not take into account, so that all
// clients share one limit. The zero value is ready for use.
type oneAddress struct {
	mu    sync.Mutex
	addr  netip.Addr
	count uint64
	mixed bool // whether a second or a public address was seen
}

// warning counts a request and returns a warning, or "" if there is none. It warns at
// the hundredth request, and again each time the number has doubled.
func (o *oneAddress) warning(addr netip.Addr) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.mixed:
		return ""
	case isPublic(addr), o.count > 0 && addr != o.addr:
		o.mixed = true
		return ""
	}
	o.addr = addr
	o.count++
	if n := o.count / oneAddressAfter; o.count%oneAddressAfter != 0 || n&(n-1) != 0 {
		return ""
	}
	if !addr.IsValid() {
		return fmt.Sprintf("none of the %d requests so far had a valid address, so they share one limit: "+
			"set ClientAddr", o.count)
	}
	return fmt.Sprintf("all %d requests so far came from %v, so they share one limit: "+
		"if it is a proxy's address, set ClientAddr with Proxies.ClientAddr", o.count, addr)
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func isPublic(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() &&
		!addr.IsUnspecified() && !carrierGrade.Contains(addr)
}
