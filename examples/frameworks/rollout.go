package frameworks

import (
	"net/http"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// reportOnly has the shape of a guard's Require, and refuses nothing: each decision is
// observed and counted, and every call reaches the handler. A service that has callers
// begins with
//
//	require := reportOnly(v)
//
// and continues with
//
//	require := guard.Require
//
// once the audit log has no refusal of a caller that should be accepted. Until then, the
// handler must not trust that there is a client.
func reportOnly(v *verifier.Verifier) func(scopes.Requirement) func(http.Handler) http.Handler {
	return func(need scopes.Requirement) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				call := verifier.Request{Operation: r.Pattern, Authorization: r.Header["Authorization"]}
				if r.TLS != nil {
					call.PeerCertificates = r.TLS.PeerCertificates
				}
				ctx, _ := v.Authorize(r.Context(), call, need) // without a client if it is refused
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		}
	}
}
