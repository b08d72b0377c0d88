package frameworks

import (
	"net/http"

	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// reportOnly returns a function of the shape of a guard's Require that refuses nothing:
// each decision is observed and counted, and every call reaches the handler. A service
// that has callers begins with
//
//	require, err := reportOnly(v, opts)
//
// and continues with the Require of
//
//	guard, err := httpmw.New(v, &opts)
//
// once the audit log has no refusal of a caller that should be accepted. Until then, the
// handler must not trust that there is a client.
func reportOnly(v *verifier.Verifier, opts httpmw.Options) (func(scopes.Requirement) func(http.Handler) http.Handler, error) {
	opts.ErrorHandler = func(http.ResponseWriter, *http.Request, *verifier.Error) {} // the handler answers, below
	guard, err := httpmw.New(v, &opts)
	if err != nil {
		return nil, err
	}
	return func(need scopes.Requirement) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				decided := r // without a client if it is refused
				allowed := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { decided = r })
				guard.Require(need)(allowed).ServeHTTP(w, r)
				next.ServeHTTP(w, decided)
			})
		}
	}, nil
}
