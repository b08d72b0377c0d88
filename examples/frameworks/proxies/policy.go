// Package proxies decides calls for a proxy that asks before it forwards them: nginx
// by auth_request, and Envoy by ext_authz. Both use one policy, an [httpmw.Mux] whose
// handlers do nothing.
package proxies

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// clientHeader tells the service who is calling. The proxy removes what the client
// sent under this name.
const clientHeader = "X-Client-Id"

// newPolicy returns the requirement of each operation. What it does not name is
// refused.
func newPolicy(guard *httpmw.Middleware) (*httpmw.Mux, error) {
	mux, err := httpmw.NewMux(guard)
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /health", scopes.Public(), allow)
	mux.HandleFunc("GET /files/", scopes.Public(), allow)
	mux.HandleFunc("GET /files/private/", scopes.All("files:read"), allow)
	mux.HandleFunc("GET /orders", scopes.All("orders:read"), allow)
	mux.HandleFunc("DELETE /orders/{id}", scopes.All("orders:write"), allow)
	return mux, mux.CheckCoverage()
}

// allow is the handler of every operation: the call may go on, as this client.
func allow(w http.ResponseWriter, r *http.Request) {
	if client, ok := verifier.ClientFromContext(r.Context()); ok {
		w.Header().Set(clientHeader, client.ID)
	}
	w.WriteHeader(http.StatusNoContent)
}

// decision is the policy's response to a call.
type decision struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// decide asks the policy about the call that the proxy has received. target is the
// request target, still encoded: the path that the service will read must be the path
// that is decided about.
func decide(ctx context.Context, policy http.Handler, method, host, target string, header http.Header) *decision {
	d := &decision{header: http.Header{}}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		d.status = http.StatusForbidden
		return d
	}
	r := &http.Request{
		Method: method, URL: u, RequestURI: target, Host: host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	policy.ServeHTTP(d, r.WithContext(ctx))
	switch {
	case d.status == http.StatusNoContent, d.header.Get("WWW-Authenticate") != "",
		d.status == http.StatusTooManyRequests, d.status == http.StatusServiceUnavailable:
	default: // no such route (404, 405), another spelling of one (307), or an ambiguous path (400)
		d.status = http.StatusForbidden
	}
	return d
}

func (d *decision) allowed() bool { return d.status == http.StatusNoContent }

// Header, WriteHeader and Write make a decision an [http.ResponseWriter].
func (d *decision) Header() http.Header { return d.header }

func (d *decision) WriteHeader(status int) { d.status = status }

func (d *decision) Write(b []byte) (int, error) { return d.body.Write(b) }
