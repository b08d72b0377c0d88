package attack

import (
	"net/http"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/hostile"
	"github.com/m2mauth/m2mauth/scopes"
)

// nothing is a path that no server is expected to have.
const nothing = "/m2mtest-nothing-here"

// attackRoutes calls operations by other ways than their own: disguised paths
// and hosts, other methods, overridden ones, and through operations that require less. It does
// so without a token, and with a valid one that lacks the scopes.
func (d *httpDoor) attackRoutes(operations []Operation, makers *makers, r *report) {
	for _, o := range operations {
		method, host, target := splitCall(o.Call)
		path, _, _ := strings.Cut(target, "?")
		if o.Need.IsPublic() || len(path) < 2 || path[0] != '/' {
			continue
		}
		way := &way{door: d, report: r, method: method, host: host, path: path}
		way.disguised(operations, hostile.Credential{}, "")
		if c, ok := makers.of(o.Need).unscoped(); ok {
			way.control = d.call(o.Call, makers.of(o.Need).Accepted())
			way.disguised(operations, c, ", a token without the scopes")
		}
		for _, weaker := range operations {
			switch {
			case weaker.Need.IsPublic():
				way.through(weaker, hostile.Credential{}, "a public one")
			case !weaker.Need.IsZero() && !covers(weaker.Need, o.Need):
				way.control = d.call(o.Call, makers.of(o.Need).Accepted())
				way.through(weaker, makers.of(weaker.Need).Accepted(), "one with its own token")
			}
		}
	}
}

// covers reports whether a token with the scopes of one requirement meets
// another, by the rule of wildcards too.
func covers(one, other scopes.Requirement) bool {
	set, err := scopes.Parse(strings.Join(one.Scopes(), " "))
	return err != nil || other.MetBy(set.Wildcards())
}

// way attacks one operation by its route.
type way struct {
	door               *httpDoor
	report             *report
	method, host, path string
	control            outcome // of a good token
}

// disguised calls the operation by other spellings and methods. The name of
// each attack ends in suffix.
func (w *way) disguised(operations []Operation, c hostile.Credential, suffix string) {
	own := request{method: w.method, host: w.host, target: w.path, credential: c}
	for _, path := range disguises(w.path) {
		q := own
		q.target = path
		w.attack("route: another spelling of the path"+suffix, q, nothing)
	}
	for _, host := range hosts(w.host) {
		q := own
		q.host = host
		if !slices.ContainsFunc(operations, func(o Operation) bool { return o.hasHost(host) }) {
			w.attack("route: another spelling of the host"+suffix, q, nothing)
		}
	}
	for _, method := range []string{"get", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "M2MTEST"} {
		q := own
		q.method = method
		if method != w.method && !declared(operations, method, w.host, w.path) {
			w.attack("route: another method"+suffix, q, nothing)
		}
	}
	if w.method != http.MethodPost && !declared(operations, http.MethodPost, w.host, w.path) {
		w.overridden(http.MethodPost, c, "a POST"+suffix)
	}
}

// overridden names the operation's method where some servers look for it, in a request
// of another method to the same path. They do so for forms.
func (w *way) overridden(method string, c hostile.Credential, name string) {
	for _, field := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		w.attack("route: "+field+" on "+name, request{method: method, host: w.host, target: w.path, credential: c, header: http.Header{
			http.CanonicalHeaderKey(field): {w.method}, "Content-Type": {"application/x-www-form-urlencoded"},
		}}, w.path)
	}
}

// disguises returns spellings that a server, or one after it, can read as path.
func disguises(path string) []string {
	list := []string{
		path + "/", "/" + path, "/." + path, path + "/.", path + "/x/..", "/x/.." + path, "/%2e" + path, "/x/%2e%2e" + path,
		"/x%2f..%2f" + path[1:], `/x\..\` + path[1:], path + "%00", path + "%20", path + ";x=1", path + "%3f", path + "%23",
		"/%" + hex(path[1]) + path[2:], strings.ToUpper(path), path + "..;/", path + ".json",
		"/%25" + hex(path[1]) + path[2:], "/x/..;" + path, "/x/%252e%252e" + path, "/;x=1" + path, "/;%2fx" + path, "/%2f" + path[1:], path + "%3fx", path + ".",
	}
	// The same within the path, for servers that match by its beginning.
	if first, rest, ok := strings.Cut(path[1:], "/"); ok && rest != "" {
		for _, between := range []string{"%2f", "%252f", "%25252f", "%5c", "%255c", ";x=1/", ";%2fx/", "%3bx=1/", "./", "%20/", "//", "%00/", "%C0%AF"} {
			list = append(list, "/"+first+between+rest)
		}
		list = append(list, "/"+strings.ToUpper(first)+"/"+rest)
	}
	return list
}

// hosts returns spellings of a host that name the same server (RFC 9110 §4.2.3),
// or the names of a local one where the operation has no host.
func hosts(host string) []string {
	if host == "" {
		return []string{"localhost", "127.0.0.1", "SERVICE.test", "service.test."}
	}
	name, port, ok := strings.Cut(host, ":")
	if ok {
		port = ":" + port
	}
	list := []string{strings.ToUpper(name) + port, name + "." + port, strings.ToUpper(name) + "." + port}
	if !ok {
		list = append(list, name+":80", name+".:443", name+":")
	}
	return list
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func declared(operations []Operation, method, host, path string) bool {
	for _, o := range operations {
		itsMethod, itsHost, target := splitCall(o.Call)
		target, _, _ = strings.Cut(target, "?")
		if target == path && (itsHost == "" || itsHost == host) &&
			(itsMethod == method || itsMethod == http.MethodGet && method == http.MethodHead) {
			return true
		}
	}
	return false
}

func (o Operation) hasHost(host string) bool {
	_, its, _ := splitCall(o.Call)
	return its == host
}

// through calls the operation by the path of a weaker one, with dot segments
// and with header fields that some servers take for the path.
func (w *way) through(weaker Operation, c hostile.Credential, name string) {
	weakMethod, host, target := splitCall(weaker.Call)
	base, _, _ := strings.Cut(target, "?")
	if base == w.path && (host == "" || host == w.host) && weakMethod != w.method {
		w.overridden(weakMethod, c, name)
	}
	base = strings.TrimSuffix(base, "/")
	depth := strings.Count(base, "/")
	for _, up := range []string{"/%2e%2e", "/..", "/..%2f", "/.%2e", `/..\`, "/..;"} {
		q := request{method: w.method, host: host, target: base + strings.Repeat(up, depth) + w.path, credential: c}
		w.attack("route: dot segments through "+name, q, base+nothing)
		q.method = http.MethodConnect
		w.attack("route: CONNECT with dot segments through "+name, q, base+nothing)
	}
	for _, field := range []string{"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri"} {
		w.attack("route: "+field+" on "+name, request{
			method: weakMethod, host: host, target: target, credential: c,
			header: http.Header{http.CanonicalHeaderKey(field): {w.path}, "X-Http-Method-Override": {w.method}},
		}, target)
	}
}

// attack makes a request and compares the response with that of the baseline,
// a path where there is nothing to find. A success that differs from it counts
// as accepted. With a token it must also equal the control: what other
// operations answer to that token is none of this operation's.
func (w *way) attack(name string, q request, baseline string) {
	if w.report.skips(name) {
		return
	}
	got := w.door.send(q)
	if got.unsent {
		return
	}
	if got.ok && !got.crashed {
		plain := q
		plain.target, plain.header = baseline, nil
		first, again := w.door.send(plain), w.door.send(plain)
		steady := first.body == again.body
		same := got.statusCode == first.statusCode && (got.body == first.body || !steady)
		elsewhere := q.credential.Authorization != nil && (got.statusCode != w.control.statusCode || got.body != w.control.body)
		if same || elsewhere {
			got.ok = false
		}
	}
	call := q.method + " " + q.host + q.target
	w.report.add(name, call, got, outcome{})
}
