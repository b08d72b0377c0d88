package proxies

import "net/http"

// authRequest answers nginx's auth_request. nginx.conf sets both headers of the
// original request, so that a client can't. Let nothing but nginx reach the handler:
// serve it on a unix socket.
func authRequest(policy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, uri := r.Header["X-Original-Method"], r.Header["X-Original-Uri"]
		if len(method) != 1 || len(uri) != 1 {
			http.Error(w, "auth_request must set X-Original-Method and X-Original-URI", http.StatusInternalServerError)
			return
		}
		d := decide(r.Context(), policy, method[0], r.Host, uri[0], r.Header)
		for _, name := range []string{clientHeader, "Www-Authenticate", "Retry-After"} {
			if values := d.header[name]; values != nil {
				w.Header()[name] = values
			}
		}
		if d.status == http.StatusBadRequest { // nginx would make it a 500
			d.status = http.StatusUnauthorized
		}
		w.WriteHeader(d.status)
	})
}
