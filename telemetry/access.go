package telemetry

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

const misdirected = "This page answers clients on its own machine, by the name localhost or a loopback address, and not through a proxy.\n" +
	"To let others read it, put a guard before it, and name its host in StatusConfig.Hosts.\n"

// forwarding lists the headers by which proxies say that they forward a request.
// A proxy on this machine would make every client look local.
var forwarding = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Original-Host"}

// permits reports whether a request may read the page.
func (s *status) permits(r *http.Request) bool {
	host, ok := requestHost(r.Host)
	if !ok {
		return false
	}
	if s.hosts[host] {
		return true
	}
	for _, name := range forwarding {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && client.Addr().Unmap().IsLoopback() && isLocal(host)
}

// isLocal reports whether a host names this machine, whatever DNS says (RFC 6761
// §6.3).
func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// requestHost returns the host of a Host header, without its port, in the form of
// hostName.
func requestHost(host string) (string, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return hostName(name)
	}
	return hostName(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

// hostName returns a host name in lower case and without its final dot, or an
// address as netip prints it. It returns false for anything else.
func hostName(host string) (string, bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String(), true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, c := range []byte(host) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return "", false
		}
	}
	return host, host != ""
}
