package m2mtest

import (
	"net/http"
	"strings"
)

// attackRoutes asks for operations without a token, in other ways than theirs.
func (d *httpDoor) attackRoutes(operations []Operation, r *report) {
	for _, o := range operations {
		if o.Need.IsPublic() {
			continue
		}
		method, target := splitCall(o.Call)
		path, _, _ := strings.Cut(target, "?")
		if len(path) < 2 || path[0] != '/' {
			continue
		}
		for _, other := range disguises(path) {
			d.attackRoute("route: another spelling of the path", method, other, "/m2mtest-nothing-here", r)
		}
		for _, other := range []string{"get", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "M2MTEST"} {
			if other != method && !declared(operations, other, path) {
				d.attackRoute("route: another method", other, path, "/m2mtest-nothing-here", r)
			}
		}
		for _, public := range operations {
			if public.Need.IsPublic() {
				d.attackThrough(public, method, path, r)
			}
		}
	}
}

// disguises returns spellings that a server, or one after it, can read as path.
func disguises(path string) []string {
	list := []string{
		path + "/", "/" + path, "/." + path, path + "/.", path + "/x/..", "/x/.." + path, "/%2e" + path, "/x/%2e%2e" + path,
		"/x%2f..%2f" + path[1:], `/x\..\` + path[1:], path + "%00", path + "%20", path + ";x=1", path + "%3f", path + "%23",
		"/%" + hex(path[1]) + path[2:], strings.ToUpper(path), path + "..;/", path + ".json",
		"/%25" + hex(path[1]) + path[2:], "/x/..;" + path, "/x/%252e%252e" + path, "/;x=1" + path, "/%2f" + path[1:], path + "%3fx", path + ".",
	}
	// The same within the path, for servers that match by its beginning.
	if first, rest, ok := strings.Cut(path[1:], "/"); ok && rest != "" {
		for _, between := range []string{"%2f", "%252f", "%25252f", "%5c", "%255c", ";x=1/", "%3bx=1/", "./", "%20/", "//", "%00/", "%C0%AF"} {
			list = append(list, "/"+first+between+rest)
		}
		list = append(list, "/"+strings.ToUpper(first)+"/"+rest)
	}
	return list
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func declared(operations []Operation, method, path string) bool {
	for _, o := range operations {
		other, target := splitCall(o.Call)
		target, _, _ = strings.Cut(target, "?")
		if target == path && (other == method || other == http.MethodGet && method == http.MethodHead) {
			return true
		}
	}
	return false
}

// attackThrough asks a public operation for what is not, by dot segments and by
// headers that some servers take for the path.
func (d *httpDoor) attackThrough(public Operation, method, path string, r *report) {
	_, base := splitCall(public.Call)
	base, _, _ = strings.Cut(base, "?")
	base = strings.TrimSuffix(base, "/")
	depth := strings.Count(base, "/")
	nothing := base + "/m2mtest-nothing-here"
	for _, up := range []string{"/%2e%2e", "/..", "/..%2f", "/.%2e", `/..\`, "/..;"} {
		dotted := base + strings.Repeat(up, depth) + path
		d.attackRoute("route: dot segments through a public one", method, dotted, nothing, r)
		d.attackRoute("route: CONNECT with dot segments through a public one", http.MethodConnect, dotted, nothing, r)
	}
	publicMethod, target := splitCall(public.Call)
	for _, name := range []string{"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri"} {
		d.attackRouteBy("route: "+name+" on a public one", publicMethod, target, target,
			http.Header{http.CanonicalHeaderKey(name): {path}, "X-Http-Method-Override": {method}}, r)
	}
}

func (d *httpDoor) attackRoute(name, method, path, nothing string, r *report) {
	d.attackRouteBy(name, method, path, nothing, http.Header{}, r)
}

// attackRouteBy judges an answer by that to the baseline, where there is
// nothing to find: it is let in if it is a success, and the baseline's is
// another.
func (d *httpDoor) attackRouteBy(name, method, path, baseline string, header http.Header, r *report) {
	if r.skips(name) {
		return
	}
	got := d.send(method, path, header, "")
	if strings.HasPrefix(got.text, "can't be sent") {
		return
	}
	if got.ok && !got.crashed {
		first := d.send(method, baseline, http.Header{}, "")
		again := d.send(method, baseline, http.Header{}, "")
		steady := first.body == again.body
		if got.statusCode == first.statusCode && (got.body == first.body || !steady) {
			got.ok = false
		}
	}
	r.add(name, method+" "+path, got, outcome{})
}
