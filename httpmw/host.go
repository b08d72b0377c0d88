package httpmw

import (
	"net/http"
	"strings"

	"github.com/m2mauth/m2mauth/internal/urlpath"
)

// withHost returns r, or a copy of it, with a host that ServeMux can compare
// with its patterns by RFC 9110 §4.2.3. ServeMux compares letter case and the dot
// of an absolute name, and for CONNECT the port. ok is false if the host is
// malformed, or differs from that of the target (HTTP/2 can carry two).
func withHost(r *http.Request) (_ *http.Request, ok bool) {
	name, ok := urlpath.Host(r.Host)
	if !ok {
		return nil, false
	}
	if r.URL.Host != "" && r.URL.Host != r.Host {
		if target, ok := urlpath.Host(r.URL.Host); !ok || target != name {
			return nil, false
		}
	}
	port, same := strings.CutPrefix(r.Host, name)
	if same && (port == "" || port[0] == ':' && r.Method != http.MethodConnect) {
		return r, true
	}
	copied := new(http.Request)
	*copied = *r
	copied.Host = name
	return copied, true
}
