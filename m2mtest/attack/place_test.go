package attack_test

import (
	"net/http"
	"testing"

	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/m2mtest/attack"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestAttackCredentialHeader: Run attacks servers that read tokens from another header,
// and finds what is weak there.
func TestAttackCredentialHeader(t *testing.T) {
	const header = "Cf-Access-Jwt-Assertion"
	authority, v := m2mtest.Trust(t, nil)
	guard, err := httpmw.New(v, &httpmw.Options{CredentialHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	sound := http.NewServeMux()
	sound.Handle("GET /a", guard.Require(scopes.All("a", "x"))(answers("a")))
	// bare reads the tokens as a weak server does.
	bare := func(read func(*http.Request) []string) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /a", func(w http.ResponseWriter, r *http.Request) {
			if _, err := v.Authorize(r.Context(), verifier.Request{BareToken: read(r)}, scopes.All("a", "x")); err != nil {
				new(httpmw.Middleware).WriteError(w, r, err)
			}
		})
		return mux
	}
	for _, h := range []hole{
		{"sound", sound, nil},
		{"first of two headers", bare(func(r *http.Request) []string { return r.Header[header][:min(1, len(r.Header[header]))] }),
			[]string{"a good one before a forged one", "the same twice", "Basic after it", "an empty value after it", "a value that is no text after it"}},
		{"Authorization, too", bare(func(r *http.Request) []string {
			if len(r.Header["Authorization"]) == 1 {
				return []string{r.Header.Get("Authorization")[len("Bearer "):]}
			}
			return r.Header[header]
		}), []string{"elsewhere: in authorization: ", "elsewhere: in authorization, beside a broken token"}},
	} {
		t.Run(h.name, func(t *testing.T) {
			var got attacked
			attack.Run(&got, attack.Target{Authority: authority, CredentialHeader: header, Handler: h.handler, HTTP: httpOperations()[:1],
				Skip: func(attack string) bool {
					return attack == "elsewhere: beside another scheme" && h.name == "Authorization, too"
				}})
			got.found(t, h.want)
		})
	}

	policy := grpcmw.Policy{"/t.S/Get": scopes.All("get"), "/t.S/GetSecret": scopes.All("secret"), "/t.S/Watch": scopes.Authenticated()}
	interceptor, err := grpcmw.New(v, policy, &grpcmw.Options{CredentialHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	var got attacked
	attack.Run(&got, attack.Target{Authority: authority, CredentialHeader: header, Conn: serveGRPC(t, interceptor.ServerOptions()...), GRPC: grpcOperations()})
	got.found(t, nil)
}
